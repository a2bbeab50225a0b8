// Charts: axes, lines, bands, whiskers and heat maps, drawn at the width the screen has.

const MARKERS = {
  o: (x, y, r) => el('circle', { cx: x, cy: y, r }),
  s: (x, y, r) => shape(x, y, r * 0.92, [[-1, -1], [1, -1], [1, 1], [-1, 1]]),
  '^': (x, y, r) => shape(x, y, r * 1.15, [[0, -1], [1, 0.8], [-1, 0.8]]),
  D: (x, y, r) => shape(x, y, r * 1.25, [[0, -1], [1, 0], [0, 1], [-1, 0]]),
  v: (x, y, r) => shape(x, y, r * 1.15, [[0, 1], [1, -0.8], [-1, -0.8]]),
  P: (x, y, r) => shape(x, y, r * 1.1, [[-0.35, -1], [0.35, -1], [0.35, -0.35], [1, -0.35], [1, 0.35], [0.35, 0.35],
    [0.35, 1], [-0.35, 1], [-0.35, 0.35], [-1, 0.35], [-1, -0.35], [-0.35, -0.35]]),
  X: (x, y, r) => shape(x, y, r * 1.1, [[-1, -0.6], [-0.6, -1], [0, -0.4], [0.6, -1], [1, -0.6], [0.4, 0], [1, 0.6],
    [0.6, 1], [0, 0.4], [-0.6, 1], [-1, 0.6], [-0.4, 0]]),
  '*': (x, y, r) => shape(x, y, r * 1.35, [...Array(10).keys()].map((k) => {
    const [angle, far] = [(Math.PI * k) / 5, k % 2 ? 0.45 : 1];
    return [far * Math.sin(angle), -far * Math.cos(angle)];
  })),
};

const shape = (x, y, r, corners) => el('polygon', { points: corners.map(([a, b]) => `${(x + a * r).toFixed(1)},${(y + b * r).toFixed(1)}`).join(' ') });

/** The mark of an encoder; hollow says 'significantly worse than the best'. */
function marker(look, x, y, { hollow = false, size = 4, tip = null } = {}) {
  const node = MARKERS[look.marker](x, y, size);
  node.setAttribute('fill', hollow ? 'var(--card)' : look.colour);
  node.setAttribute('stroke', look.colour);
  node.setAttribute('stroke-width', 1.6);
  if (tip) node.dataset.tip = tip;
  return node;
}

const measure = (() => {
  const context = document.createElement('canvas').getContext('2d');
  return (text, size = 12) => {
    context.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
    return context.measureText(text).width;
  };
})();

/** Round numbers that cover a range. */
function ticksOf(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + 1e-9 * step; at += step) ticks.push(Math.abs(at) < 1e-12 ? 0 : at);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0));
  return ticks.map((at) => ({ at, label: num(at, digits) }));
}

/**
 * An empty chart.
 * @param o {width, height, alt, x: {low, high, ticks: [{at, label}], title}, y: {low, high, title}, log: x is logarithmic}
 * @returns {node, x, y, add, box} with x and y from values to pixels.
 */
function chart(o) {
  const yTicks = o.y.ticks ?? ticksOf(o.y.low, o.y.high, Math.max(3, Math.round(o.height / 62)));
  const left = (o.y.title ? 32 : 14) + Math.max(...yTicks.map((tick) => measure(tick.label)), 10);
  const right = o.right ?? 14;
  const inner = o.width - left - right;
  const into = o.log ? Math.log : (value) => value;
  const x = (value) => left + (inner * (into(value) - into(o.x.low))) / (into(o.x.high) - into(o.x.low));
  const gaps = o.x.ticks.slice(1).map((tick, k) => x(tick.at) - x(o.x.ticks[k].at));
  const widest = Math.max(...o.x.ticks.map((tick) => measure(tick.label)), 8);
  const tight = gaps.length ? Math.min(...gaps) : inner;
  const crowded = tight < widest + 6;
  const turned = crowded && widest > 34; // Short names are thinned, long ones turned.
  const every = crowded ? Math.max(1, Math.ceil((turned ? 15 : widest + 6) / Math.max(tight, 1))) : 1;
  const below = (turned ? widest * 0.72 + 20 : 24) + (o.x.title ? 18 : 0);
  const top = o.top ?? 10;
  const height = o.height - below - top;
  const y = (value) => top + height - (height * (value - o.y.low)) / (o.y.high - o.y.low);
  const node = el('svg', { viewBox: `0 0 ${o.width} ${o.height}`, width: o.width, height: o.height, role: 'img', 'aria-label': o.alt });
  const grid = el('g', { class: 'grid' });
  for (const tick of yTicks) {
    grid.append(el('line', { x1: left, x2: o.width - right, y1: y(tick.at), y2: y(tick.at) }));
    node.append(el('text', { x: left - 7, y: y(tick.at) + 4, 'text-anchor': 'end' }, tick.label));
  }
  node.prepend(grid);
  node.append(el('line', { class: 'axis', x1: left, x2: o.width - right, y1: top + height, y2: top + height }));
  o.x.ticks.forEach((tick, k) => {
    if (k % every && !tick.keep) return;
    const at = x(tick.at);
    node.append(el('line', { class: 'axis', x1: at, x2: at, y1: top + height, y2: top + height + 4 }));
    node.append(el('text', turned
      ? { x: at + 4, y: top + height + 14, 'text-anchor': 'end', transform: `rotate(-45 ${at + 4} ${top + height + 14})` }
      : { x: at, y: top + height + 18, 'text-anchor': 'middle' }, tick.label));
  });
  if (o.x.title) node.append(el('text', { class: 'title', x: left + inner / 2, y: o.height - 4, 'text-anchor': 'middle' }, o.x.title));
  if (o.y.title) node.append(el('text', { class: 'title', x: 0, y: 0, 'text-anchor': 'middle', transform: `translate(11 ${top + height / 2}) rotate(-90)` }, o.y.title));
  const add = (...nodes) => node.append(...nodes.flat().filter(Boolean));
  return { node, x, y, add, box: { left, right: o.width - right, top, bottom: top + height } };
}

