// The frame: sections, the address (#/users/user_…), refreshing what is shown, and the lock.
import { get, Refused, takeToken, useKey } from './api.js';
import { el, notice, replace } from './parts.js';
import { faults } from './view_faults.js';
import { metering, outbox, requests, sessions } from './view_activity.js';
import { overview } from './view_overview.js';
import { user, users } from './view_users.js';
import { webhooks } from './view_webhooks.js';

const REFRESH_MS = 2000;

// Each view: { title, load(argument) → data, draw(data, again) → nodes }; a static one draws once.
const sections = [
  { path: '', title: 'Overview', view: overview },
  { path: 'users', title: 'Users', view: users, inner: user },
  { path: 'sessions', title: 'Sessions', view: sessions },
  { path: 'requests', title: 'Requests', view: requests },
  { path: 'outbox', title: 'Outbox', view: outbox },
  { path: 'webhooks', title: 'Webhooks', view: webhooks },
  { path: 'metering', title: 'Metering', view: metering },
  { path: 'faults', title: 'Faults', view: faults },
];

const main = document.getElementById('main');
const state = document.getElementById('state');
let shown = { view: null, argument: '', drawn: '' }, timer = 0;

function here() {
  const [path, ...rest] = location.hash.replace(/^#\/?/, '').split('/');
  const section = sections.find(s => s.path === path) ?? sections[0];
  const argument = rest.map(decodeURIComponent).join('/');
  return { section, argument, view: argument && section.inner ? section.inner : section.view };
}

function tell(text, bad) {
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle('bad', bad);
}

function lock(wrong) {
  const key = el('input', { type: 'password', id: 'key', autocomplete: 'off', required: true, 'aria-describedby': 'key-hint' });
  const unlock = event => {
    event.preventDefault();
    useKey(key.value.trim());
    start();
  };
  replace(main, el('div', { class: 'lock' }, el('h1', {}, 'This page is locked'),
    el('p', {}, 'Open the link that usher sandbox printed as "page", or enter the secret key of this instance.'),
    wrong && notice('That is not the secret key of this instance.', true),
    el('form', { onsubmit: unlock }, el('label', { for: 'key' }, 'Secret key',
      el('span', { class: 'hint', id: 'key-hint' }, 'sk_test_… or sk_live_…; it stays in this tab')), key,
    el('div', {}, el('button', { class: 'main' }, 'Unlock')))));
  key.focus();
}

function fail(error, first) {
  if (error instanceof Refused && error.status === 401) {
    clearTimeout(timer);
    shown.view = null;
    tell('', false);
    lock(sessionStorage.getItem('usher.key') !== null);
    return;
  }
  tell(error instanceof Refused ? error.message : 'The sandbox does not answer.', true);
  if (first) replace(main, el('h1', {}, shown.view.title), notice(error.message, true));
}

async function refresh(first = false) {
  const { view, argument } = shown;
  clearTimeout(timer);
  try {
    const data = await view.load(argument);
    if (view !== shown.view || argument !== shown.argument) return;
    const drawn = JSON.stringify(data);
    tell('Live', false);
    if (first || (drawn !== shown.drawn && !view.still)) replace(main, ...view.draw(data, () => refresh(true)).flat());
    shown.drawn = drawn;
    if (first) document.title = `${main.querySelector('h1')?.textContent ?? view.title} · Usher sandbox`;
  } catch (error) {
    if (view === shown.view) fail(error, first);
  }
  if (shown.view === view && !view.still) timer = setTimeout(() => document.hidden || refresh(), REFRESH_MS);
}

function navigate(moved) {
  const { section, view, argument } = here();
  shown = { view, argument, drawn: '' };
  for (const link of document.querySelectorAll('#sections a'))
    if (link.getAttribute('href') === `#/${section.path}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  refresh(true).then(() => moved && main.focus({ preventScroll: true }));
  scrollTo(0, 0);
}

async function start() {
  navigate(false);
  try {
    const { environment_type: kind } = await get('overview');
    const badge = document.getElementById('environment');
    badge.textContent = kind;
    badge.classList.toggle('warn', kind === 'development');
    badge.hidden = false;
  } catch {
    // The view says what is wrong.
  }
}

function shortcut(event) {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const search = document.getElementById('search');
  if (search) search.focus();
  else location.hash = '#/users';
}

takeToken();
document.getElementById('sections').append(...sections.map(s => el('a', { href: `#/${s.path}` }, s.title)));
addEventListener('hashchange', () => /^#(\/|$)/.test(location.hash) && navigate(true));
addEventListener('keydown', shortcut);
document.addEventListener('visibilitychange', () => !document.hidden && shown.view && !shown.view.still && refresh());
start();
