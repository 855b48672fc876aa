import { get } from './api.js';
import { el, hour, mono, number, status, table, took } from './parts.js';

const requestColumns = [
  { title: 'Time', tight: true, cell: r => hour(r.at) },
  { title: 'Method', tight: true, cell: r => mono(r.method) },
  { title: 'Path', cell: r => mono(r.path) },
  { title: 'Status', tight: true, cell: r => status(r.status) },
  { title: 'Took', number: true, cell: r => took(r.took_us) },
];
export const requestTable = rows => table('Requests', requestColumns, rows, { key: r => r.number });

const wanted = { kind: 'all' };
const kinds = {
  all: ['All', () => true],
  failed: ['4xx and 5xx', r => r.status >= 400 || r.status === 0],
  limited: ['429', r => r.status === 429],
  backend: ['Backend API', r => !/^\/v1\/(client|environment|me|dev_browser)\b/.test(r.path)],
};

export const requests = {
  title: 'Requests',
  load: async () => ({ kind: wanted.kind, data: (await get('requests')).data }),
  draw({ data }, again) {
    const choose = event => {
      wanted.kind = event.target.value;
      again().then(() => document.getElementById('kind').focus());
    };
    const [, fits] = kinds[wanted.kind];
    return [
      el('h1', {}, 'Requests'),
      el('div', { class: 'bar' }, el('label', { for: 'kind' }, 'Show'),
        el('select', { id: 'kind', onchange: choose }, Object.entries(kinds).map(([key, [words]]) =>
          el('option', { value: key, selected: key === wanted.kind }, words))),
        el('span', { class: 'soft' }, 'the latest 256; without queries, headers and bodies')),
      requestTable(data.filter(fits)),
    ];
  },
};

const monthColumns = [
  { title: 'Month', cell: m => m.month },
  { title: 'Active users', number: true, cell: m => number(m.active_users) },
  { title: 'Retained users', number: true, cell: m => number(m.retained_users) },
];

export const metering = {
  title: 'Metering',
  load: () => get('metering'),
  draw: ({ data }) => [el('h1', {}, 'Metering'),
    el('p', { class: 'soft' }, 'Active: did something with a session in the month (UTC). Retained, which Clerk bills: '
      + 'at least a day after sign-up. Users who are imported and never come count nothing.'),
    table('Months', monthColumns, data, { key: m => m.month, empty: 'Nobody has been active yet.' })],
};
