// "Does it survive noise?": layers by deformations, and scores over the severity of each.

const MODES = { score: 'score', drop: 'drop', relative: 'share of the score lost' };

function noiseMap(state) {
  const result = resultOf(state.focus, state.task);
  const found = result?.robustness;
  if (!found?.rows?.length) return null;
  const known = new Map(result.layers.map((row) => [row.source, row]));
  const rows = inDepth(found.rows.filter((row) => known.has(row.source)).map((row) => ({ ...known.get(row.source), ...row })));
  const { names, prefix } = sourceNames(rows);
  const list = [{ name: '', title: 'clean' }, ...found.deformations];
  const constant = result.best_constant[found.metric];
  const top = Math.max(...rows.map((row) => row.clean ?? -Infinity));
  const score = (r, k) => (r ? rows[k].scores[list[r].name]?.value : rows[k].clean);
  const shown = {
    score: score,
    drop: (r, k) => (r ? rows[k].scores[list[r].name]?.drop : null),
    relative: (r, k) => (r ? rows[k].scores[list[r].name]?.relative_drop : null),
  };
  const best = list.map((_, r) => rows.reduce((held, _row, k) => ((score(r, k) ?? -Infinity) > (score(r, held) ?? -Infinity) ? k : held), 0));
  const tip = (r, k) => {
    const at = rows[k].scores[list[r].name];
    return `${rows[k].source}, ${list[r].title}\n${num(score(r, k))} ${r ? interval(at?.ci95) : ''}${r ? `\ndrop ${num(at?.drop)} ${interval(at?.drop_ci95)}` : ''}\n${bestOf(state)} ${num(constant)}`;
  };
  const draw = () => {
    const mode = local.noise ?? 'score';
    const from = mode === 'score' ? 0 : 1;
    const values = list.flatMap((_, r) => rows.map((_row, k) => shown[mode](r, k))).filter(isNumber);
    const worst = Math.max(...values, 1e-9);
    const used = list.map((_, r) => r).filter((r) => r >= from);
    return el('div', {}, mode === 'score' ? scale(bestOf(state), num(top)) : scale(`${mode === 'drop' ? num(worst) : percent(worst)} lost`, 'nothing lost'), heat({
      name: `Deformations by layers, ${DATA.encoders[state.focus].name}`, corner: prefix ? `deformation, ${prefix}…` : 'deformation',
      rows: used.map((r) => list[r].title ?? list[r].name), columns: names,
      value: (r, k) => shown[mode](used[r], k),
      share: (r, k) => (mode === 'score' ? (score(used[r], k) - constant) / Math.max(top - constant, 1e-9) : 1 - Math.max(0, shown[mode](used[r], k)) / worst),
      text: (r, k) => (mode === 'relative' ? num(100 * shown[mode](used[r], k), 0) : num(shown[mode](used[r], k), 2)),
      mark: (r, k) => (best[used[r]] === k ? 'chosen' : ''),
      tip: (r, k) => tip(used[r], k),
    }));
  };
  const figure = host(draw);
  const options = el('fieldset', { class: 'options' }, el('legend', {}, 'Show'), Object.entries(MODES).map(([mode, words]) => el('label', {},
    el('input', { type: 'radio', name: 'noise', value: mode, checked: (local.noise ?? 'score') === mode, onchange: () => { local.noise = mode; paint(figure); } }), words)));
  const every = () => table('Robustness', ['source', 'deformation', '#clean', '#deformed', '95 % interval', '#drop', '95 % interval (drop)', '#share lost', `#${bestOf(state)}`],
    rows.flatMap((row) => found.deformations.map((d) => {
      const at = row.scores[d.name];
      return [row.source, d.title, num(row.clean), num(at?.value), interval(at?.ci95), num(at?.drop), interval(at?.drop_ci95), percent(at?.relative_drop), num(constant)];
    })));
  return panel(`Layer × deformation, ${DATA.encoders[state.focus].name}`,
    `Probes trained on clean audio, scored on the same ${found.n_test} test items deformed (test ${found.metric}). Frame: the best layer of the row.`,
    [options, figure, numbers(every)], { wide: true });
}

/** Deformations of one family, mildest first, as points of an axis. */
function families(found) {
  const kept = new Map();
  for (const d of found.deformations) if (d.family && isNumber(d.severity)) kept.set(d.family, [...(kept.get(d.family) ?? []), d]);
  return [...kept].filter(([, list]) => list.length > 1);
}

