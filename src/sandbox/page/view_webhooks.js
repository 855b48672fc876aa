import { get, part, post, remove } from './api.js';
import { badge, el, id, json, mono, none, notice, second, status, table, time, wait } from './parts.js';

let told = null; // a secret that was made just now, which is told once

function endpointColumns(again) {
  const drop = async hook => {
    if (!confirm(`Delete ${hook.url} and all that waits for it?`)) return;
    await remove(`webhooks/${part(hook.id)}`);
    again();
  };
  return [
    { title: 'URL', cell: h => [el('span', { class: 'wrap' }, h.url), second(id(h.id))] },
    { title: 'Events', cell: h => h.events ? h.events.join(', ') : 'all' },
    { title: 'Since', tight: true, cell: h => time(h.created_at) },
    { title: '', number: true, cell: h => el('button', { class: 'small', onclick: () => drop(h), 'aria-label': `Delete ${h.url}` }, 'Delete') },
  ];
}

function next(d) {
  if (d.state === 'delivered') return badge('delivered', 'good');
  if (d.state === 'failed') return badge('given up', 'bad');
  return d.attempts === 0 ? badge('on its way') : badge(`again in ${wait(d.due_at - Date.now())}`, 'warn');
}

function deliveryColumns(again) {
  const path = d => `deliveries/${part(d.message)}/${part(d.endpoint)}`;
  const resend = async d => {
    await post(`${path(d)}/resend`);
    again();
  };
  const show = async (event, d) => {
    const row = event.target.closest('tr');
    const { payload } = await get(path(d));
    if (row.nextElementSibling?.classList.contains('payload')) row.nextElementSibling.remove();
    else row.after(el('tr', { class: 'payload' }, el('td', { colspan: 6 }, json(payload))));
  };
  return [
    { title: 'Time', tight: true, cell: d => time(d.created_at) },
    { title: 'Event', cell: d => [d.event, second(id(d.message))] },
    { title: 'State', tight: true, cell: next },
    { title: 'Answer', cell: d => d.status ? status(d.status) : d.failure ? second(d.failure) : none() },
    { title: 'Attempts', number: true, cell: d => d.attempts },
    { title: '', number: true, cell: d => [
      el('button', { class: 'small', onclick: event => show(event, d) }, 'Payload'), ' ',
      el('button', { class: 'small', onclick: () => resend(d) }, 'Send again')] },
  ];
}

function form(again) {
  const url = el('input', { type: 'url', id: 'url', class: 'grow', required: true, placeholder: 'http://127.0.0.1:3000/api/webhooks' });
  const problem = el('div', {});
  const add = async event => {
    event.preventDefault();
    try {
      told = await post('webhooks', { url: url.value.trim() });
      again();
    } catch (error) {
      problem.replaceChildren(notice(error.message, true));
    }
  };
  return el('form', { onsubmit: add }, problem, el('div', { class: 'bar' }, el('label', { for: 'url' }, 'New endpoint'), url,
    el('button', { class: 'main' }, 'Add')));
}

// Stands still while somebody types or reads a payload; what has changed is seen by the button.
export const webhooks = {
  title: 'Webhooks',
  still: true,
  async load() {
    const [hooks, deliveries] = await Promise.all([get('webhooks'), get('deliveries')]);
    return { hooks: hooks.data, deliveries: deliveries.data };
  },
  draw({ hooks, deliveries }, again) {
    const secret = told?.secret && el('div', { class: 'notice', role: 'status' },
      el('p', {}, 'The signing secret of ', told.url, ', told once: ', mono(told.secret)));
    told = null;
    return [
      el('h1', {}, 'Webhooks'), secret, form(again),
      table('Endpoints', endpointColumns(again), hooks, { key: h => h.id, empty: 'No endpoint: no event is written.' }),
      el('div', { class: 'bar' }, el('h2', {}, 'Deliveries'), el('button', { class: 'small', onclick: again }, 'Refresh')),
      table('Deliveries', deliveryColumns(again), deliveries, { key: d => d.message + d.endpoint, empty: 'Nothing was sent.' }),
    ];
  },
};
