// What every part of the page uses: elements, numbers, colours, the data.

const SVG = 'http://www.w3.org/2000/svg';
const DRAWN = new Set('svg g path line rect circle polygon text title'.split(' '));
const NOTHING = '–';

/** Makes an element; text is never read as HTML. Attributes that are null or false are left out. */
function el(tag, attributes = {}, ...children) {
  const node = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Undoes the packing of `island.py`: lists (and named lists, `n`) of equal records are keys and rows. */
function unpack(value) {
  if (Array.isArray(value)) return value.map(unpack);
  if (value === null || typeof value !== 'object') return value;
  if (value['~']) {
    const records = value.r.map((row) => Object.fromEntries(value['~'].map((key, k) => [key, unpack(row[k])])));
    return value.n ? Object.fromEntries(value.n.map((name, k) => [name, records[k]])) : records;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpack(item)]));
}

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/** Three decimals, a dash where there is no value, never '-0.000'. */
function num(value, digits = 3) {
  if (!isNumber(value)) return NOTHING;
  if (Math.abs(value) >= 1e5) return value.toExponential(1).replace('-', '−').replace('+', '');
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−');
}

const signed = (value, digits = 3) => (isNumber(value) && value > 0 && Number(value.toFixed(digits)) ? '+' : '') + num(value, digits);
const interval = (ci, digits = 3) => (ci && isNumber(ci[0]) ? `[${num(ci[0], digits)}, ${num(ci[1], digits)}]` : NOTHING);
const percent = (value, digits = 0) => (isNumber(value) ? `${num(100 * value, digits)} %` : NOTHING);
const pvalue = (p) => (!isNumber(p) ? NOTHING : p < 0.001 ? '< 0.001' : num(p));

/** A learning rate or a penalty as '5e-4'. */
function rate(value) {
  if (!isNumber(value)) return NOTHING;
  if (value === 0) return '0';
  const [mantissa, exponent] = value.toExponential(2).split('e');
  return `${Number(mantissa)}e${Number(exponent)}`;
}

/** Cuts the middle out of a long name. */
function shorten(text, width) {
  if (text.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

const sum = (values) => values.reduce((a, b) => a + b, 0);

// Viridis, sampled: dark is low, bright is high, and grey print keeps the order.
const STOPS = ['440154', '482878', '3e4989', '31688e', '26828e', '1f9e89', '35b779', '6ece58', 'b5de2b', 'fde725']
  .map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** The colour of a share in 0..1, and the ink that reads on it. */
function shade(share) {
  const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const low = Math.min(Math.floor(at), STOPS.length - 2);
  const colour = STOPS[low].map((value, k) => Math.round(value + (at - low) * (STOPS[low + 1][k] - value)));
  const linear = colour.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return { paper: `rgb(${colour.join(',')})`, ink: luminance > 0.179 ? '#000' : '#fff' };
}

const DATA = unpack(JSON.parse(document.getElementById('data').textContent));

/** The result of an encoder on a task, by their numbers; null where there is none. */
const resultOf = (encoder, task) => DATA.results[encoder]?.[task] ?? null;

/** Where a source stands in the depth; null where it combines layers. */
const depthOf = (row) => (row.layers?.length === 1 && !row.learned ? row.layers[0] : null);
