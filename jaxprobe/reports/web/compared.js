// "Compared with what?": one figure of everything a score stands beside, then the details.

/** Everything the chosen encoders' scores are to be seen beside, as rows with intervals. */
function standing(state) {
  const task = DATA.tasks[state.task];
  const rows = [];
  const add = (group, name, value, ci, look, note = '') => { if (isNumber(value)) rows.push({ group, name, value, ci, look, note }); };
  const grey = (marker) => ({ colour: 'var(--soft)', marker });
  for (const e of state.shown) {
    const [result, look] = [resultOf(e, state.task), DATA.encoders[e]];
    add(look.name, `selected: ${result.selected?.source ?? NOTHING}`, result.main_score.value, result.main_score.ci95, look, 'chosen by validation');
    const { best_layer: layer, mix } = result;
    if (layer && layer.source !== result.selected?.source) add(look.name, `best layer: ${layer.source}`, layer.test, layer.ci95, look, 'by validation');
    if (mix && mix.source !== result.selected?.source) add(look.name, `weighted sum: ${mix.source}`, mix.test, mix.ci95, look, 'by validation');
    if (result.closed_form?.selected && result.closed_form.metric === task.metric) add(look.name, `closed form (${result.closed_form.method})`, result.closed_form.selected.test, result.closed_form.selected.ci95, grey('s'), 'no learning rate');
    for (const row of result.controls?.rows ?? []) if (row.name === 'shuffled') add(look.name, 'shuffled labels', row.value, row.ci95, grey('X'), row.what ?? '');
    for (const row of result.published ?? []) if (row.metric === task.metric) add(look.name, `published: ${shorten(row.paper, 26)}`, row.published, null, grey('D'), `${row.table}, ${row.variant ?? ''}`);
  }
  const levels = state.shown.map((e) => resultOf(e, state.task));
  for (const [name, values] of [[task.constants[1], levels.map((r) => r.best_constant[task.metric])], [task.constants[0], levels.map((r) => r.majority[task.metric])]]) {
    new Set(values.map((value) => num(value))).forEach((_, value) => add('without listening', name, values.find((v) => num(v) === value), null, grey('v'), 'ignores the audio'));
  }
  return rows;
}

function beside(state) {
  const rows = standing(state);
  const task = DATA.tasks[state.task];
  const draw = (width) => {
    const narrow = width < 560;
    const groups = [...new Set(rows.map((row) => row.group))];
    const [step, head] = [24, 24];
    const names = narrow ? 128 : Math.min(300, 20 + Math.max(...rows.map((row) => measure(row.name))));
    const figures = narrow ? 0 : 160;
    const height = rows.length * step + groups.length * head + 44;
    const [low, high] = range(rows.map((row) => row.value), rows.flatMap((row) => row.ci ?? []), 0.05);
    const x = (value) => names + ((width - names - figures - 12) * (value - low)) / (high - low);
    const node = el('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': `What scores on ${task.name} stand beside` });
    for (const tick of ticksOf(low, high, narrow ? 3 : 6)) {
      node.append(el('line', { class: 'gridline', x1: x(tick.at), x2: x(tick.at), y1: 4, y2: height - 40 }));
      node.append(el('text', { x: x(tick.at), y: height - 24, 'text-anchor': 'middle' }, tick.label));
    }
    const constant = Math.max(...rows.filter((row) => row.name === task.constants[1]).map((row) => row.value));
    if (isNumber(constant)) node.append(el('line', { class: 'level', 'stroke-dasharray': '2 3', x1: x(constant), x2: x(constant), y1: 4, y2: height - 40 }));
    node.append(el('text', { class: 'title', x: x((low + high) / 2), y: height - 4, 'text-anchor': 'middle' }, `test ${task.metric}`));
    let y = 0;
    for (const group of groups) {
      node.append(el('text', { class: 'group', x: 0, y: y + 17 }, shorten(group, narrow ? 40 : 60)));
      y += head;
      for (const row of rows.filter((one) => one.group === group)) {
        node.append(el('text', { x: 10, y: y + 12 }, narrow ? shorten(row.name, 18) : shorten(row.name, 44)));
        if (row.ci) node.append(el('line', { x1: x(Math.max(row.ci[0], low)), x2: x(Math.min(row.ci[1], high)), y1: y + 8, y2: y + 8, stroke: row.look.colour, 'stroke-width': 2 }));
        node.append(marker(row.look, x(row.value), y + 8, { size: 4.5, tip: `${group}, ${row.name}\n${num(row.value)} ${interval(row.ci)}${row.note ? `\n${row.note}` : ''}` }));
        if (!narrow) node.append(el('text', { x: width, y: y + 12, 'text-anchor': 'end' }, `${num(row.value)} ${row.ci ? interval(row.ci) : ''}`));
        y += step;
      }
    }
    return node;
  };
  return panel(`What the scores stand beside, ${task.name}`, `Lines: 95 % intervals over test items. Dotted: the ${task.constants[1]}.`,
    [host(draw), numbers(() => table(`Beside the scores on ${task.name}`, ['encoder', 'what', `#test ${task.metric}`, '95 % interval', 'remark'], rows.map((row) => [row.group, row.name, num(row.value), { text: interval(row.ci), sort: row.ci?.[0] }, row.note])))], { wide: true });
}

