import { get, part } from './api.js';
import { badge, day, el, facts, id, json, mono, none, notice, number, second, table, time } from './parts.js';

const name = u => [u.first_name, u.last_name].filter(Boolean).join(' ');
const primary = u => (u.identifiers.find(i => i.primary && i.kind === 'email_address')
  ?? u.identifiers.find(i => i.primary) ?? u.identifiers[0])?.value;
export const title = u => name(u) || primary(u) || u.username || u.id;

const statusKind = { verified: 'good', reserved: 'warn', unverified: '' };

function identifier(u) {
  const first = u.identifiers.find(i => i.value === primary(u));
  if (!first) return u.username ?? none();
  const others = u.identifiers.length - 1;
  return [el('span', { class: 'wrap' }, first.value), ' ', badge(first.status, statusKind[first.status]),
    second(u.username ? `@${u.username}` : '', u.username && others ? ' · ' : '', others ? `and ${others} more` : '')];
}

function password(u) {
  if (!u.password_hasher) return none();
  const move = u.moves_to_bcrypt && badge('bcrypt at next sign-in', 'warn');
  return [mono(u.digest_class ?? u.password_hasher), ' ', move];
}

function badges(u) {
  const all = [u.banned && badge('banned', 'bad'), u.locked && badge('locked', 'warn'),
    u.totp && badge('TOTP', 'good'), u.backup_codes > 0 && badge(`${u.backup_codes} backup codes`)].filter(Boolean);
  return all.length > 0 ? all : none();
}

const columns = [
  { title: 'User, id, external id', cell: u => [el('a', { href: `#/users/${part(u.id)}`, class: 'wrap' }, title(u)), second(id(u.id)),
    u.external_id && second(mono(u.external_id))] },
  { title: 'Identifier', cell: identifier },
  { title: 'Password', cell: password },
  { title: 'State', cell: badges },
  { title: 'Created', tight: true, cell: u => day(u.created_at) },
  { title: 'Last sign-in', tight: true, cell: u => day(u.last_sign_in_at) },
];

const pages = { query: '' };

// The list stands still: it is searched and paged, and must not move under the reader's eyes.
export const users = {
  title: 'Users',
  still: true,
  load: () => get(`users?query=${part(pages.query)}`),
  draw(data) {
    const holder = el('div', { 'aria-live': 'polite' });
    let rows = data.data, latest = 0;
    const show = more => {
      const empty = pages.query ? 'Nobody whose id, email, phone or username begins so.' : 'No users yet.';
      holder.replaceChildren(table('Users', columns, rows, { key: u => u.id, empty }),
        ...(more ? [el('p', { class: 'more' }, el('button', { onclick: older }, 'Older users'))] : []));
    };
    const older = async event => {
      event.target.disabled = true;
      const next = await get(`users?starting_after=${part(rows.at(-1).id)}`);
      const last = rows.length;
      rows = rows.concat(next.data);
      show(next.more);
      holder.querySelectorAll('tbody tr')[last]?.querySelector('a').focus();
    };
    const search = async event => {
      const turn = ++latest;
      pages.query = event.target.value.trim();
      const found = await get(`users?query=${part(pages.query)}`);
      if (turn !== latest) return; // a later key was faster
      rows = found.data;
      show(found.more);
    };
    show(data.more);
    return [
      el('h1', {}, 'Users'),
      el('div', { class: 'bar' }, el('input', { type: 'search', id: 'search', class: 'grow', value: pages.query,
        placeholder: 'id, external id, email, phone or username begins with …', 'aria-label': 'Search users',
        autocomplete: 'off', spellcheck: 'false', oninput: search })),
      holder,
    ];
  },
};

const sessionColumns = [
  { title: 'Session', cell: s => id(s.id) },
  { title: 'Status', cell: s => badge(s.status, s.status === 'active' ? 'good' : '') },
  { title: 'Started', tight: true, cell: s => time(s.created_at) },
  { title: 'Last active', tight: true, cell: s => time(s.last_active_at) },
  { title: 'Expires', tight: true, cell: s => time(s.expire_at) },
];
export const sessionTable = (rows, more = []) =>
  table('Sessions', [...more, ...sessionColumns], rows, { key: s => s.id, empty: 'No sessions.' });

const identifierColumns = [
  { title: 'Kind', cell: i => i.kind === 'email_address' ? 'Email address' : 'Phone number' },
  { title: 'Value', cell: i => el('span', { class: 'wrap' }, i.value) },
  { title: 'Status', cell: i => [badge(i.status, statusKind[i.status]), i.primary && badge('primary')] },
];

const metadata = u => ['public_metadata', 'private_metadata', 'unsafe_metadata']
  .filter(key => u.user[key] && Object.keys(u.user[key]).length > 0)
  .flatMap(key => [el('h2', {}, key.replace('_', ' ')), json(u.user[key])]);

export const user = {
  title: 'User',
  async load(userId) {
    const [found, open] = await Promise.all([get(`users/${part(userId)}`), get(`sessions?user_id=${part(userId)}`)]);
    return { found, sessions: open.data };
  },
  draw({ found: u, sessions }) {
    return [
      el('p', {}, el('a', { href: '#/users' }, '← Users')),
      el('h1', {}, title(u)),
      u.insecure && notice(`The password is stored as ${u.password_hasher}, which is weak. The first right password moves it to bcrypt.`),
      el('div', { class: 'sheet padded' }, facts([
        ['Id', mono(u.id)],
        ['External id', u.external_id ? mono(u.external_id) : none()],
        ['Username', u.username ?? none()],
        ['Password', password(u)].flat(),
        ['State', badges(u)].flat(),
        ['Created', time(u.created_at)],
        ['Last sign-in', time(u.last_sign_in_at)],
        ['Last active', time(u.last_active_at)],
        ['Backup codes', number(u.backup_codes)],
      ])),
      el('h2', {}, 'Identifiers'), table('Identifiers', identifierColumns, u.identifiers, { key: i => i.value }),
      el('h2', {}, 'Sessions'), sessionTable(sessions),
      ...metadata(u),
      el('h2', {}, 'As the Backend API has it'),
      el('details', {}, el('summary', {}, 'Show the User object'), json(u.user)),
    ];
  },
};
