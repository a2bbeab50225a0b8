// "How sure?": differences with intervals, the selection ledger, fewer labels, a check without rates.

const SIGNIFICANCE = 'Filled: significantly different after Holm’s correction; hollow: not told apart.';

/** How a comparison was computed, for those who ask. */
const method = (found) => (found.method ? numbers(() => el('p', { class: 'caption' }, `${found.method}.`), 'Method') : null);

const verdict = (pair) => (pair.significant ? 'different' : 'not told apart');

/** Every source against the encoder's best layer (or what the pairs name), as differences. */
function differences(state) {
  const result = resultOf(state.focus, state.task);
  const found = result?.comparisons;
  if (!found?.pairs?.length) return null;
  const look = DATA.encoders[state.focus];
  const rows = new Map(result.layers.map((row) => [row.source, row]));
  const pairs = found.pairs.filter((pair) => rows.has(pair.a));
  const best = found.pairs[0].b;
  const draw = (width) => {
    const place = placing([state.focus], () => result.layers);
    const [low, high] = range([...pairs.map((pair) => pair.difference), 0], pairs.flatMap((pair) => pair.ci95 ?? []));
    const c = chart({ width, height: 280, alt: `Differences to ${best} on ${DATA.tasks[state.task].name}`, x: place, y: { low, high, title: `difference to ${shorten(best, 18)}` } });
    c.add(el('line', { class: 'zero', x1: c.box.left, x2: c.box.right, y1: c.y(0), y2: c.y(0) }));
    for (const pair of pairs) {
      const x = c.x(place.at(rows.get(pair.a)));
      c.add(whisker(c, x, pair.ci95, look.colour));
      c.add(marker(look, x, c.y(pair.difference), { hollow: !pair.significant, tip: `${pair.a} − ${pair.b}\n${signed(pair.difference)} ${interval(pair.ci95)}\np (Holm) ${pvalue(pair.p_holm)}` }));
    }
    return c.node;
  };
  const list = () => table(`Comparisons, ${look.name} on ${DATA.tasks[state.task].name}`,
    ['source', 'against', '#difference', '95 % interval', '#p', '#p (Holm)', 'verdict'],
    found.pairs.map((pair) => [pair.a, pair.b, signed(pair.difference), { text: interval(pair.ci95), sort: pair.ci95?.[0] }, pvalue(pair.p), pvalue(pair.p_holm), verdict(pair)]));
  return panel(`Difference to the best layer, ${look.name}`,
    `Paired over ${found.clusters} ${found.clusters === result.n.test ? 'test items' : 'groups of test items'}, ${found.resamples} resamples${found.covers ? `; intervals cover ${found.covers}` : ''}. ${SIGNIFICANCE}`,
    [host(draw), numbers(list), method(found)]);
}

function ledger(state) {
  const shown = state.shown.filter((e) => resultOf(e, state.task).ledger);
  if (!shown.length) return null;
  const by = resultOf(shown[0], state.task).ledger.by;
  const draw = (width) => {
    const place = placing(shown, (e) => resultOf(e, state.task).layers);
    const high = range(shown.flatMap((e) => resultOf(e, state.task).ledger.rows.map((row) => row.regret)), [], 0.12)[1];
    const c = chart({ width, height: 240, alt: 'Regret of every source', x: place, y: { low: 0, high: Math.max(high, 0.01), title: 'regret on test' } });
    shown.forEach((e, index) => {
      const [result, look] = [resultOf(e, state.task), DATA.encoders[e]];
      const at = new Map(result.layers.map((row) => [row.source, row]));
      for (const row of result.ledger.rows) {
        if (!isNumber(row.regret) || !at.has(row.source)) continue;
        const x = c.x(place.at(at.get(row.source)) + shift(index, shown.length) * 2);
        c.add(el('line', { x1: x, x2: x, y1: c.y(0), y2: c.y(row.regret), stroke: look.colour, 'stroke-width': 2 }));
        c.add(marker(look, x, c.y(row.regret), { hollow: Boolean(row.edge), tip: `${look.name}, ${row.source}\nregret ${num(row.regret)}: rate ${rate(row.learning_rate)} was chosen, ${rate(row.oracle_rate)} is best on test${row.edge ? `\nat the ${row.edge} rate of the grid` : ''}` }));
      }
    });
    return c.node;
  };
  const cells = shown.flatMap((e) => {
    const result = resultOf(e, state.task);
    const book = result.ledger;
    const kinds = new Map(result.layers.map((row) => [row.source, row.learned ? 'weighted sum' : depthOf(row) === null ? 'mean of layers' : 'layer']));
    return book.rows.map((row) => [DATA.encoders[e].name, row.source, kinds.get(row.source) ?? '', { text: rate(row.learning_rate), sort: row.learning_rate }, num(row.valid), num(row.test), num(row.test_seed_std),
      { text: rate(row.oracle_rate), sort: row.oracle_rate }, num(row.oracle_test), num(row.regret), row.edge ? `${row.edge} rate` : '', row.source === book.selected?.source ? 'selected' : row.source === book.oracle?.source ? 'oracle' : '']);
  });
  const warned = shown.flatMap((e) => resultOf(e, state.task).ledger.warnings.map((text) => el('li', {}, el('b', {}, `${DATA.encoders[e].name}: `), text)));
  const summary = table('Selection', ['encoder', 'selected by validation', '#test', 'oracle (best on test)', '#test of it', '#regret', 'sum − best layer', `#${bestOf(state)}`], shown.map((e) => {
    const result = resultOf(e, state.task);
    const { selected, oracle, regret } = result.ledger;
    const gap = result.mix_minus_best_layer;
    return [DATA.encoders[e].name, `${selected?.source ?? NOTHING} @ ${rate(selected?.learning_rate)}`, el('span', {}, num(selected?.test), el('small', {}, ` ${interval(result.main_score.ci95)}`)),
      `${oracle?.source ?? NOTHING} @ ${rate(oracle?.learning_rate)}`, num(oracle?.test), num(regret), gap ? `${signed(gap.value)} ${interval(gap.ci95)}` : NOTHING, num(result.best_constant[result.main_score.metric])];
  }));
  return panel('Selection ledger',
    `Selected by ${by}, mean over seeds. Regret: what knowing the test score would have gained over the same candidates. Hollow: the chosen rate lies at the edge of the grid, so a better one may lie beyond.`,
    [summary, warned.length ? el('ul', { class: 'warned' }, warned) : null, host(draw),
      numbers(() => table('Ledger', ['encoder', 'source', 'kind', '#rate', '#valid', '#test', '#seed sd', '#best rate on test', '#test of it', '#regret', 'edge', 'verdict'], cells), 'Every source')], { wide: true });
}

