// "Which layer?": curves over the depth, maps of layers by tasks and by learning rates, weights.

/** Layer names as short as they can be: the numbers alone where only numbers differ. */
function shortNames(names) {
  const found = names.map((name) => /^(.*?)(\d+)$/.exec(name));
  const prefixes = new Set(found.filter(Boolean).map((match) => match[1]));
  const common = found.every(Boolean) && prefixes.size === 1;
  return { names: common ? found.map((match) => match[2]) : names, prefix: common ? [...prefixes][0] : '' };
}

/** The sources of a result from the input upwards, then those that combine layers. */
const inDepth = (rows) => rows.toSorted((a, b) => (depthOf(a) ?? 1e6) - (depthOf(b) ?? 1e6));

/** Short names of sources for the head of a map; `prefix` is what was left out. */
function sourceNames(rows) {
  const single = rows.filter((row) => depthOf(row) !== null);
  const short = shortNames(single.map((row) => row.source));
  const named = new Map(single.map((row, k) => [row.source, short.names[k]]));
  return { names: rows.map((row) => named.get(row.source) ?? row.source), prefix: short.prefix };
}

/** Where sources stand on an x axis: layers by depth, sums and means of layers apart on the right. */
function placing(encoders, rowsOf) {
  const all = encoders.flatMap(rowsOf);
  const depth = Math.max(0, ...all.map((row) => depthOf(row) ?? 0));
  const extra = [...new Set(all.filter((row) => depthOf(row) === null).map((row) => row.source))];
  const naming = new Set(encoders.map((e) => JSON.stringify(DATA.encoders[e].layers)));
  const names = naming.size === 1 ? DATA.encoders[encoders[0]].layers : null;
  const short = names ? shortNames(names.slice(0, depth + 1)) : { names: [...Array(depth + 1).keys()].map(String), prefix: '' };
  const ticks = short.names.map((label, at) => ({ at, label: shorten(label, 16) }));
  extra.forEach((label, k) => ticks.push({ at: depth + 1.4 + k, label: shorten(label, 14), keep: true }));
  const title = !names ? 'layer, counted from the input' : short.prefix ? `layer (${short.prefix}…)` : 'layer';
  return {
    low: -0.5, high: depth + (extra.length ? 0.9 + extra.length : 0) + 0.5, ticks, title,
    apart: extra.length ? depth + 0.7 : null,
    at: (row) => depthOf(row) ?? depth + 1.4 + extra.indexOf(row.source),
  };
}

const shift = (index, count) => (index - (count - 1) / 2) * Math.min(0.12, 0.45 / Math.max(1, count));

/** Sources that are not significantly worse than the best one; null where nothing was tested. */
const asGood = (result) => (result.comparisons?.as_good_as_best ? new Set(result.comparisons.as_good_as_best) : null);

/** The rows of the layers in any metric; in others than the primary one there are no intervals. */
function rowsIn(result, metric) {
  if (metric === result.main_score.metric) return result.layers;
  const other = result.curves?.[metric];
  return other ? result.layers.map((row, k) => ({ ...row, test: other.test[k], test_seed_std: other.seed_std[k], ci95: other.ci95?.[k] ?? null })) : [];
}

function layerCurve(state) {
  const shown = state.shown.filter((e) => rowsIn(resultOf(e, state.task), state.metric).length);
  if (!shown.length) return null;
  const rowsOf = (e) => rowsIn(resultOf(e, state.task), state.metric);
  const task = DATA.tasks[state.task];
  const primary = state.metric === task.metric;
  const draw = (width) => {
    const place = placing(shown, rowsOf);
    const rows = shown.flatMap(rowsOf);
    const levels = shown.map((e) => resultOf(e, state.task).best_constant[state.metric]);
    const [low, high] = clipped(task, rows, range([...rows.map((row) => row.test), ...levels], rows.flatMap((row) => row.ci95 ?? [])), levels);
    const c = chart({
      width, height: Math.min(430, Math.max(300, width * 0.42)), alt: `Test ${state.metric} of every layer on ${task.name}`,
      x: place, y: { low, high, title: `test ${state.metric}` },
    });
    if (place.apart !== null) c.add(el('line', { class: 'grid', x1: c.x(place.apart), x2: c.x(place.apart), y1: c.box.top, y2: c.box.bottom }));
    c.add([...new Set(levels)].map((value) => level(c, value)));
    shown.forEach((e, index) => drawEncoder(c, e, index, shown.length, state, rowsOf(e), place, low));
    return c.node;
  };
  return panel(`Test ${state.metric} by layer, ${task.name}`,
    [
      'Line: mean over seeds at the learning rate that validation selects for the layer. Band: standard deviation over seeds. ',
      primary ? 'Whiskers: 95 % bootstrap interval over test items. ' : 'No whiskers: intervals by layer are kept for the primary metric. ',
      el('span', { class: 'key' }, glyph('full'), ' not significantly worse than the encoder’s best source (Holm), ', glyph('hollow'), ' significantly worse, ', glyph('ring'), ' selected by validation.'),
    ],
    [legend(shown, null, constantKey(shown, state, state.metric)), host(draw), numbers(() => curveTable(state, shown, rowsOf))], { wide: true });
}

