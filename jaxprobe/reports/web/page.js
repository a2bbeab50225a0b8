// The page: what is chosen, the four questions and their answers, themes, tips, addresses.

const local = {}; // What single panels remember while other things are chosen.
const state = { task: 0, metric: '', on: new Set(), focus: 0, get shown() { return [...this.on].filter((e) => resultOf(e, this.task)).sort((a, b) => a - b); } };

/** A place where a figure is drawn once its width is known, and again when that changes. */
function host(draw) {
  const node = el('div', { class: 'host' });
  node.draw = draw;
  return node;
}

function paint(node) {
  const width = Math.floor(node.clientWidth);
  if (width > 0) node.replaceChildren(node.draw(width));
  node.drawn = width;
}

/** A part that is made when it is opened: the numbers behind a figure. */
function numbers(make, title = 'Numbers') {
  const node = el('details', { class: 'numbers' }, el('summary', {}, title));
  node.addEventListener('toggle', () => { if (node.open && node.children.length === 1) node.append(make()); });
  return node;
}

function panel(title, note, parts, { wide = false } = {}) {
  const behind = (part) => part?.classList?.contains('numbers');
  return el('article', { class: wide ? 'panel wide' : 'panel' }, el('h3', {}, title), parts.filter((part) => !behind(part)),
    note ? el('p', { class: 'caption' }, note) : null, parts.filter(behind));
}

/** The mark of an encoder as a small picture. */
function swatch(look) {
  const node = el('svg', { class: 'swatch', viewBox: '0 0 26 14', width: 26, height: 14, 'aria-hidden': 'true' });
  if (look.name) node.append(el('line', { x1: 0, x2: 26, y1: 7, y2: 7, stroke: look.colour, 'stroke-width': 1.8, 'stroke-dasharray': look.dash || null }));
  node.append(marker(look, 13, 7, { size: 4 }));
  return node;
}

function glyph(kind) {
  const node = el('svg', { class: 'glyph', viewBox: '0 0 18 16', width: 18, height: 16, role: 'img', 'aria-label': kind });
  const ink = { colour: 'var(--ink)', marker: 'o' };
  if (kind === 'ring') node.append(el('circle', { class: 'ring', cx: 9, cy: 8, r: 6.8 }));
  node.append(marker(ink, 9, 8, { hollow: kind === 'hollow', size: 3.6 }));
  return node;
}

/** What the best answer is called that does not listen: a constant, a metronome. */
const bestOf = (chosen) => DATA.tasks[chosen.task].constants[1];

/** The dotted line of a chart: what that answer earns. */
function constantKey(shown, state, metric) {
  const levels = [...new Set(shown.map((e) => num(resultOf(e, state.task).best_constant[metric])))];
  const node = el('svg', { class: 'swatch', viewBox: '0 0 26 14', width: 26, height: 14, 'aria-hidden': 'true' },
    el('line', { class: 'level', x1: 0, x2: 26, y1: 7, y2: 7, 'stroke-dasharray': '2 3' }));
  return el('span', {}, node, `${bestOf(state)} ${levels.join(' / ')}`);
}

const legend = (shown, more = null, last = null) => el('p', { class: 'legend' }, shown.map((e) => el('span', {}, swatch(DATA.encoders[e]), DATA.encoders[e].name,
  DATA.encoders[e].control ? ' (random weights)' : '', more ? el('small', {}, ` ${more(e)}`) : '')), last);

/** One encoder's answer to a question: a word or number large, what qualifies it below. */
const answer = (e, large, ...lines) => el('div', { class: 'answer' }, el('p', { class: 'who' }, swatch(DATA.encoders[e]), DATA.encoders[e].name),
  el('p', { class: 'large' }, large), lines.filter(Boolean).map((text) => el('p', {}, text)));

function listSources(names) {
  const shown = names.slice(0, 6).join(', ');
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown;
}

