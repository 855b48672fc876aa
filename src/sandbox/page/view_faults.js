import { get, put } from './api.js';
import { el, notice, number } from './parts.js';

const kinds = [
  ['500', 'Status 500', 'instead of doing it'],
  ['429', 'Status 429', 'with Retry-After: 1, instead of doing it'],
  ['drop-before', 'Drop before', 'the connection closes, nothing was done'],
  ['drop-after', 'Drop after', 'it was done and committed, then the connection closes without an answer'],
  ['slow-body', 'Slow body', 'the answer trickles for two seconds'],
];

// "2" percent and "5 times" as `usher sandbox --fault` has them.
function spec(kind, amount, unit) {
  return unit === 'percent' ? `${kind}=${(amount / 100).toFixed(6)}` : `${kind}=${Math.round(amount)}`;
}

export const faults = {
  title: 'Faults',
  still: true,
  load: () => get('overview'),
  draw(state) {
    const said = el('div', { 'aria-live': 'polite' });
    const latency = el('input', { type: 'number', id: 'latency', min: 0, max: 600000, value: state.latency_ms, onchange: apply });
    const rows = kinds.map(([kind, words, meaning]) => {
      const now = state.faults.find(f => f.kind === kind);
      const often = now && now.probability_ppm > 0;
      const amount = el('input', { type: 'number', id: `amount-${kind}`, min: 0, step: 'any', 'aria-label': `How often: ${words}`,
        value: now ? often ? now.probability_ppm / 1e4 : now.count : 0, onchange: apply });
      const unit = el('select', { id: `unit-${kind}`, 'aria-label': `Unit: ${words}`, onchange: apply },
        el('option', { value: 'percent', selected: often || !now }, '% of requests'),
        el('option', { value: 'count', selected: now && !often }, 'next requests'));
      const given = now?.given ? ` · ${number(now.given)} so far` : '';
      return { kind, amount, unit, node: el('div', { class: 'switch' },
        el('label', { for: `amount-${kind}` }, words, el('span', { class: 'hint' }, meaning + given)), amount, unit) };
    });
    async function apply() {
      const wanted = rows.filter(r => Number(r.amount.value) > 0).map(r => spec(r.kind, Number(r.amount.value), r.unit.value));
      try {
        await put('faults', { latency_ms: Number(latency.value), faults: wanted });
        said.replaceChildren(notice(wanted.length > 0 || Number(latency.value) > 0 ? 'In force from the next request on.' : 'No faults, no latency.'));
      } catch (error) {
        said.replaceChildren(notice(error.message, true));
      }
    }
    const clear = () => {
      latency.value = 0;
      rows.forEach(r => { r.amount.value = 0; });
      apply();
    };
    return [
      el('h1', {}, 'Faults'),
      el('p', { class: 'soft' }, 'What befalls requests, so that a client\'s recovery can be rehearsed. A change acts at once. '
        + 'The sandbox\'s own endpoints and the key set are spared.'),
      said,
      el('div', { class: 'sheet switches' },
        el('div', { class: 'switch' }, el('label', { for: 'latency' }, 'Latency',
          el('span', { class: 'hint' }, 'each answer leaves so long after its request came')), latency, el('span', {}, 'ms')),
        rows.map(r => r.node)),
      el('p', { class: 'more' }, el('button', { onclick: clear }, 'Clear all')),
    ];
  },
};