function severity(state) {
  const shown = state.shown.filter((e) => resultOf(e, state.task).robustness?.rows?.length);
  if (!shown.length) return null;
  const list = families(resultOf(shown[0], state.task).robustness);
  if (!list.length) return null;
  const pick = (e) => { const found = resultOf(e, state.task).robustness; return found.rows.find((row) => row.source === found.selected) ?? found.rows.find((row) => isNumber(row.clean)) ?? found.rows[0]; };
  const metric = resultOf(shown[0], state.task).robustness.metric;
  const levels = shown.map((e) => resultOf(e, state.task).best_constant[metric]);
  const [low, high] = range([...levels, ...shown.flatMap((e) => [pick(e).clean, ...Object.values(pick(e).scores).map((s) => s?.value)])], shown.flatMap((e) => Object.values(pick(e).scores).flatMap((s) => s?.ci95 ?? [])));
  const one = ([family, deformations], width) => {
    const mild = deformations; // The stage has put them from mild to severe.
    const c = chart({
      width, height: 215, alt: `Scores over the severity of ${family}`,
      x: { low: -0.25, high: mild.length + 0.25, ticks: [{ at: 0, label: 'clean', keep: true }, ...mild.map((d, k) => ({ at: k + 1, label: String(d.severity), keep: true }))], title: `${family}${mild[0].unit ? `, ${mild[0].unit}` : ''}` },
      y: { low, high, title: `test ${metric}` },
    });
    c.add([...new Set(levels)].map((value) => level(c, value)));
    shown.forEach((e, index) => {
      const [look, row] = [DATA.encoders[e], pick(e)];
      const points = [[0, row.clean, null], ...mild.map((d, k) => [k + 1, row.scores[d.name]?.value, row.scores[d.name]?.ci95])];
      c.add(line(c, points.map(([at, value]) => [at + shift(index, shown.length), value]), { stroke: look.colour, 'stroke-dasharray': look.dash || null }));
      points.forEach(([at, value, ci]) => {
        if (!isNumber(value)) return;
        c.add(whisker(c, c.x(at + shift(index, shown.length)), ci, look.colour));
        c.add(marker(look, c.x(at + shift(index, shown.length)), c.y(value), { size: 3.6, tip: `${look.name}, ${row.source}\n${at ? mild[at - 1].title : 'clean'}: ${num(value)} ${interval(ci)}` }));
      });
    });
    return c.node;
  };
  const draw = (width) => {
    const across = Math.max(1, Math.min(3, list.length, Math.floor(width / 330)));
    const each = Math.floor((width - 18 * (across - 1)) / across);
    return el('div', { class: 'small-multiples' }, list.map((family) => one(family, each)));
  };
  const areas = () => {
    const names = [...new Set(shown.flatMap((e) => Object.keys(pick(e).area ?? {})))];
    return table('Area under the severity curve', ['encoder', 'source', ...names.map((n) => `#${n}`), '#clean', `#${bestOf(state)}`], shown.flatMap((e) =>
      resultOf(e, state.task).robustness.rows.map((row) => [DATA.encoders[e].name, row.source, ...names.map((n) => num(row.area?.[n])), num(row.clean), num(resultOf(e, state.task).best_constant[metric])])));
  };
  return panel('Score over severity', 'The source that validation selects on clean audio, clean on the left, then from mild to severe. Whiskers: 95 % interval over test items.',
    [legend(shown, (e) => pick(e).source, constantKey(shown, state, metric)), host(draw), numbers(areas, 'Area under the curves')], { wide: true });
}

function ranks(state) {
  const shown = state.shown.filter((e) => resultOf(e, state.task).robustness?.ranks);
  if (!shown.length) return null;
  const rowsOf = (e) => {
    const found = resultOf(e, state.task).robustness;
    const chosen = found.rows.find((row) => row.source === found.selected);
    return found.deformations.map((d) => {
      const at = chosen?.scores[d.name];
      return [DATA.encoders[e].name, d.title, found.selected, num(at?.value), interval(at?.ci95), num(at?.drop), interval(at?.drop_ci95), found.ranks[d.name]?.best_source ?? NOTHING,
        num(found.ranks[d.name]?.kendall_tau, 2), num(resultOf(e, state.task).best_constant[found.metric])];
    });
  };
  const make = (rows) => table('Deformations', ['encoder', 'deformation', 'source', '#score', '95 % interval', '#drop', 'its interval', 'best there', '#τ', `#${bestOf(state)}`], rows);
  const one = shown.includes(state.focus) ? state.focus : shown[0];
  return panel(`What deformations do to the choice, ${DATA.encoders[one].name}`, 'At the source that validation selects on clean audio; beside it the source that is best on the deformed items, and Kendall’s τ between the clean and the deformed order of all sources.',
    [make(rowsOf(one)), shown.length > 1 ? numbers(() => make(shown.flatMap(rowsOf)), 'All encoders') : null], { wide: true });
}