const QUESTIONS = [
  {
    id: 'which-layer', title: 'Which layer?',
    answer(e, result) {
      if (!result.selected) return [NOTHING, 'every cell diverged'];
      const good = (result.comparisons?.as_good_as_best ?? []).filter((name) => name !== result.selected.source);
      const { value, ci95, metric } = result.main_score;
      return [result.selected.source, `${metric} ${num(value)} ${interval(ci95)}; ${bestOf(state)} ${num(result.best_constant[metric])}`,
        result.comparisons ? (good.length ? `As good as the best: ${listSources(good)}` : 'No other source is as good') : `at rate ${rate(result.selected.learning_rate)}`];
    },
    panels: [layerCurve, otherMetric, layerTaskMap, weights, rateMap, projection],
  },
  {
    id: 'how-sure', title: 'How sure?',
    answer(e, result) {
      const { value, ci95, seed_std: spread, n_seeds: seeds, metric } = result.main_score;
      if (!ci95) return [NOTHING, 'no interval'];
      const edge = result.grid_edge ? ` But ${result.grid_edge}.` : '';
      return [`${num(value)} ${interval(ci95)}`, `95 % interval of ${metric} over ${result.bootstrap.clusters} ${result.bootstrap.clustered ? 'groups of test items' : 'test items'}; seed sd ${num(spread)} (${seeds} ${seeds === 1 ? 'seed' : 'seeds'}); ${bestOf(state)} ${num(result.best_constant[metric])}`,
        `Regret ${num(result.regret)}: on test, ${result.oracle_test?.source ?? NOTHING} would have been best.${edge}`];
    },
    panels: [differences, closedForm, ledger, labelEfficiency, labelMap],
  },
  {
    id: 'compared', title: 'Compared with what?',
    answer(e, result) {
      const { value, ci95, metric } = result.main_score;
      const constant = result.best_constant[metric];
      const shuffled = result.controls?.shuffled?.rows.find((row) => row.source === result.selected?.source);
      const paper = (result.published ?? []).find((row) => row.metric === metric);
      const gap = result.mix_minus_best_layer;
      return [isNumber(value) ? `${num(Math.abs(value - constant))} ${value >= constant ? 'above' : 'below'} ${bestOf(state).replace('best ', '')}` : NOTHING, `${metric} ${num(value)} ${interval(ci95)} against ${num(constant)} for the ${bestOf(state)}`,
        shuffled ? `Shuffled labels earn ${num(shuffled.shuffled)} ${interval(shuffled.shuffled_ci95)}: ${shuffled.at_chance ? 'at chance' : 'above chance'}` : '',
        gap ? `Weighted sum − best layer: ${signed(gap.value)} ${interval(gap.ci95)}` : '',
        paper ? `Published ${num(paper.published)}: ${paper.inside ? 'inside' : 'outside'} our interval` : ''];
    },
    panels: [beside, encoderPairs, selectivity, heads, headMap, contexts, contextMap, published],
  },
  {
    id: 'noise', title: 'Does it survive noise?', needs: 'robustness',
    answer(e, result) {
      const found = result.robustness;
      const row = found?.rows.find((one) => one.source === found.selected);
      if (!row) return null;
      const drops = found.deformations.map((d) => ({ d, at: row.scores[d.name] })).filter(({ at }) => isNumber(at?.drop)).sort((a, b) => b.at.drop - a.at.drop);
      if (!drops.length) return null;
      const { d, at } = drops[0];
      const kept = drops.filter(({ at: one }) => one.drop_ci95 && one.drop_ci95[0] <= 0).length;
      return [`${signed(-at.drop)} at worst`, `${d.title}: ${num(at.value)} ${interval(at.ci95)} instead of ${num(row.clean)} (${row.source}), a drop of ${num(at.drop)} ${interval(at.drop_ci95)}; ${bestOf(state)} ${num(result.best_constant[found.metric])}`,
        `${kept} of ${drops.length} deformations without a significant drop. Best source there: ${found.ranks?.[d.name]?.best_source ?? NOTHING}`];
    },
    panels: [noiseMap, severity, ranks],
  },
  { id: 'meaning', title: 'What do the layers share, and what gets mixed up?', panels: [likeInput, similarity, confusion, perLabel] },
];

