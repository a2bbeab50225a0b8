// What layers share (PWCCA, SVCCA, CKA), and what the selected probe mixes up.

/** The maps on the audio of the chosen task; where it has none, those of the first that has. */
function onTask(state, maps) {
  const has = new Set(maps.map((map) => map.task));
  const task = has.has(DATA.tasks[state.task].name) ? DATA.tasks[state.task].name : maps[0]?.task;
  return maps.filter((map) => map.task === task);
}

const heardOn = (maps) => (maps[0].task ? ` On audio of ${maps[0].task}.` : '');

/** Layers against what goes in (mel bands, chroma): a curve per encoder, with the floor of shuffled rows. */
function likeInput(state) {
  const maps = onTask(state, DATA.similarity.maps.filter((map) => map.kind === 'input'));
  const shown = DATA.encoders.map((_, e) => e).filter((e) => state.on.has(e) && maps.some((map) => map.b === DATA.encoders[e].name));
  if (!shown.length) return null;
  const inputs = [...new Set(maps.flatMap((map) => map.rows))];
  const measures = [...new Set(maps.map((map) => map.measure))];
  const input = () => (inputs.includes(local.input) ? local.input : inputs[0]);
  const by = () => (measures.includes(local.inputMeasure) ? local.inputMeasure : measures[0]);
  const of = (e) => {
    const map = maps.find((one) => one.b === DATA.encoders[e].name && one.measure === by() && one.rows.includes(input()));
    const row = map?.rows.indexOf(input());
    return map ? map.columns.map((name, k) => ({ name, value: map.values[row][k], floor: map.floor?.[row]?.[k] ?? null, n: map.n_rows })) : [];
  };
  const draw = (width) => {
    const depth = Math.max(...shown.map((e) => of(e).length), 1);
    const naming = new Set(shown.map((e) => JSON.stringify(of(e).map((point) => point.name))));
    const short = shortNames(naming.size === 1 ? of(shown[0]).map((point) => point.name) : [...Array(depth).keys()].map(String));
    const c = chart({
      width, height: 290, alt: `Similarity of every layer to ${input()}`,
      x: { low: -0.5, high: depth - 0.5, ticks: short.names.map((label, at) => ({ at, label: shorten(label, 14) })), title: short.prefix ? `layer (${short.prefix}…)` : naming.size === 1 ? 'layer' : 'layer, counted from the input' },
      y: { low: Math.min(0, range(shown.flatMap((e) => of(e).map((point) => point.value)))[0]), high: 1, title: `${measureName(by())} to ${input()}` },
    });
    for (const e of shown) {
      const look = DATA.encoders[e];
      c.add(line(c, of(e).map((point, k) => [k, point.floor]), { stroke: look.colour, 'stroke-dasharray': '2 3', 'stroke-width': 1.3 }));
      c.add(line(c, of(e).map((point, k) => [k, point.value]), { stroke: look.colour, 'stroke-dasharray': look.dash || null }));
      of(e).forEach((point, k) => {
        if (!isNumber(point.value)) return;
        const hollow = isNumber(point.floor) && point.value <= point.floor;
        c.add(marker(look, c.x(k), c.y(point.value), { hollow, tip: `${look.name}, ${point.name}\n${measureName(by())} ${num(point.value)}, floor ${num(point.floor)}` }));
      });
    }
    return c.node;
  };
  const figure = host(draw);
  const notes = [...new Set(maps.flatMap((map) => map.notes ?? []))];
  const list = () => table('Similarity to the input', ['encoder', 'layer', 'input', 'measure', '#value', '#noise floor', '#rows'],
    shown.flatMap((e) => of(e).map((point) => [DATA.encoders[e].name, point.name, input(), measureName(by()), num(point.value), num(point.floor), String(point.n)])));
  return panel('Layers against the input', `How much of the input features each layer still holds. Dotted: the noise floor, what shuffled rows reach; hollow: not above it.${heardOn(maps)}`,
    [el('div', { class: 'options' }, picker('Input', inputs, input(), (value) => { local.input = value; paint(figure); }),
      picker('by', measures, by(), (value) => { local.inputMeasure = value; paint(figure); }, measureName)),
    legend(shown), figure, numbers(list), notes.length ? numbers(() => el('ul', { class: 'small soft' }, notes.map((text) => el('li', {}, text))), 'How to read it here') : null]);
}