/** A line through points; a missing one breaks it. */
function line(c, points, attributes) {
  let path = '';
  let open = false;
  for (const [x, y] of points) {
    if (!isNumber(y)) open = false;
    else {
      path += `${open ? 'L' : 'M'}${c.x(x).toFixed(1)} ${c.y(y).toFixed(1)}`;
      open = true;
    }
  }
  return path ? el('path', { d: path, fill: 'none', 'stroke-width': 1.8, 'stroke-linejoin': 'round', ...attributes }) : null;
}

/** The area between two heights of every point, in stretches without gaps. */
function band(c, points, colour) {
  const parts = [[]];
  for (const point of points) {
    if (isNumber(point[1]) && isNumber(point[2])) parts.at(-1).push(point);
    else parts.push([]);
  }
  return parts.filter((part) => part.length > 1).map((part) => el('path', {
    d: `M${part.map(([x, low]) => `${c.x(x).toFixed(1)} ${c.y(low).toFixed(1)}`).join('L')}L${part.toReversed().map(([x, , high]) => `${c.x(x).toFixed(1)} ${c.y(high).toFixed(1)}`).join('L')}Z`,
    fill: colour, 'fill-opacity': 0.2, stroke: 'none',
  }));
}

const whisker = (c, x, ci, colour) => (ci && isNumber(ci[0]) ? el('line', {
  x1: x, x2: x, y1: Math.min(c.y(ci[0]), c.box.bottom), y2: Math.max(c.y(ci[1]), c.box.top), stroke: colour, 'stroke-opacity': 0.75, 'stroke-width': 1.2,
}) : null);

/** A level across the chart; the legend names it. */
function level(c, value) {
  if (!isNumber(value)) return null;
  const at = c.y(value);
  if (at > c.box.bottom + 1 || at < c.box.top - 1) return null;
  return el('line', { class: 'level', x1: c.box.left, x2: c.box.right, y1: at, y2: at, 'stroke-dasharray': '2 3' });
}

/**
 * A range that holds all values, with a little air, and the ends of intervals too unless they
 * lie so far out (an R2 of a few items) that the values would shrink to a line.
 */
function range(values, ends = [], air = 0.06) {
  const finite = values.filter(isNumber);
  if (!finite.length) return [0, 1];
  let [low, high] = [Math.min(...finite), Math.max(...finite)];
  const far = 3 * Math.max(high - low, 0.1);
  const kept = ends.filter((end) => isNumber(end)).map((end) => Math.min(Math.max(end, low - far), high + far));
  [low, high] = [Math.min(low, ...kept), Math.max(high, ...kept)];
  const span = high - low || Math.abs(high) || 1;
  return [low - air * span, high + air * span];
}

/**
 * A map: a table whose cells are coloured and say their number.
 * @param o {name, rows: [text], columns: [text], value(r, c), share(r, c), text(r, c), mark(r, c), tip(r, c),
 *   corner, small, press(r, c)}
 */
function heat(o) {
  const body = o.rows.map((title, r) => el('tr', {}, el('th', { scope: 'row', title: String(title) }, o.rowNode?.(r) ?? String(title)),
    o.columns.map((_, c) => {
      const value = o.value(r, c);
      const given = isNumber(value);
      const { paper, ink } = given ? shade(o.share(r, c)) : {};
      const mark = o.mark?.(r, c);
      const faded = given && o.faded?.(r, c);
      const attributes = {
        class: [mark ?? '', given ? '' : 'empty', faded ? 'faded' : ''].join(' ').trim() || null,
        style: given ? `--cell:${paper};--on:${ink}` : null,
        'data-tip': o.tip ? o.tip(r, c) : null,
        'data-copy': given && o.small ? String(value) : null,
      };
      if (o.press?.can(r, c)) {
        Object.assign(attributes, { tabindex: o.small ? -1 : 0, role: 'button', onclick: () => o.press.go(r, c),
          onkeydown: (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); o.press.go(r, c); } } });
      }
      return el('td', attributes, given ? (o.small ? '' : o.text(r, c)) : (o.absent ?? ''));
    })));
  const longest = Math.max(...o.columns.map((name) => String(name).length));
  const head = el('tr', {}, el('th', { scope: 'col' }, o.corner ?? ''), o.columns.map((name) => el('th', { scope: 'col', title: String(name) }, el('span', {}, String(name)))));
  const classes = ['heat', longest > 5 ? 'turned' : '', o.small ? 'tiny' : ''].join(' ').trim();
  const room = `max-width:${Math.round(60 + 7.2 * Math.max(...o.rows.map((name) => String(name).length), 8) + 62 * o.columns.length)}px`;
  const made = el('table', { class: classes, style: o.small ? null : room }, el('thead', {}, head), el('tbody', {}, body));
  return enhance(el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': o.name }, made), o.name);
}

/** What the colours of a map mean: a bar with its two ends named. */
function scale(low, high) {
  const stops = [0, 0.25, 0.5, 0.75, 1].map((at) => shade(at).paper).join(',');
  return el('div', { class: 'scale' }, el('span', {}, low), el('i', { style: `background:linear-gradient(90deg,${stops})` }), el('span', {}, high));
}
