// Tables: sorted by a click or a key, copied as CSV, LaTeX or Markdown.

/**
 * A table that scrolls sideways by itself.
 * @param name what it holds, for those who do not see it.
 * @param head column names; a name that begins with '#' is a column of numbers.
 * @param rows lists of cells: text, a node, or {text, sort, node, class}.
 * @param options {classes: one per row}
 */
function table(name, head, rows, options = {}) {
  const numeric = head.map((title) => title.startsWith('#'));
  const cell = (value, column, tag) => {
    const given = value !== null && typeof value === 'object' && !(value instanceof Node) ? value : { node: value };
    const classes = [numeric[column] ? 'n' : '', given.class ?? ''].join(' ').trim();
    const attributes = { class: classes || null, 'data-sort': given.sort ?? null, 'data-copy': given.copy ?? null };
    if (tag === 'th') attributes.scope = 'row';
    return el(tag, attributes, given.node ?? given.text ?? NOTHING);
  };
  const made = el('table', {},
    el('thead', {}, el('tr', {}, head.map((title, k) =>
      el('th', { scope: 'col', class: numeric[k] ? 'n' : null }, title.replace(/^#/, ''))))),
    el('tbody', {}, rows.map((cells, r) => el('tr', { class: options.classes?.[r] || null },
      cells.map((value, k) => cell(value, k, k ? 'td' : 'th'))))));
  const box = el('div', { class: rows.length > 16 ? 'scroll tall' : 'scroll', tabindex: 0, role: 'region', 'aria-label': name }, made);
  return enhance(box, name);
}

/** Gives a table its sorting headers and its copy buttons. */
function enhance(box, name) {
  const made = box.querySelector('table');
  if (made.dataset.ready) return box.parentNode?.classList.contains('tabled') ? box.parentNode : box;
  made.dataset.ready = '1';
  const body = made.tBodies[0];
  [...body.rows].forEach((row, k) => { row.dataset.order = k; });
  if (!made.classList.contains('heat') && body.rows.length > 1) {
    [...made.tHead.rows[0].cells].forEach((head, column) => {
      const words = [...head.childNodes];
      const button = el('button', { type: 'button', class: 'sort', onclick: () => sortBy(made, column) },
        ...words, el('span', { class: 'arrow', 'aria-hidden': 'true' }));
      head.replaceChildren(button);
      head.setAttribute('aria-sort', 'none');
    });
  }
  const copies = el('div', { class: 'copies', role: 'group', 'aria-label': `Copy ${name}` }, el('span', {}, 'Copy'));
  for (const [form, write] of Object.entries({ CSV: toCsv, LaTeX: toLatex, Markdown: toMarkdown })) {
    copies.append(el('button', {
      type: 'button',
      'data-form': form,
      onclick: (event) => copy(write(cellsOf(made), name), event.currentTarget),
    }, form));
  }
  const outer = el('div', { class: 'tabled' });
  box.replaceWith(outer);
  outer.append(box, copies);
  return outer;
}

/** What a cell is sorted by: its own key, the number it begins with, or its words. */
function keyOf(cell) {
  const text = cell?.dataset.sort ?? (cell?.textContent ?? '').trim();
  const found = text.replace('−', '-').match(/^[<[(]?\s*([+-]?[\d.]+(?:e[+-]?\d+)?)(?![\w.]*[a-z_])/i);
  if (found && Number.isFinite(Number(found[1]))) return Number(found[1]);
  return text === NOTHING || text === '' ? null : text.toLowerCase();
}

/** Numbers begin with the largest, words with the first; a third click restores the order. */
function sortBy(made, column) {
  const body = made.tBodies[0];
  const heads = [...made.tHead.rows[0].cells];
  const rows = [...body.rows];
  const keys = new Map(rows.map((row) => [row, keyOf(row.cells[column])]));
  const numeric = rows.some((row) => typeof keys.get(row) === 'number');
  const cycle = numeric ? ['descending', 'ascending', 'none'] : ['ascending', 'descending', 'none'];
  const now = heads[column].getAttribute('aria-sort');
  const next = cycle[(cycle.indexOf(now) + 1) % 3];
  heads.forEach((head) => head.setAttribute('aria-sort', 'none'));
  heads[column].setAttribute('aria-sort', next);
  const order = (row) => Number(row.dataset.order);
  const compare = (a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1;
    const less = typeof x === 'number' ? x - y : x.localeCompare(y, 'en', { numeric: true });
    return next === 'ascending' ? less : -less;
  };
  const foot = (row) => row.classList.contains('level');
  rows.sort((a, b) => foot(a) - foot(b) || (next === 'none' ? 0 : compare(a, b)) || order(a) - order(b));
  body.append(...rows);
}

/** The words of a table as they stand, row by row. */
function cellsOf(made) {
  return [...made.rows].map((row) => [...row.cells].map((cell) => cell.dataset.copy ?? words(cell)));
}

function words(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE || node.classList.contains('arrow')) return '';
  if (node.tagName === 'BR') return ' ';
  const inner = [...node.childNodes].map(words).join('');
  const text = node.classList.contains('tag') ? ` (${inner})` : inner;
  return /^T[HD]$/.test(node.tagName) ? text.replace(/\s+/g, ' ').trim() : text;
}

const plain = (text) => text.replaceAll('−', '-').replace(/^–$/, '');

function toCsv(rows) {
  const field = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => row.map((text) => field(plain(text))).join(',')).join('\n') + '\n';
}

function toMarkdown(rows) {
  const line = (row) => `| ${row.map((text) => text.replaceAll('\\', '\\\\').replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(rows[0]), `|${'---|'.repeat(rows[0].length)}`, ...rows.slice(1).map(line)].join('\n') + '\n';
}

const LATEX = {
  '\\': '\\textbackslash{}', '&': '\\&', '%': '\\%', $: '\\$', '#': '\\#', _: '\\_', '{': '\\{', '}': '\\}',
  '~': '\\textasciitilde{}', '^': '\\textasciicircum{}', '−': '$-$', '–': '--', '…': '\\dots{}', '×': '$\\times$', τ: '$\\tau$', '±': '$\\pm$',
};

/** A booktabs table; the first column is text, columns of numbers are set right. */
function toLatex(rows, name) {
  const clean = (text) => text.replace(/[\\&%$#_{}~^−–…×τ±]/g, (c) => LATEX[c]);
  const isRight = rows[0].map((_, k) => k > 0 && rows.slice(1).every((row) => /^[−+\-–\d.]*$/.test(row[k] ?? '')));
  const line = (row) => `${row.map(clean).join(' & ')} \\\\`;
  return [
    `% ${name}`,
    `\\begin{tabular}{${isRight.map((right) => (right ? 'r' : 'l')).join('')}}`,
    '\\toprule', line(rows[0]), '\\midrule', ...rows.slice(1).map(line), '\\bottomrule', '\\end{tabular}', '',
  ].join('\n');
}

/** To the clipboard; where the browser has none for local files, through a hidden field. */
async function copy(text, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = el('textarea', { class: 'unseen', 'aria-hidden': 'true' });
    field.value = text;
    document.body.append(field);
    field.select();
    done = document.execCommand('copy');
    field.remove();
    button.focus();
  }
  announce(done ? `Copied as ${button.dataset.form}` : 'The browser does not let this page copy');
  button.classList.add('done');
  setTimeout(() => button.classList.remove('done'), 1200);
}

/** Says something to everyone, screen readers included. */
function announce(text) {
  const line = document.getElementById('said');
  line.textContent = text;
  line.classList.add('shown');
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => line.classList.remove('shown'), 1800);
}