/** 'cka_debiased' as papers write it. */
const measureName = (measure) => measure.split('_').map((part, k) => (k ? part : part.toUpperCase())).join(', ');

const picker = (label, options, value, set, name = (one) => one) => el('label', {}, `${label} `, el('select', { onchange: (event) => set(event.target.value) },
  options.map((one) => el('option', { value: one, selected: one === value }, name(one)))));

function similarity(state) {
  const maps = onTask(state, DATA.similarity.maps.filter((map) => map.kind !== 'input'));
  if (!maps.length) return null;
  const title = (map) => (map.kind === 'layers' || map.a === map.b ? `${map.a}: layers among themselves` : `${map.a} × ${map.b}`);
  const titles = [...new Set(maps.map(title))];
  const wanted = maps.filter((map) => map.a === DATA.encoders[state.focus].name);
  const names = () => (titles.includes(local.map) ? local.map : title(wanted[0] ?? maps[0]));
  const chosen = () => maps.find((map) => title(map) === names() && map.measure === local.measure) ?? maps.find((map) => title(map) === names());
  const draw = () => {
    const map = chosen();
    const columns = shortNames(map.columns);
    const above = (r, k) => !isNumber(map.floor?.[r]?.[k]) || map.values[r][k] > map.floor[r][k];
    return el('div', {}, scale('0', '1'), heat({
      name: `${measureName(map.measure)}, ${title(map)}`, corner: columns.prefix ? `${shorten(map.b, 14)} ${columns.prefix}…` : shorten(map.b, 20),
      rows: map.rows, columns: columns.names,
      value: (r, k) => map.values[r][k], share: (r, k) => map.values[r][k], text: (r, k) => num(map.values[r][k], 2).replace(/^0\./, '.'),
      faded: (r, k) => !above(r, k),
      tip: (r, k) => `${map.a} ${map.rows[r]}, ${map.b} ${map.columns[k]}\n${measureName(map.measure)} ${num(map.values[r][k])}${isNumber(map.floor?.[r]?.[k]) ? `\nnoise floor ${num(map.floor[r][k])}${above(r, k) ? '' : ': not above it'}` : ''}`,
    }), el('p', { class: 'soft small' }, `${map.n_rows} rows. Struck through: not above the floor that shuffled rows reach. ${(map.notes ?? []).join(' ')}`));
  };
  const figure = host(draw);
  const measures = [...new Set(maps.map((map) => map.measure))];
  return panel('Similarity of layers', 'How much of what one layer (row) holds another (column) holds too.' + heardOn(maps),
    [el('div', { class: 'options' }, picker('Between', titles, names(), (value) => { local.map = value; paint(figure); }),
      picker('by', measures, local.measure ?? measures[0], (value) => { local.measure = value; paint(figure); }, measureName)), figure], { wide: maps[0].columns.length > 15 });
}

