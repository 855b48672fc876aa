// What views are made of. Text only ever becomes text nodes and attributes: nothing here writes HTML.

// el('td', { class: 'number' }, 'text', node, …); on…: a listener. Absent children are left out.
export function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter(child => child !== undefined && child !== null && child !== false));
  return node;
}

export const number = value => Number(value ?? 0).toLocaleString('en');
export const badge = (text, kind = '') => el('span', { class: `badge ${kind}` }, text);
export const second = (...children) => el('span', { class: 'second' }, ...children);
export const mono = text => el('span', { class: 'mono wrap' }, text);
export const id = text => el('span', { class: 'mono id' }, text); // in one line
export const none = () => el('span', { class: 'soft' }, '—');

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const days = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
function moment(ms, form) {
  if (ms === null || ms === undefined) return none();
  const date = new Date(ms);
  return el('time', { datetime: date.toISOString(), title: date.toISOString() }, form.format(date));
}
export const time = ms => moment(ms, dates);
export const day = ms => moment(ms, days);
export const hour = ms => moment(ms, clock);

export const took = us => us < 1000 ? `${us} µs` : us < 1e6 ? `${(us / 1000).toFixed(us < 1e4 ? 1 : 0)} ms`
  : `${(us / 1e6).toFixed(1)} s`;

export function wait(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} s`;
  return s < 5400 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
}

export function status(code) {
  if (code === 0) return badge('dropped', 'bad');
  return badge(String(code), code >= 500 ? 'bad' : code >= 400 ? 'warn' : 'good');
}

// columns: [{ title, cell: row => node or text, number, tight }]; key: row => text, to keep the focus by.
export function table(caption, columns, rows, { empty = 'Nothing yet.', key } = {}) {
  if (rows.length === 0) return el('div', { class: 'sheet' }, el('p', { class: 'empty' }, empty));
  const kind = column => [column.number && 'number', column.tight && 'tight'].filter(Boolean).join(' ') || null;
  const head = columns.map(c => el('th', { scope: 'col', class: c.number ? 'number' : null }, c.title));
  const body = rows.map(row => el('tr', { 'data-key': key && key(row) },
    columns.map(c => el('td', { class: kind(c) }, c.cell(row)))));
  return el('div', { class: 'sheet', tabindex: '0', role: 'region', 'aria-label': caption },
    el('table', {}, el('caption', {}, caption), el('thead', {}, el('tr', {}, head)), el('tbody', {}, body)));
}

export const facts = pairs => el('dl', { class: 'facts' },
  pairs.filter(Boolean).flatMap(([name, ...value]) => [el('dt', {}, name), el('dd', {}, ...value)]));

export const card = (title, value, note) => el('div', { class: 'card' }, el('dt', {}, title),
  el('dd', {}, value, note && el('span', { class: 'note' }, note)));

export const json = value => el('pre', { tabindex: '0' }, JSON.stringify(value, null, 2));

export function notice(text, bad = false) {
  return el('div', { class: `notice ${bad ? 'bad' : ''}`, role: bad ? 'alert' : 'status' }, el('p', {}, text));
}

// Puts new content in the place of the old without losing the focus: the same element by id, or by its row's
// key and its place in the row.
export function replace(holder, ...content) {
  const focus = document.activeElement;
  const row = holder.contains(focus) ? focus.closest('[data-key]') : null;
  const place = row && [...row.querySelectorAll('a,button,input')].indexOf(focus);
  holder.replaceChildren(...content.filter(Boolean));
  if (!row) return;
  const again = [...holder.querySelectorAll('[data-key]')].find(r => r.dataset.key === row.dataset.key);
  again?.querySelectorAll('a,button,input')[place]?.focus({ preventScroll: true });
}
