// What many operations of the Backend API refuse alike: another secret key, users who are not there, organizations that
// the instance has not switched on.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { backendApi } from './openapi.js';
import { assertRefused, sandboxForFile } from './sandbox.js';

const sandbox = sandboxForFile(() => {});
const unserved = fs.readFileSync(path.join(process.env.USHER_ROOT, 'src', 'sandbox', 'unserved.h'), 'utf8');

// [method, path with ids of nobody] of the served operations that declare a status, or of all.
function operations(status) {
  return Object.entries(backendApi().document.paths).flatMap(([template, methods]) => Object.entries(methods)
    .filter(([, operation]) => operation.operationId && !unserved.includes(` ${operation.operationId})`))
    .filter(([, operation]) => status === undefined || status in operation.responses)
    .map(([method]) => [method.toUpperCase(), `/v1${template.replace(/\{\w+\}/g, 'some_id')}`]));
}

test('with another instance\'s key every operation answers 401', async () => {
  for (const [method, at] of operations().filter(([, one]) => one !== '/v1/public/interstitial' && one !== '/v1/jwks')) {
    const answer = await fetch(sandbox.ready.backend_api + at, { method,
      headers: { authorization: 'Bearer sk_live_of_another_instance' } });
    assert.deepEqual([answer.status, (await answer.json()).errors[0].code], [401, 'clerk_key_invalid'], `${method} ${at}`);
  }
});

test('who is not there gets no address, no session, no ticket', async () => {
  const nobody = { user_id: 'user_none' };
  await assertRefused(sandbox, 'POST', '/v1/email_addresses', { ...nobody, email_address: 'nobody@usher-tests.com' }, 404, 'resource_not_found');
  await assertRefused(sandbox, 'POST', '/v1/phone_numbers', { ...nobody, phone_number: '+12024561111' }, 404, 'resource_not_found');
  for (const at of ['sessions', 'sign_in_tokens'])
    await assertRefused(sandbox, 'POST', `/v1/${at}`, nobody, 404, 'resource_not_found');
});

test('an actor token is revoked once', async () => {
  const user = await sandbox.clerk.users.createUser({ emailAddress: ['acted@usher-tests.com'], password: 'Correct-Horse-9!x' });
  const { body } = await sandbox.raw('POST', '/v1/actor_tokens', { user_id: user.id, actor: { sub: 'somebody' } });
  assert.equal((await sandbox.raw('POST', `/v1/actor_tokens/${body.id}/revoke`)).body.status, 'revoked');
  await assertRefused(sandbox, 'POST', `/v1/actor_tokens/${body.id}/revoke`, undefined, 400, 'actor_token_cannot_be_revoked_code');
});

test('where organizations are off, nothing is told of one', async () => {
  const user = await sandbox.clerk.users.createUser({ emailAddress: ['owner@usher-tests.com'], password: 'Correct-Horse-9!x' });
  const { id } = await sandbox.clerk.organizations.createOrganization({ name: 'Acme', createdBy: user.id });
  await sandbox.raw('PATCH', '/v1/sandbox/settings', { org_enabled: false });
  for (const [method, at, body] of [['GET', `/v1/organizations/${id}`], ['PATCH', `/v1/organizations/${id}`, { name: 'B' }],
    ['PUT', `/v1/organizations/${id}/logo`], ['GET', `/v1/users/${user.id}/organization_memberships`]])
    await assertRefused(sandbox, method, at, body, 403, 'organization_not_enabled_in_instance');
  await sandbox.raw('PATCH', '/v1/sandbox/settings', { org_enabled: true });
});
