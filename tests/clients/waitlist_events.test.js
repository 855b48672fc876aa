// What webhooks are told of the waiting list: who joins it by the Frontend and the Backend API, is invited, is rejected.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Visitor } from './frontend.js';
import { webhooksApi } from './openapi.js';
import { startSandbox, takeConformance } from './sandbox.js';

test('every entry is told when it is made and when it changes', async () => {
  const openApi = webhooksApi();
  const sandbox = await startSandbox('--limits', 'off', '--webhook', 'http://127.0.0.1:9/');
  const raw = async (method, route, body) => (await sandbox.raw(method, `/v1/${route}`, body)).body;
  await raw('PATCH', 'sandbox/settings', { sign_up_mode: 'waitlist' });
  const one = new Visitor(sandbox.ready);
  const joined = (await one.post('/v1/waitlist', { email_address: 'joined@usher-tests.com' })).body;
  const id = joined.id ?? joined.response.id;
  await one.post('/v1/waitlist', { email_address: 'joined@usher-tests.com' });
  const added = await raw('POST', 'waitlist_entries', { email_address: 'added@usher-tests.com' });
  await raw('POST', 'waitlist_entries/bulk', ['bulk1', 'bulk2'].map(name => ({ email_address: `${name}@usher-tests.com` })));
  await raw('POST', `waitlist_entries/${id}/invite`);
  await raw('POST', `waitlist_entries/${added.id}/reject`);
  const { data } = await raw('GET', 'sandbox/deliveries?limit=500');
  const payloads = [];
  for (const { message, endpoint } of data)
    payloads.push((await raw('GET', `sandbox/deliveries/${message}/${endpoint}`)).payload);
  const told = payloads.filter(payload => payload.type.startsWith('waitlistEntry.'));
  assert.deepEqual(told.flatMap(payload => openApi.webhookProblems(payload)), []);
  const of = type => told.filter(payload => payload.type === type)
    .map(payload => [payload.data.email_address.split('@')[0], payload.data.status]).sort();
  assert.deepEqual(of('waitlistEntry.created'),
    [['added', 'pending'], ['bulk1', 'pending'], ['bulk2', 'pending'], ['joined', 'pending']]);
  assert.deepEqual(of('waitlistEntry.updated'), [['added', 'rejected'], ['joined', 'invited']]);
  assert.deepEqual([one.problems, takeConformance().problems], [[], []]);
  assert.deepEqual(await sandbox.stop(), { status: 0, signal: null });
});