function labelEfficiency(state) {
  const shown = state.shown.filter((e) => resultOf(e, state.task).label_efficiency);
  if (!shown.length) return null;
  const of = (e) => resultOf(e, state.task).label_efficiency;
  const pick = (e) => of(e).rows.find((row) => row.source === resultOf(e, state.task).selected?.source) ?? of(e).rows[0];
  const draw = (width) => {
    const levels = shown.map((e) => resultOf(e, state.task).best_constant[of(e).metric]);
    const [low, high] = range([...shown.flatMap((e) => pick(e).test), ...levels], shown.flatMap((e) => (pick(e).ci95 ?? []).flat()));
    const counts = shown.flatMap((e) => of(e).n_items);
    const first = of(shown[0]);
    const c = chart({
      width, height: 290, log: true, right: 22, alt: `Scores with fewer training items on ${DATA.tasks[state.task].name}`,
      x: { low: Math.min(...counts) / 1.3, high: Math.max(...counts) * 1.3, title: 'training items (share)',
        ticks: first.n_items.map((n, k) => ({ at: n, label: `${n} (${percent(first.fractions[k])})` })) },
      y: { low, high, title: `test ${first.metric}` },
    });
    c.add([...new Set(levels)].map((value) => level(c, value)));
    shown.forEach((e, index) => {
      const [look, row, n] = [DATA.encoders[e], pick(e), of(e).n_items];
      const at = (k) => n[k] * 1.025 ** (index - (shown.length - 1) / 2);
      c.add(band(c, row.test.map((v, k) => [n[k], isNumber(v) ? v - (row.seed_std?.[k] ?? 0) : null, isNumber(v) ? v + (row.seed_std?.[k] ?? 0) : null]), look.colour));
      c.add(line(c, row.test.map((v, k) => [n[k], v]), { stroke: look.colour, 'stroke-dasharray': look.dash || null }));
      row.test.forEach((v, k) => {
        if (!isNumber(v)) return;
        c.add(whisker(c, c.x(at(k)), row.ci95?.[k], look.colour));
        c.add(marker(look, c.x(n[k]), c.y(v), { tip: `${look.name}, ${row.source}, ${n[k]} items\n${num(v)} ${interval(row.ci95?.[k])}` }));
      });
    });
    return c.node;
  };
  const list = () => table('Label efficiency', ['encoder', 'source', '#training items', '#share', '#test', '95 % interval', '#seed sd', `#${bestOf(state)}`], shown.flatMap((e) =>
    of(e).rows.flatMap((row) => row.test.map((v, k) => [DATA.encoders[e].name, row.source, String(of(e).n_items[k]), percent(of(e).fractions[k]), num(v), interval(row.ci95?.[k]), num(row.seed_std?.[k]), num(resultOf(e, state.task).best_constant[of(e).metric])]))));
  return panel('With fewer labels', 'Nested subsets of the training items, at the source that validation selects on all of them. Band: seeds. Whiskers: 95 % interval over test items.',
    [legend(shown, (e) => pick(e).source, constantKey(shown, state, of(shown[0]).metric)), host(draw), numbers(list)]);
}