/** Differences between encoders; one panel per run that compared them. */
function encoderPairs(state) {
  return DATA.comparisons.map((run) => [run, run.tasks[DATA.tasks[state.task].name]]).filter(([, found]) => found?.pairs?.length)
    .map(([run, found]) => pairsPanel(run, found));
}

function pairsPanel(run, found) {
  const draw = (width) => {
    const narrow = width < 520;
    const [step, names] = [26, Math.min(width * 0.46, 16 + Math.max(...found.pairs.map((pair) => measure(`${pair.a} − ${pair.b}`))))];
    const [low, high] = range([...found.pairs.map((pair) => pair.difference), 0], found.pairs.flatMap((pair) => pair.ci95 ?? []));
    const height = found.pairs.length * step + 42;
    const x = (value) => names + 8 + ((width - names - 16) * (value - low)) / (high - low);
    const node = el('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': 'Differences between encoders' });
    for (const tick of ticksOf(low, high, narrow ? 3 : 5)) {
      node.append(el('line', { class: 'gridline', x1: x(tick.at), x2: x(tick.at), y1: 0, y2: height - 38 }), el('text', { x: x(tick.at), y: height - 23, 'text-anchor': 'middle' }, tick.label));
    }
    node.append(el('line', { class: 'zero', x1: x(0), x2: x(0), y1: 0, y2: height - 38 }));
    node.append(el('text', { class: 'title', x: x((low + high) / 2), y: height - 4, 'text-anchor': 'middle' }, `difference in ${found.metric}`));
    found.pairs.forEach((pair, k) => {
      const y = k * step + 14;
      node.append(el('text', { x: 0, y: y + 4 }, shorten(`${pair.a} − ${pair.b}`, Math.floor(names / 6.6))));
      if (pair.ci95) node.append(el('line', { x1: x(Math.max(pair.ci95[0], low)), x2: x(Math.min(pair.ci95[1], high)), y1: y, y2: y, stroke: 'var(--accent)', 'stroke-width': 2 }));
      node.append(marker({ colour: 'var(--accent)', marker: 'o' }, x(pair.difference), y, { hollow: !pair.significant, size: 4.5, tip: `${pair.a} − ${pair.b}\n${signed(pair.difference)} ${interval(pair.ci95)}\np (Holm) ${pvalue(pair.p_holm)}` }));
    });
    return node;
  };
  const list = () => table('Encoder against encoder', ['encoder', 'against', '#difference', '95 % interval', '#p', '#p (Holm)', 'verdict'],
    found.pairs.map((pair) => [pair.a, pair.b, signed(pair.difference), { text: interval(pair.ci95), sort: pair.ci95?.[0] }, pvalue(pair.p), pvalue(pair.p_holm), verdict(pair)]));
  const mean = () => table('Mean over tasks', ['encoder', '#mean score', '#mean rank', '#tasks'], run.mean.map((row) => [row.encoder, num(row.value), num(row.mean_rank, 2), String(row.tasks)]));
  const out = Object.entries(found.left_out ?? {}).map(([encoder, reason]) => ` ${encoder} is left out: ${reason}.`).join('');
  const ranking = found.ranking?.length ? ` Ranking: ${found.ranking.join(' › ')}.` : '';
  return panel(`Encoder against encoder${DATA.comparisons.length > 1 ? `, ${run.of}` : ''}`,
    `Selected probes, paired on the same test items: ${found.resamples} resamples of ${found.clusters} groups${found.covers ? `; intervals cover ${found.covers}` : ''}. ${SIGNIFICANCE}${ranking}${out}`,
    [host(draw), numbers(list), run.mean?.length ? numbers(mean, 'Mean over tasks') : null, method(found)]);
}