function draw() {
  for (const question of QUESTIONS) {
    const section = document.getElementById(question.id);
    const body = section.querySelector('.body');
    const answers = question.answer ? state.shown.map((e) => [e, question.answer(e, resultOf(e, state.task))]).filter(([, said]) => said) : [];
    const panels = state.shown.length ? question.panels.flatMap((make) => attempt(make)).filter(Boolean) : [];
    const hidden = !panels.length && !answers.length;
    section.hidden = hidden;
    document.querySelectorAll(`nav a[href="#${question.id}"]`).forEach((link) => { link.hidden = hidden; });
    const about = question.id === 'which-layer' ? aboutTask() : [];
    body.replaceChildren(...about, answers.length ? el('div', { class: 'answers' }, answers.map(([e, said]) => answer(e, ...said))) : '', el('div', { class: 'panels' }, unholed(panels)));
  }
  const none = document.getElementById('none');
  none.hidden = state.shown.length > 0;
  document.querySelectorAll('main .host').forEach(paint);
}

/** What the task is and what constants earn, and every warning in full. */
function aboutTask() {
  const said = new Map();
  for (const e of state.shown) {
    for (const { code, text } of resultOf(e, state.task).warnings ?? []) {
      const key = `${code}\n${text}`;
      said.set(key, [...(said.get(key) ?? []), DATA.encoders[e].name]);
    }
  }
  const items = [...said].map(([key, who]) => {
    const [code, text] = key.split('\n');
    return el('li', {}, el('span', { class: 'tag' }, code), `${who.join(', ')}: ${text}`);
  });
  return [el('p', { class: 'soft' }, DATA.tasks[state.task].says.flatMap((text, k) => (k ? [el('br'), text] : [text]))),
    ...(items.length ? [el('ul', { class: 'warnings small soft' }, items)] : [])];
}

/** Widens a half panel that would stand alone in its row. */
function unholed(panels) {
  let halves = 0;
  panels.forEach((one, k) => {
    const wide = one.classList.contains('wide');
    halves = wide ? 0 : halves + 1;
    const last = k === panels.length - 1 || panels[k + 1].classList.contains('wide');
    if (!wide && last && halves % 2) one.classList.add('wide');
  });
  return panels;
}

/** A section of an unexpected form must not take the page down; the console says what it was. */
function attempt(make) {
  try {
    return make(state);
  } catch (error) {
    console.error(make.name, error);
    return panel(make.name, '', [el('p', { class: 'banner' }, `This part could not be drawn: ${error.message}`)]);
  }
}

// What is chosen lives in the address, so that a link shows what its sender saw.

function fromHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = (list, name) => list.findIndex((one) => one.name === name);
  const task = found(DATA.tasks, given.get('task'));
  if (task >= 0) state.task = task;
  const named = (given.get('encoders') ?? '').split(',').map(decodeURIComponent).map((name) => found(DATA.encoders, name)).filter((e) => e >= 0);
  if (named.length) state.on = new Set(named);
  const focus = found(DATA.encoders, given.get('detail'));
  if (focus >= 0) state.focus = focus;
  if (given.get('metric')) state.metric = given.get('metric');
  settle();
  return given.get('at');
}

function toHash(at = null) {
  const said = new URLSearchParams({ task: DATA.tasks[state.task].name, metric: state.metric, detail: DATA.encoders[state.focus].name });
  said.set('encoders', [...state.on].map((e) => encodeURIComponent(DATA.encoders[e].name)).join(','));
  if (at) said.set('at', at);
  history.replaceState(null, '', `#${said}`);
}

/** Makes the choices fit each other: the metric is one of the task's, the detail is shown. */
function settle() {
  const task = DATA.tasks[state.task];
  if (!task.metrics.includes(state.metric)) state.metric = task.metric;
  if (!resultOf(state.focus, state.task) || !state.on.has(state.focus)) state.focus = state.shown[0] ?? state.focus;
}

function choose(changes) {
  Object.assign(state, changes);
  settle();
  toHash();
  controls();
  draw();
}

function controls() {
  const fill = (id, options, value) => {
    const select = document.getElementById(id);
    select.replaceChildren(...options.map(([key, text]) => el('option', { value: key }, text)));
    select.value = String(value);
  };
  fill('task', DATA.tasks.map((task, t) => [t, task.name]), state.task);
  fill('metric', DATA.tasks[state.task].metrics.map((m) => [m, m]), state.metric);
  fill('detail', state.shown.map((e) => [e, DATA.encoders[e].name]), state.focus);
  document.getElementById('encoders-chosen').querySelectorAll('input').forEach((box) => {
    const e = Number(box.value);
    box.checked = state.on.has(e);
    box.disabled = !resultOf(e, state.task);
    box.parentNode.title = box.disabled ? 'not probed on this task' : '';
  });
  document.title = `${DATA.tasks[state.task].name}: ${DATA.title}`;
}