function labelMap(state) {
  const result = resultOf(state.focus, state.task);
  const found = result?.label_efficiency;
  if (!found) return null;
  const rows = inDepth(result.layers.filter((row) => found.rows.some((one) => one.source === row.source)));
  const { names, prefix } = sourceNames(rows);
  const at = new Map(found.rows.map((row) => [row.source, row]));
  const constant = result.best_constant[found.metric];
  const top = Math.max(...found.rows.flatMap((row) => row.test.filter(isNumber)));
  const test = (r, k) => at.get(rows[k].source).test[r];
  const best = found.fractions.map((_, r) => rows.reduce((held, row, k) => ((test(r, k) ?? -Infinity) > (test(r, held) ?? -Infinity) ? k : held), 0));
  return panel(`Fewer labels × layer, ${DATA.encoders[state.focus].name}`,
    `Test ${found.metric}, seed mean, from the ${bestOf(state)} (${num(constant)}) to the best of the map. Frame: the best layer of the row on test.`,
    [scale(bestOf(state), num(top)), heat({
      name: `Fewer labels by layers, ${DATA.encoders[state.focus].name}`, corner: prefix ? `items, ${prefix}…` : 'items',
      rows: found.fractions.map((f, k) => `${found.n_items[k]} (${percent(f)})`), columns: names,
      value: test, share: (r, k) => (test(r, k) - constant) / Math.max(top - constant, 1e-9), text: (r, k) => num(test(r, k), 2),
      mark: (r, k) => (best[r] === k ? 'chosen' : ''),
      tip: (r, k) => `${rows[k].source}, ${found.n_items[r]} items\n${num(test(r, k))} ${interval(at.get(rows[k].source).ci95?.[r])}\n${bestOf(state)} ${num(constant)}`,
    })], { wide: names.length > 15 });
}

function closedForm(state) {
  const result = resultOf(state.focus, state.task);
  const found = result?.closed_form;
  if (!found) return null;
  const look = DATA.encoders[state.focus];
  const others = [{ name: found.method, rows: found.rows, marker: 's', dash: '6 3' }];
  if (found.lda?.rows) others.push({ name: 'LDA', rows: found.lda.rows, marker: '^', dash: '2 3' });
  const ink = { colour: 'var(--soft)' };
  const draw = (width) => {
    const place = placing([state.focus], () => result.layers);
    const at = new Map(result.layers.map((row) => [row.source, row]));
    const constant = result.best_constant[found.metric];
    const trained = found.metric === result.main_score.metric ? result.layers : [];
    const [low, high] = range([...others.flatMap((o) => o.rows.map((row) => row.test)), ...trained.map((row) => row.test), constant], [...others.flatMap((o) => o.rows), ...trained].flatMap((row) => row.ci95 ?? []));
    const c = chart({ width, height: 290, alt: `Closed-form probes beside trained ones on ${DATA.tasks[state.task].name}`, x: place, y: { low, high, title: `test ${found.metric}` } });
    c.add(level(c, constant));
    const points = (rows) => inDepth(rows.filter((row) => at.has(row.source)).map((row) => ({ ...at.get(row.source), ...row }))).filter((row) => isNumber(row.test));
    const plot = (rows, dressed, dash, side, says) => {
      const placed = points(rows);
      c.add(line(c, placed.filter((row) => depthOf(row) !== null).map((row) => [depthOf(row) + side, row.test]), { stroke: dressed.colour, 'stroke-dasharray': dash }));
      for (const row of placed) {
        c.add(whisker(c, c.x(place.at(row) + side), row.ci95, dressed.colour));
        c.add(marker(dressed, c.x(place.at(row) + side), c.y(row.test), { size: 3.4, tip: `${says}, ${row.source}\n${num(row.test)} ${interval(row.ci95)}` }));
      }
    };
    plot(trained, look, look.dash || null, -0.1, 'trained probe');
    others.forEach((o, k) => plot(o.rows, { ...ink, marker: o.marker }, o.dash, 0.1 * k, o.name));
    return c.node;
  };
  const list = () => table('Closed form', ['method', 'source', '#penalty or shrinkage', '#valid', '#test', '95 % interval', `#${bestOf(state)}`], others.flatMap((o) =>
    o.rows.map((row) => [o.name, row.source, { text: rate(row.penalty ?? row.shrinkage), sort: row.penalty ?? row.shrinkage }, num(row.valid), num(row.test), { text: interval(row.ci95), sort: row.ci95?.[0] }, num(result.best_constant[found.metric])])));
  return panel(`Without a learning rate, ${look.name}`, 'Closed-form probes on the same embeddings beside the trained ones: where they tell the same story about the layers, it is not an artefact of training.',
    [el('p', { class: 'legend' }, el('span', {}, swatch(look), 'trained probe'), others.map((o) => el('span', {}, swatch({ ...ink, marker: o.marker }), o.name)), constantKey([state.focus], state, found.metric)), host(draw), numbers(list)]);
}