function confusion(state) {
  const result = resultOf(state.focus, state.task);
  const found = result?.confusion;
  if (!found) return null;
  const { labels } = found;
  const counts = labels.map(() => labels.map(() => 0));
  for (const [r, k, n] of found.cells) counts[r][k] = n;
  const totals = counts.map(sum);
  const key = `${state.focus}/${state.task}`;
  let filter = local.confused?.key === key ? local.confused.pair : null;
  const items = () => found.items.filter((item) => !filter || (item.truth === labels[filter[0]] && item.answer === labels[filter[1]]));
  const pairs = new Set(found.items.map((item) => `${item.truth}\n${item.answer}`));
  const listed = el('div', { class: 'listed' });
  const fill = () => {
    const heard = found.items.some((item) => item.path);
    const head = ['item', 'truth', 'answer', '#margin', ...(heard ? ['listen'] : [])];
    listed.replaceChildren(...[
      filter ? el('p', {}, `${labels[filter[0]]} answered as ${labels[filter[1]]}. `, el('button', { type: 'button', onclick: () => { filter = null; fill(); } }, 'Show all')) : null,
      table(`Confused items on ${DATA.tasks[state.task].name}`, head, items().map((item) => [item.id, item.truth, item.answer, num(item.margin),
        ...(heard ? [item.path ? el('audio', { controls: true, preload: 'none', src: item.path, 'aria-label': `${item.id}` }) : ''] : [])])),
      el('p', { class: 'soft small' }, `${found.shown} of ${found.of} wrong answers, the surest first. `, heard ? 'Sounds are read from where the data lie, when played.' : 'To listen here: jaxprobe report WORKDIR --audio (it writes the paths of the audio into the page, so leave it out of a page you publish).'),
    ].filter(Boolean));
  };
  fill();
  const small = labels.length > 40;
  const wrong = labels.flatMap((truth, r) => labels.map((answer, k) => [truth, answer, counts[r][k], totals[r]]).filter(([, , n], k) => k !== r && n > 0)).sort((a, b) => b[2] - a[2]);
  return panel(`Confusion, ${DATA.encoders[state.focus].name}`,
    `Rows: truth; columns: answer; counts of test items of the selected cell, first seed; colour: share of the row. ${pairs.size ? 'Press an outlined cell to list its items.' : ''}`,
    [scale('0 % of the row', '100 %'), el('div', { class: labels.length > 14 ? null : 'beside' }, heat({
      name: `Confusion on ${DATA.tasks[state.task].name}`, corner: 'truth ↓ answer →', rows: labels, columns: labels, small,
      value: (r, k) => (counts[r][k] ? counts[r][k] : null), absent: small ? '' : '·',
      share: (r, k) => counts[r][k] / totals[r], text: (r, k) => String(counts[r][k]),
      mark: (r, k) => (r !== k && pairs.has(`${labels[r]}\n${labels[k]}`) ? 'pressable' : ''),
      tip: (r, k) => (counts[r][k] ? `${labels[r]} answered as ${labels[k]}\n${counts[r][k]} of ${totals[r]} (${percent(counts[r][k] / totals[r])})` : null),
      press: { can: (r, k) => r !== k && pairs.has(`${labels[r]}\n${labels[k]}`), go: (r, k) => { filter = [r, k]; local.confused = { key, pair: filter }; fill(); listed.scrollIntoView({ block: 'nearest' }); } },
    }), listed),
    small ? table('Most frequent confusions', ['truth', 'answer', '#items', '#of'], wrong.slice(0, 30).map(([truth, answer, n, of]) => [truth, answer, String(n), String(of)])) : null], { wide: true });
}

function perLabel(state) {
  const result = resultOf(state.focus, state.task);
  const found = result?.per_label;
  if (!found?.labels?.length || found.labels.length < 2) return null;
  const names = Object.keys(found).filter((name) => name !== 'labels');
  return panel(`Label by label, ${DATA.encoders[state.focus].name}`, `The selected cell, mean over seeds. All labels together: ${result.main_score.metric} ${num(result.main_score.value)} ${interval(result.main_score.ci95)}, ${bestOf(state)} ${num(result.best_constant[result.main_score.metric])}.`,
    [table(`Scores of every label on ${DATA.tasks[state.task].name}`, ['label', ...names.map((name) => `#${name}`)],
      found.labels.map((label, k) => [label, ...names.map((name) => (name === 'n' ? num(found[name][k], 0) : num(found[name][k])))]))]);
}
