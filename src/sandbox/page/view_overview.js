import { get } from './api.js';
import { badge, card, el, number } from './parts.js';
import { requestTable } from './view_activity.js';

function limit(state) {
  if (!state) return el('p', { class: 'soft' }, 'No limit: --limits off.');
  const full = state.retry_after_s > 0;
  const words = `${number(state.used)} of ${number(state.requests)} requests used in ${state.window_s} s`;
  return el('div', { class: 'sheet padded' },
    el('p', {}, words, full ? [' ', badge(`refusing for ${state.retry_after_s} s`, 'bad')] : ''),
    el('progress', { class: full ? 'full' : null, max: state.requests, value: state.used, 'aria-label': words }));
}

function faultLine(data) {
  const parts = data.faults.map(f => f.probability_ppm > 0
    ? badge(`${f.kind} ${f.probability_ppm / 1e4} %`, 'warn') : badge(`${f.kind} × ${f.count}`, f.count > 0 ? 'warn' : ''));
  if (data.latency_ms > 0) parts.push(badge(`latency ${data.latency_ms} ms`, 'warn'));
  return parts.length > 0 && el('p', {}, parts, ' ', el('a', { href: '#/faults' }, 'Change'));
}

export const overview = {
  title: 'Overview',
  async load() {
    const [state, requests, metering] = await Promise.all([get('overview'), get('requests'), get('metering')]);
    return { state, requests: requests.data.slice(0, 10), month: metering.data[0] };
  },
  draw({ state, requests, month }) {
    return [
      el('h1', {}, 'Overview'), faultLine(state),
      el('dl', { class: 'cards' },
        card('Users', number(state.users)),
        card('Active this month', number(month?.active_users), `${number(month?.retained_users)} retained`),
        card('Requests', number(state.requests), `${number(state.refused)} refused`),
        card('Answered 429', number(state.limited)),
        card('Answered 5xx', number(state.failed)),
        card('Passwords right', number(state.passwords_right), `${number(state.passwords_wrong)} wrong`),
        card('Moved to bcrypt', number(state.passwords_moved))),
      el('h2', {}, 'Rate limit of the Backend API'), limit(state.limit),
      el('h2', {}, 'Latest requests'), requestTable(requests),
    ];
  },
};