/** The model to look at first: the best on a task, controls last. */
function bestModel(task) {
  const worth = (e) => (DATA.encoders[e].control ? -1e9 : 0) + (resultOf(e, task).main_score.value ?? -1e8);
  const here = DATA.encoders.map((_, e) => e).filter((e) => resultOf(e, task));
  return here.reduce((held, e) => (worth(e) > worth(held) ? e : held), here[0] ?? 0);
}

function start() {
  document.documentElement.classList.add('js');
  state.on = new Set(DATA.encoders.map((_, e) => e));
  state.task = Math.max(0, DATA.tasks.findIndex((_, t) => DATA.encoders.some((_e, e) => resultOf(e, t))));
  state.focus = bestModel(state.task);
  document.getElementById('encoders-chosen').append(...DATA.encoders.map((look, e) => el('label', { class: 'chip' },
    el('input', { type: 'checkbox', value: e, onchange: (event) => { const on = new Set(state.on); if (event.target.checked) on.add(e); else on.delete(e); choose({ on }); } }),
    swatch(look), el('span', {}, shorten(look.name, 30)))));
  document.getElementById('task').addEventListener('change', (event) => choose({ task: Number(event.target.value) }));
  document.getElementById('metric').addEventListener('change', (event) => choose({ metric: event.target.value }));
  document.getElementById('detail').addEventListener('change', (event) => choose({ focus: Number(event.target.value) }));
  const at = fromHash();
  controls();
  draw();
  document.querySelectorAll('main .scroll').forEach((box) => enhance(box, box.getAttribute('aria-label') ?? 'table'));
  document.querySelectorAll('[data-task]').forEach((node) => {
    const task = Number(node.dataset.task);
    const words = [...node.childNodes];
    node.replaceChildren(el('button', { type: 'button', class: 'plain', onclick: () => { choose({ task }); goTo('which-layer'); } }, words));
  });
  if (at) document.getElementById(at)?.scrollIntoView();
}

function goTo(id) {
  toHash(id);
  const section = document.getElementById(id);
  section.scrollIntoView();
  section.querySelector('h2')?.focus({ preventScroll: true });
}

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (link) {
    event.preventDefault();
    goTo(link.getAttribute('href').slice(1));
  }
});

addEventListener('hashchange', () => {
  const at = location.hash.includes('=') ? fromHash() : location.hash.slice(1);
  controls();
  draw();
  if (at) document.getElementById(at)?.scrollIntoView();
});

let resized;
addEventListener('resize', () => {
  clearTimeout(resized);
  resized = setTimeout(() => document.querySelectorAll('main .host').forEach((node) => { if (node.clientWidth !== node.drawn) paint(node); }), 120);
});

// Light and dark: the reader's own setting until the button says otherwise.

function theme(next) {
  if (next) document.documentElement.dataset.theme = next;
  try {
    if (next) localStorage.setItem('jaxprobe-theme', next);
    else if (localStorage.getItem('jaxprobe-theme')) theme(localStorage.getItem('jaxprobe-theme'));
  } catch { /* A browser may refuse storage to local files; the choice then lasts until the page closes. */ }
}

const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';

document.getElementById('theme').addEventListener('click', () => theme(isDark() ? 'light' : 'dark'));

// Tips: what a mark says, where the pointer rests or the finger taps. All of it is in the tables too.

const bubble = document.getElementById('tip');

addEventListener('pointerover', (event) => {
  const node = event.target.closest?.('[data-tip]');
  bubble.hidden = !node;
  if (!node) return;
  bubble.textContent = node.dataset.tip;
  const at = node.getBoundingClientRect();
  const size = bubble.getBoundingClientRect();
  const left = Math.min(Math.max(8, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - 8);
  const above = at.top - size.height - 8;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${above > 4 ? above : at.bottom + 8}px`;
});
addEventListener('scroll', () => { bubble.hidden = true; }, { passive: true });
addEventListener('keydown', (event) => { if (event.key === 'Escape') bubble.hidden = true; });

theme(null);
start();