function selectivity(state) {
  const shown = state.shown.filter((e) => resultOf(e, state.task).controls?.shuffled?.rows?.length);
  if (!shown.length) return null;
  const draw = (width) => {
    const of = (e) => resultOf(e, state.task).controls.shuffled.rows;
    const place = placing(shown, (e) => resultOf(e, state.task).layers);
    const levels = shown.map((e) => resultOf(e, state.task).best_constant[DATA.tasks[state.task].metric]);
    const [low, high] = range([...shown.flatMap((e) => of(e).flatMap((row) => [row.real, row.shuffled])), ...levels], shown.flatMap((e) => of(e).flatMap((row) => row.shuffled_ci95 ?? [])));
    const c = chart({ width, height: 280, alt: 'Real and shuffled labels by layer', x: place, y: { low, high, title: `test ${DATA.tasks[state.task].metric}` } });
    c.add([...new Set(levels)].map((value) => level(c, value)));
    shown.forEach((e, index) => {
      const [look, result] = [DATA.encoders[e], resultOf(e, state.task)];
      const at = new Map(result.layers.map((row) => [row.source, row]));
      for (const row of of(e)) {
        if (!at.has(row.source) || !isNumber(row.real) || !isNumber(row.shuffled)) continue;
        const x = c.x(place.at(at.get(row.source)) + shift(index, shown.length) * 2);
        c.add(el('line', { x1: x, x2: x, y1: c.y(row.shuffled), y2: c.y(row.real), stroke: look.colour, 'stroke-opacity': 0.35, 'stroke-width': 3 }));
        c.add(whisker(c, x, row.shuffled_ci95, look.colour));
        c.add(marker(look, x, c.y(row.real), { tip: `${look.name}, ${row.source}\nreal ${num(row.real)}\nselectivity ${num(row.selectivity)} ${interval(row.selectivity_ci95)}` }));
        c.add(marker(look, x, c.y(row.shuffled), { hollow: true, size: 3.4, tip: `${look.name}, ${row.source}\nshuffled labels ${num(row.shuffled)} ${interval(row.shuffled_ci95)}\n${row.at_chance ? 'at chance' : 'ABOVE CHANCE'}` }));
      }
    });
    return c.node;
  };
  const list = () => table('Shuffled labels', ['encoder', 'source', '#real', '#shuffled', '95 % interval (shuffled)', '#selectivity', '95 % interval (selectivity)', 'verdict', `#${bestOf(state)}`], shown.flatMap((e) => {
    const result = resultOf(e, state.task);
    return result.controls.shuffled.rows.map((row) => [DATA.encoders[e].name, row.source, num(row.real), num(row.shuffled), interval(row.shuffled_ci95), num(row.selectivity), interval(row.selectivity_ci95), row.at_chance === null ? NOTHING : row.at_chance ? 'at chance' : 'above chance', num(result.best_constant[result.main_score.metric])]);
  }));
  return panel('Shuffled labels', 'Filled: probes of the real labels; hollow: the same probes trained on shuffled ones, with 95 % interval. The gap is the selectivity: what the layer knows rather than what the probe can learn by heart.',
    [legend(shown, null, constantKey(shown, state, DATA.tasks[state.task].metric)), host(draw), numbers(list)]);
}

function published(state) {
  const rows = state.shown.flatMap((e) => (resultOf(e, state.task).published ?? []).map((row) => ({ e, ...row })));
  if (!rows.length) return null;
  const notes = [...new Set(rows.flatMap((row) => row.footnotes ?? []))];
  const mark = (row) => (row.footnotes ?? []).map((note) => notes.indexOf(note) + 1).join(', ');
  return panel('Published beside ours', 'The papers’ numbers for the same encoder, task and metric; inside: within our 95 % interval.', [
    table('Published beside ours', ['encoder', 'paper', 'table', 'variant', 'metric', '#published', '#ours', '95 % interval', '#difference', 'verdict', `#${bestOf(state)}`, 'note'], rows.map((row) => [
      DATA.encoders[row.e].name, row.paper, row.table, row.variant ?? '', row.metric, num(row.published), num(row.ours), interval(row.ci95), signed(row.difference),
      row.inside === null || row.inside === undefined ? NOTHING : row.inside ? '✓ inside' : '✗ outside', num(resultOf(row.e, state.task).best_constant[row.metric]), mark(row) ? el('sup', {}, mark(row)) : ''])),
    notes.length ? el('ol', { class: 'soft small' }, notes.map((note) => el('li', {}, note))) : null], { wide: true });
}