/** Keeps one hopeless layer (an R2 of -40) from flattening all others. */
function clipped(task, rows, [low, high], levels) {
  if (task.kind !== 'regression') return [low, high];
  const best = Math.max(...rows.map((row) => row.test ?? -Infinity));
  const constant = Math.min(...levels.filter(isNumber));
  const floor = constant - Math.max(0.6 * (best - constant), 0.25);
  return best > constant && low < floor ? [floor, high] : [low, high];
}

function drawEncoder(c, e, index, count, state, rows, place, floor) {
  const look = DATA.encoders[e];
  const result = resultOf(e, state.task);
  const good = state.metric === result.main_score.metric ? asGood(result) : null;
  const single = inDepth(rows).filter((row) => depthOf(row) !== null);
  const aside = shift(index, count); // Encoders stand apart, so that their whiskers do not cover each other.
  const kept = (value) => (isNumber(value) && value < floor ? null : value);
  c.add(band(c, single.map((row) => (isNumber(row.test) && row.test >= floor
    ? [depthOf(row) + aside, Math.max(floor, row.test - (row.test_seed_std ?? 0)), row.test + (row.test_seed_std ?? 0)] : [0, null, null])), look.colour));
  c.add(line(c, single.map((row) => [depthOf(row) + aside, kept(row.test)]), { stroke: look.colour, 'stroke-dasharray': look.dash || null }));
  for (const row of rows) {
    if (!isNumber(row.test)) continue;
    const point = c.x(place.at(row) + shift(index, count) * (depthOf(row) === null ? 2 : 1));
    const tip = `${look.name}, ${row.source}\n${state.metric} ${num(row.test)} ${interval(row.ci95)}\nrate ${rate(row.learning_rate)}, seed sd ${num(row.test_seed_std)}`;
    if (row.test < floor) {
      c.add(marker({ ...look, marker: 'v' }, point, c.box.bottom - 4, { tip: `${tip}\nbelow the axis` }));
      continue;
    }
    c.add(whisker(c, point, row.ci95 ? [Math.max(row.ci95[0], floor), row.ci95[1]] : null, look.colour));
    if (row.source === result.selected?.source) c.add(el('circle', { class: 'ring', cx: point, cy: c.y(row.test), r: 8.5 }));
    c.add(marker(look, point, c.y(row.test), { hollow: good !== null && !good.has(row.source), tip }));
  }
}

function curveTable(state, shown, rowsOf) {
  const rows = shown.flatMap((e) => {
    const result = resultOf(e, state.task);
    const good = asGood(result);
    return rowsOf(e).map((row) => [DATA.encoders[e].name, row.source, num(row.test), { text: interval(row.ci95), sort: row.ci95?.[0] }, num(row.test_seed_std), num(row.valid),
      { text: rate(row.learning_rate), sort: row.learning_rate }, row.source === result.selected?.source ? 'selected' : good ? (good.has(row.source) ? 'as good as the best' : 'worse') : '', num(result.best_constant[state.metric])]);
  });
  return table(`Layers on ${DATA.tasks[state.task].name}`, ['encoder', 'source', '#test', '95 % interval', '#seed sd', '#valid', '#rate', 'verdict', `#${bestOf(state)}`], rows);
}

/** The selected probes in a metric that is not the one they are judged by. */
function otherMetric(state) {
  const task = DATA.tasks[state.task];
  if (state.metric === task.metric) return null;
  const rows = state.shown.map((e) => [e, resultOf(e, state.task)]).filter(([, result]) => result.metrics?.[state.metric]).map(([e, result]) => {
    const found = result.metrics[state.metric];
    return [DATA.encoders[e].name, result.selected?.source ?? NOTHING, num(found.value), { text: interval(found.ci95), sort: found.ci95?.[0] }, num(found.seed_std), num(result.best_constant[state.metric])];
  });
  if (!rows.length) return null;
  return panel(`Selected probes in ${state.metric}, ${task.name}`, `Selection, tests and everything below stay with ${task.metric}, the task’s primary metric.`,
    [table(`Selected probes in ${state.metric}`, ['encoder', 'source', `#test ${state.metric}`, '95 % interval', '#seed sd', `#${bestOf(state)}`], rows)]);
}

