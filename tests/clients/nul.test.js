// A NUL character, which no database keeps in a text, in every parameter of every operation: it is refused as the
// parameter's fault, or kept inside JSON, and never breaks anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendApi } from './openapi.js';
import { sandboxForFile } from './sandbox.js';

const api = backendApi();
const sandbox = sandboxForFile(() => {});
const nul = 'a\0b';

// A value of a schema, right but for NULs where texts are.
function valueOf(schema) {
  schema = api.resolve(schema) ?? {};
  const [choice] = schema.oneOf ?? schema.anyOf ?? schema.allOf ?? [];
  if (choice) return valueOf(choice);
  if (schema.type === 'array') return [valueOf(schema.items)];
  if (schema.type === 'object' || schema.properties) return { [nul]: nul, key: nul };
  return { boolean: true, integer: 1, number: 1 }[schema.type] ?? nul;
}

// Things that are there, by the names that paths have for their ids.
async function makeThings() {
  const make = async (route, body) => (await sandbox.raw('POST', `/v1${route}`, body)).body;
  const user = await make('/users', { email_address: ['nul@usher-tests.com'], phone_number: ['+14155552699'],
    password: 'Correct-Horse-9!x' });
  const organization = await make('/organizations', { name: 'Nul', created_by: user.id });
  return { user_id: user.id, email_address_id: user.email_addresses[0].id, phone_number_id: user.phone_numbers[0].id,
    organization_id: organization.id, template_type: 'email', slug: 'verification_code',
    template_id: (await make('/jwt_templates', { name: 'nul', claims: {} })).id,
    session_id: (await make('/sessions', { user_id: user.id })).id,
    organization_role_id: (await make('/organization_roles', { name: 'Nul', key: 'org:nul' })).id,
    permission_id: (await make('/organization_permissions', { name: 'Nul', key: 'org:nul:nul' })).id,
    domain_id: (await make('/domains', { name: 'nul-tests.com', is_satellite: true })).id,
    waitlist_entry_id: (await make('/waitlist_entries', { email_address: 'waiting@usher-tests.com' })).id };
}

// What each served operation takes: [method, path, body, name of the parameter with the NUL].
function* requests(served, things) {
  for (const [template, methods] of Object.entries(api.document.paths))
    for (const [method, operation] of Object.entries(methods)) {
      const upper = method.toUpperCase();
      if (!served.has(`${upper} /v1${template.replace(/\{\w+\}/g, '{}')}`)) continue;
      const at = `/v1${template.replace(/\{(\w+)\}/g, (_, name) => things[name] ?? 'some_id')}`;
      if (template.includes('{')) yield [upper, `/v1${template.replace(/\{\w+\}/g, 'a%00b')}`];
      for (const one of operation.parameters ?? []) {
        const parameter = api.resolve(one);
        if (parameter.in === 'query') yield [upper, `${at}?${parameter.name}=a%00b`, undefined, parameter.name];
      }
      let schema = api.resolve(operation.requestBody)?.content?.['application/json']?.schema;
      const list = api.resolve(schema)?.type === 'array';
      if (list) schema = api.resolve(schema).items;
      for (const [name, property] of Object.entries(api.resolve(schema)?.properties ?? {})) {
        const body = { [name]: valueOf(property) };
        yield [upper, at, list ? [body] : body, name];
      }
      if (schema) yield [upper, at, list ? [{ [nul]: 1 }] : { [nul]: 1 }];
    }
}

test('every parameter with a NUL', async () => {
  const served = new Set(Object.keys((await sandbox.raw('GET', '/v1/sandbox/routes')).body));
  let sent = 0;
  for (const [method, route, body, name] of requests(served, await makeThings())) {
    const answer = await sandbox.raw(method, route, method === 'GET' ? undefined : body);
    const [given] = [body?.[0]?.[name] ?? body?.[name]].flat();
    const what = `${method} ${route} ${JSON.stringify(body)} → ${answer.status} ${JSON.stringify(answer.body)}`;
    assert.ok(answer.status < 500, what);
    if (given === nul) assert.ok(answer.status >= 400, what);
    sent++;
  }
  assert.ok(sent > 300, `${sent} requests`);
});
