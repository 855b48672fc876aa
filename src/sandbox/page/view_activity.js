import { get, part } from './api.js';
import { badge, el, hour, id, mono, none, number, second, status, table, time, took } from './parts.js';
import { sessionTable } from './view_users.js';

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

export const sessions = {
  title: 'Sessions',
  load: () => get('sessions'),
  draw: ({ data }) => [el('h1', {}, 'Sessions'), el('p', { class: 'soft' }, 'The newest 100.'),
    sessionTable(data, [{ title: 'User', cell: s => el('a', { href: `#/users/${part(s.user_id)}` }, id(s.user_id)) }])],
};

const messageColumns = [
  { title: 'Time', tight: true, cell: m => time(m.created_at) },
  { title: 'To', cell: m => [badge(m.kind), ' ', el('span', { class: 'wrap' }, m.to)] },
  { title: 'Code', tight: true, cell: m => m.code ? mono(m.code) : none() },
  { title: 'Message', cell: m => [el('span', { class: 'wrap' }, m.body), second(m.slug ?? '')] },
];

export const outbox = {
  title: 'Outbox',
  load: () => get('outbox?limit=100'),
  draw: answer => [el('h1', {}, 'Outbox'),
    el('p', { class: 'soft' }, 'Emails and text messages that a real Clerk would have sent.'),
    table('Messages', messageColumns, answer, { key: m => m.id, empty: 'Nothing was sent.' })],
};

const monthColumns = [
  { title: 'Month', cell: m => m.month },
  { title: 'Active users', number: true, cell: m => number(m.active_users) },
  { title: 'Retained users', number: true, cell: m => number(m.retained_users) },
  { title: 'Active organizations', number: true, cell: m => number(m.active_organizations) },
  { title: 'Retained organizations', number: true, cell: m => number(m.retained_organizations) },
];

export const metering = {
  title: 'Metering',
  load: () => get('metering'),
  draw: ({ data }) => [el('h1', {}, 'Metering'),
    el('p', { class: 'soft' }, 'Active: did something with a session in the month (UTC). Retained, which Clerk bills: '
      + 'at least a day after sign-up. Users who are imported and never come count nothing. An organization counts by the same rule, '
      + 'by what its members do in it, once it has two.'),
    table('Months', monthColumns, data, { key: m => m.month, empty: 'Nobody has been active yet.' })],
};