function layerTaskMap(state) {
  const e = state.focus;
  const tasks = DATA.tasks.map((_, t) => t).filter((t) => resultOf(e, t));
  if (tasks.length < 2) return null;
  const seen = new Map(tasks.flatMap((t) => resultOf(e, t).layers).map((row) => [row.source, row]));
  const sources = inDepth([...seen.values()]);
  const { names, prefix } = sourceNames(sources);
  const rowAt = tasks.map((t) => new Map(resultOf(e, t).layers.map((row) => [row.source, row])));
  const best = tasks.map((t) => Math.max(...resultOf(e, t).layers.map((row) => row.test ?? -Infinity)));
  const constant = (r) => { const found = resultOf(e, tasks[r]); return found.best_constant[found.main_score.metric]; };
  const at = (r, k) => rowAt[r].get(sources[k].source);
  return panel(`Layer × task, ${DATA.encoders[e].name}`,
    'Test score, seed mean, in each task’s primary metric. Every row has its own colours, from what the best constant answer earns to the best of the row. Frame: selected by validation. Empty: diverged or not probed.',
    [scale('best constant', 'best of the row'), heat({
      name: `Layers by tasks, ${DATA.encoders[e].name}`,
      corner: prefix ? `task, ${prefix}…` : 'task',
      rows: tasks.map((t) => DATA.tasks[t].name),
      rowNode: (r) => [el('button', { type: 'button', class: 'plain', onclick: () => choose({ task: tasks[r] }) }, DATA.tasks[tasks[r]].name), el('small', {}, ` ${DATA.tasks[tasks[r]].metric}`)],
      columns: names,
      value: (r, k) => at(r, k)?.test,
      share: (r, k) => (at(r, k).test - constant(r)) / Math.max(best[r] - constant(r), 1e-9),
      text: (r, k) => num(at(r, k).test, 2),
      mark: (r, k) => (sources[k].source === resultOf(e, tasks[r]).selected?.source ? 'chosen' : ''),
      tip: (r, k) => (at(r, k) ? `${DATA.tasks[tasks[r]].name}, ${sources[k].source}\n${num(at(r, k).test)} ${interval(at(r, k).ci95)}\nbest constant ${num(constant(r))}` : null),
    })], { wide: true });
}

function rateMap(state) {
  const e = state.focus;
  const result = resultOf(e, state.task);
  if (!result?.rates || result.rates.learning_rates.length < 2) return null;
  const { sources, learning_rates: rates, valid, test } = result.rates;
  const { names, prefix } = sourceNames(result.layers);
  const lower = result.selected && !result.selected.by_higher_is_better;
  const finite = valid.flat().filter(isNumber).sort((a, b) => a - b);
  const quartile = finite[Math.floor(finite.length / 4)];
  const [top, bottom] = lower ? [finite[0], finite.at(-1)] : [finite.at(-1), Math.max(finite[0], quartile - 1.5 * (finite.at(-1) - quartile))];
  const chosen = new Map(result.layers.map((row) => [row.source, row.learning_rate]));
  return panel(`Learning rate × layer, ${DATA.encoders[e].name}`,
    `Validation scores (${(result.selected?.by ?? 'valid').replace('valid/', '')}), seed means: what selection sees. Thin frame: the rate of each source; thick: the selected cell. Empty: a seed diverged.`,
    [scale(num(bottom), num(top)), heat({
      name: `Learning rates by layers, ${DATA.encoders[e].name} on ${DATA.tasks[state.task].name}`,
      corner: prefix ? `rate, ${prefix}…` : 'rate',
      rows: rates.map(rate), columns: names,
      value: (r, k) => valid[k][r],
      share: (r, k) => (valid[k][r] - bottom) / (top - bottom || 1),
      text: (r, k) => num(valid[k][r], 2),
      mark: (r, k) => (chosen.get(sources[k]) !== rates[r] ? '' : sources[k] === result.selected?.source ? 'chosen' : 'rated'),
      tip: (r, k) => `${sources[k]}, rate ${rate(rates[r])}\nvalidation ${num(valid[k][r])}\ntest ${num(test[k][r])}`,
    })], { wide: names.length > 15 });
}