/** Tables of variants of the probe: other heads, other contexts. */
function variants(state, section, column, titleOf, title, note) {
  const shown = state.shown.filter((e) => resultOf(e, state.task)[section]?.rows?.length);
  if (!shown.length) return null;
  const rows = shown.flatMap((e) => resultOf(e, state.task)[section].rows.map((row) => ({ e, ...row, own: resultOf(e, state.task)[section] })));
  const best = new Map(shown.map((e) => { const { selected } = resultOf(e, state.task)[section]; return [e, selected?.head ?? selected?.seconds ?? NOTHING]; }));
  const draw = (width) => {
    const order = [...new Set(rows.map((row) => titleOf(row)))];
    const levels = shown.map((e) => resultOf(e, state.task).best_constant[resultOf(e, state.task)[section].metric]);
    const [low, high] = range([...rows.map((row) => row.test), ...levels], rows.flatMap((row) => row.ci95 ?? []));
    const c = chart({ width, height: 260, alt: title, x: { low: -0.6, high: order.length - 0.4, ticks: order.map((label, at) => ({ at, label: shorten(label, 18), keep: true })), title: column }, y: { low, high, title: `test ${rows[0].own.metric}` } });
    c.add([...new Set(levels)].map((value) => level(c, value)));
    shown.forEach((e, index) => rows.filter((row) => row.e === e && isNumber(row.test)).forEach((row) => {
      const x = c.x(order.indexOf(titleOf(row)) + shift(index, shown.length) * 2);
      c.add(whisker(c, x, row.ci95, DATA.encoders[e].colour));
      if ((row.head ?? row.seconds) === best.get(e)) c.add(el('circle', { class: 'ring', cx: x, cy: c.y(row.test), r: 8.5 }));
      c.add(marker(DATA.encoders[e], x, c.y(row.test), { tip: `${DATA.encoders[e].name}, ${titleOf(row)}, ${row.source}\n${num(row.test)} ${interval(row.ci95)}` }));
    }));
    return c.node;
  };
  const list = () => table(title, ['encoder', column, 'source', '#rate', '#valid', '#test', '95 % interval', '#seed sd', `#${bestOf(state)}`], rows.map((row) => [
    DATA.encoders[row.e].name, titleOf(row), row.source, { text: rate(row.learning_rate), sort: row.learning_rate }, num(row.valid), num(row.test), { text: interval(row.ci95), sort: row.ci95?.[0] }, num(row.seed_std), num(resultOf(row.e, state.task).best_constant[row.own.metric])]));
  return panel(title, note, [legend(shown, null, constantKey(shown, state, rows[0].own.metric)), host(draw), numbers(list)]);
}

/** Variants by layers for one encoder: which layer is best under which head or context. */
function variantMap(state, section, corner, titleOf, title) {
  const result = resultOf(state.focus, state.task);
  const rows = (result?.[section]?.rows ?? []).filter((row) => row.layers?.length > 1);
  if (!rows.length) return null;
  const known = new Set(rows.flatMap((row) => row.layers.map((one) => one.source)));
  const sources = inDepth(result.layers.filter((row) => known.has(row.source)));
  const { names, prefix } = sourceNames(sources);
  const at = rows.map((row) => new Map(row.layers.map((one) => [one.source, one])));
  const cell = (r, k) => at[r].get(sources[k].source);
  const constant = result.best_constant[result[section].metric];
  const top = Math.max(...rows.flatMap((row) => row.layers.map((one) => one.test ?? -Infinity)));
  return panel(`${title}, ${DATA.encoders[state.focus].name}`, `Test ${result[section].metric}, seed mean, from the ${bestOf(state)} (${num(constant)}) to the best of the map. Frame: selected by validation within the row.`,
    [scale(bestOf(state), num(top)), heat({
      name: `${title}, ${DATA.encoders[state.focus].name}`, corner: prefix ? `${corner}, ${prefix}…` : corner, rows: rows.map(titleOf), columns: names,
      value: (r, k) => cell(r, k)?.test, share: (r, k) => (cell(r, k).test - constant) / Math.max(top - constant, 1e-9), text: (r, k) => num(cell(r, k).test, 2),
      mark: (r, k) => (rows[r].source === sources[k].source ? 'chosen' : ''),
      tip: (r, k) => (cell(r, k) ? `${titleOf(rows[r])}, ${sources[k].source}\n${num(cell(r, k).test)} ${interval(cell(r, k).ci95)}\n${bestOf(state)} ${num(constant)}` : null),
    })], { wide: names.length > 15 });
}

const headName = (row) => row.head;
const contextName = (row) => `${row.seconds} s`;
const headMap = (state) => variantMap(state, 'heads', 'head', headName, 'Head × layer');
const contextMap = (state) => variantMap(state, 'contexts', 'context', contextName, 'Context × layer');
const heads = (state) => variants(state, 'heads', 'head', headName, 'Other heads', 'The same embeddings under other heads, each at the source and rate that validation selects for it. Ring: the head validation selects.');
const contexts = (state) => variants(state, 'contexts', 'context', contextName, 'Length of context', 'Embeddings averaged over stretches of this length before the probe, each at the source and rate that validation selects for it.');