function weights(state) {
  const shown = state.shown.filter((e) => resultOf(e, state.task).layer_weights?.some((w) => w.weights.some(isNumber)));
  if (!shown.length) return null;
  const draw = (width) => {
    const learned = shown.map((e) => resultOf(e, state.task).layer_weights[0]);
    const depth = Math.max(...learned.map((w) => w.weights.length));
    const naming = new Set(shown.map((e) => JSON.stringify(DATA.encoders[e].layers)));
    const short = shortNames(naming.size === 1 ? DATA.encoders[shown[0]].layers : [...Array(depth).keys()].map(String));
    const high = Math.max(...learned.flatMap((w) => w.weights.map((v, k) => (v ?? 0) + (w.seed_std[k] ?? 0)))) * 1.08;
    const c = chart({
      width, height: 270, alt: `Learned layer weights on ${DATA.tasks[state.task].name}`,
      x: { low: -0.5, high: depth - 0.5, ticks: short.names.map((label, at) => ({ at, label: shorten(label, 12) })), title: short.prefix ? `layer (${short.prefix}…)` : 'layer' },
      y: { low: 0, high, title: 'weight' },
    });
    const equal = learned.map((w) => 1 / w.weights.filter(isNumber).length);
    if (new Set(equal).size === 1) c.add(level(c, equal[0]));
    const each = Math.min(26, ((c.box.right - c.box.left) / depth) * 0.78 / shown.length);
    learned.forEach((w, index) => w.weights.forEach((value, k) => {
      if (!isNumber(value)) return;
      const x = c.x(k) + (index - shown.length / 2) * each;
      const look = DATA.encoders[shown[index]];
      c.add(el('rect', { x: x + 0.5, width: each - 1, y: c.y(value), height: c.y(0) - c.y(value), fill: look.colour, 'data-tip': `${look.name}, ${w.layers[k]}\nweight ${num(value)} ± ${num(w.seed_std[k])} over seeds` }));
      const spread = w.seed_std[k] ?? 0;
      c.add(el('line', { class: 'error', x1: x + each / 2, x2: x + each / 2, y1: c.y(Math.max(0, value - spread)), y2: c.y(value + spread) }));
    }));
    return c.node;
  };
  const list = () => table('Learned layer weights', ['encoder', 'layer', '#weight', '#seed sd'], shown.flatMap((e) => {
    const w = resultOf(e, state.task).layer_weights[0];
    return w.weights.map((value, k) => [DATA.encoders[e].name, w.layers[k], num(value), num(w.seed_std[k])]);
  }));
  return panel('Learned layer weights', 'The softmax of the weighted sum at the learning rate selected for it, mean and standard deviation over seeds. Dotted: equal weights.', [legend(shown), host(draw), numbers(list)]);
}

function projection(state) {
  const result = resultOf(state.focus, state.task);
  const found = result?.projection;
  if (!found?.rows?.length) return null;
  const selected = found.rows.findIndex((row) => row.source === result.selected?.source);
  const names = found.labels.length ? found.labels : DATA.tasks[state.task].labels;
  const one = (row, side) => {
    const points = decode(row, found);
    const into = (values) => { const [low, high] = range(values, [], 0.05); return (v) => (v - low) / (high - low); };
    const [x, y] = [into(points.map((p) => p[0])), into(points.map((p) => p[1]))];
    const node = el('svg', { viewBox: `0 0 ${side} ${side}`, width: side, height: side, role: 'img', 'aria-label': `Items in the space of ${row.source}` });
    for (const [px, py, label] of points) {
      const mark = marker(labelLook(label, names.length), x(px) * side, side - y(py) * side, { size: 2.6, tip: names[label] ?? String(label) });
      mark.setAttribute('fill-opacity', 0.75);
      mark.setAttribute('stroke', 'none');
      node.append(mark);
    }
    return node;
  };
  const draw = (width) => {
    const count = found.rows.length;
    const across = Math.max(2, Math.min(count, Math.floor((width + 18) / 168)));
    const side = Math.min(250, Math.floor((width - 18 * (across - 1)) / across));
    return el('div', { class: 'small-multiples' }, found.rows.map((row, k) => el('figure', { class: k === selected ? 'chosen' : null, style: `width:${side}px` },
      one(row, side), el('figcaption', {}, row.source, k === selected ? ' (selected)' : '',
        el('small', {}, ` ${percent(sum(row.explained))}`)))));
  };
  const few = names.length <= 24;
  return panel(`Items in the space of each layer, ${DATA.encoders[state.focus].name}`,
    `Projection onto two axes (${found.method}); ${found.shown} of ${found.of} test items${few ? ', coloured by label' : ''}. Axes differ between layers; percents: the variance that the two hold.`,
    [few ? el('p', { class: 'legend' }, names.map((name, k) => el('span', {}, swatch(labelLook(k, names.length)), name))) : null, host(draw)], { wide: true });
}

/** Points as `island.py` packs them: bytes in base64, labels once for all layers. */
function decode(row, found) {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const [x, y] = [bytes(row.x), bytes(row.y)];
  return Array.from(x, (value, k) => [value, y[k], found.of_points[k]]);
}

/** Colour and shape of a label; together they tell up to 64 apart. */
function labelLook(label, count) {
  const looks = DATA.looks;
  const k = Math.max(0, Math.min(label, count - 1));
  return { colour: looks.colours[k % looks.colours.length], marker: looks.markers[(k + Math.floor(k / looks.colours.length)) % looks.markers.length] };
}
