// What requests may say, by Clerk's OpenAPI file: every operation that the sandbox serves and that has a body gets broken
// JSON, another content type, fields that it does not have, and every field of its own with a value of a wrong
// type; every list gets parameters with values that they cannot have. Nothing of that is done, each refusal has Clerk's form.
// (A sign-up is made by a browser only, OAuth tokens by nobody: of these there is nothing that a request could name.)
import assert from 'node:assert/strict';
import { afterEach, before, describe, test } from 'node:test';
import { backendApi } from './openapi.js';
import { startSandbox, takeConformance } from './sandbox.js';

const api = backendApi();
let sandbox, served, ids = {};

// Something of every kind that paths name, so that requests get as far as their bodies.
before(async () => {
  sandbox = await startSandbox('--limits', 'off');
  served = new Set(Object.keys((await sandbox.raw('GET', '/v1/sandbox/routes')).body));
  const make = async (route, body) => {
    const answer = await sandbox.raw('POST', `/v1/${route}`, body);
    assert.ok(answer.status < 300, `${route}: ${JSON.stringify(answer.body)}`);
    return answer.body.id;
  };
  const user = (await sandbox.raw('POST', '/v1/users', { email_address: ['requests@usher-tests.com'],
    phone_number: ['+14155550142'], password: 'Correct-Horse-9!x' })).body;
  const org = await make('organizations', { name: 'Requests', created_by: user.id });
  const invite = email_address => ({ email_address, role: 'org:member' });
  ids = { user_id: user.id, email_address_id: user.email_addresses[0].id, phone_number_id: user.phone_numbers[0].id,
    organization_id: org, session_id: await make('sessions', { user_id: user.id }),
    jwt_template: await make('jwt_templates', { name: 'requests', claims: {} }), template_name: 'requests',
    domain_id: await make('domains', { name: 'requests.usher-tests.com', is_satellite: true }),
    organization_invitation: await make(`organizations/${org}/invitations`, invite('requests2@usher-tests.com')),
    organization_domain: await make(`organizations/${org}/domains`, { name: 'requests.usher-tests.com' }),
    invitation: await make('invitations', { email_address: 'requests3@usher-tests.com' }),
    role: await make('organization_roles', { name: 'Requests', key: 'org:requests' }),
    permission: await make('organization_permissions', { name: 'Requests', key: 'org:requests:make' }),
    redirect_url: await make('redirect_urls', { url: 'https://requests.usher-tests.com/' }),
    waitlist: await make('waitlist_entries', { email_address: 'requests4@usher-tests.com' }) };
});
afterEach(() => assert.deepEqual(takeConformance().problems, []));

// What stands for the {} of a path.
function idOf(template, name) {
  if (/^\/jwt_templates/.test(template)) return ids.jwt_template;
  if (/^\/organizations.*\/invitations/.test(template) && name === 'invitation_id') return ids.organization_invitation;
  if (/^\/organizations.*\/domains/.test(template) && name === 'domain_id') return ids.organization_domain;
  if (/^\/organization_roles/.test(template)) return name.startsWith('permission') ? ids.permission : ids.role;
  if (/^\/organization_permissions/.test(template)) return ids.permission;
  if (/^\/role_sets/.test(template)) return 'role_set:default';
  if (/^\/templates/.test(template)) return name === 'template_type' ? 'email' : 'verification_code';
  if (/^\/redirect_urls/.test(template)) return ids.redirect_url;
  if (/^\/waitlist_entries/.test(template)) return ids.waitlist;
  return ids[name] ?? 'none_0';
}

const operations = Object.entries(api.document.paths).flatMap(([template, methods]) => Object.entries(methods)
  .filter(([, operation]) => operation.operationId).map(([method, operation]) => ({ template, method: method.toUpperCase(), operation,
    row: `${method.toUpperCase()} /v1${template.replace(/\{\w+\}/g, '{}')}`,
    parameters: [...(methods.parameters ?? []), ...(operation.parameters ?? [])].map(one => api.resolve(one)) })));
const isServed = one => served.has(one.row);
const pathOf = one => `/v1${one.template.replace(/\{(\w+)\}/g, (all, name) => idOf(one.template, name))}`;
const bodyOf = one => {
  const content = api.resolve(one.operation.requestBody)?.content?.['application/json'];
  const schema = api.resolve(content?.schema);
  return schema && (schema.allOf ? api.merge(schema) : schema);
};

async function send(one, body, type = 'application/json', query = '') {
  const answer = await fetch(sandbox.ready.backend_api + pathOf(one) + query, { method: one.method, body,
    headers: { authorization: `Bearer ${sandbox.ready.secret_key}`, ...(body !== undefined && { 'content-type': type }) } });
  const text = await answer.text();
  return { status: answer.status, error: answer.status >= 400 ? JSON.parse(text).errors[0] : null };
}
// Of those that refuse, what is not as it should be: [what was sent, status, code].
async function wrong(cases, isRight) {
  const found = [];
  for (const [what, one, ...rest] of cases) {
    const answer = await send(one, ...rest);
    if (!isRight(answer)) found.push(`${one.row} ${what}: ${answer.status} ${answer.error?.code} ${answer.error?.meta?.param_name ?? ''}`);
  }
  return found;
}
const wrongValues = { string: {}, integer: 'x', number: 'x', boolean: 'maybe', array: 7, object: 7 };
const typeOf = schema => { const one = api.resolve(schema); return one.type ?? (one.properties || one.allOf ? 'object' : undefined); };

describe('bodies', () => {
  const withBody = () => operations.filter(one => isServed(one) && bodyOf(one));
  test('broken JSON is a 400', async () => {
    const cases = withBody().flatMap(one => ['{', '{"a":}', 'null null', '[1,', '{"a":"\ud800"}x', '\u0000'].map(body => [body, one, body]));
    assert.ok(cases.length > 300);
    assert.deepEqual(await wrong(cases, ({ status, error }) => status === 400 && error.code === 'request_body_invalid'), []);
  });
  test('another content type is a 415', async () => {
    const cases = withBody().flatMap(one => ['text/plain', 'application/xml', 'application/x-www-form-urlencoded'].map(type => [type, one, '{}', type]));
    assert.deepEqual(await wrong(cases, ({ status, error }) => status === 415 && error.code === 'unsupported_content_type'), []);
  });
  test('a field that the file does not have is form_param_unknown', async () => {
    const cases = withBody().filter(one => bodyOf(one).type !== 'array' && one.template !== '/sign_ups/{id}')
      .map(one => ['unknown', one, '{"no_such_field":1}']);
    assert.ok(cases.length > 60);
    assert.deepEqual(await wrong(cases, ({ status, error }) => status === 422 && error.code === 'form_param_unknown' && error.meta.param_name === 'no_such_field'), []);
  });
  test('a value of a wrong type is refused, by name', async () => {
    const cases = withBody().filter(one => bodyOf(one).type !== 'array' && one.template !== '/sign_ups/{id}').flatMap(one => Object.entries(bodyOf(one).properties ?? {})
      .filter(([, schema]) => typeOf(schema) in wrongValues).map(([name, schema]) => [name, one, JSON.stringify({ [name]: wrongValues[typeOf(schema)] })]));
    assert.ok(cases.length > 150);
    assert.deepEqual(await wrong(cases, ({ status, error }) => status >= 400 && status < 500 && status !== 404 && error.code), []);
  });
});

describe('parameters', () => {
  test('a value that a parameter cannot have is refused', async () => {
    const cases = operations.filter(one => isServed(one) && one.method === 'GET' && !/oauth_access_tokens/.test(one.template)).flatMap(one => one.parameters
      .filter(parameter => parameter.in === 'query').flatMap(({ name, schema }) => {
        const whole = api.resolve(schema), item = whole.type === 'array' ? api.resolve(whole.items) : whole;
        const value = item.enum ? 'no_such_value' : { integer: 'x', boolean: 'maybe' }[item.type];
        return value ? [[`${name}=${value}`, one, undefined, undefined, `?${name}=${value}`]] : [];
      }));
    assert.ok(cases.length > 80);
    assert.deepEqual(await wrong(cases, ({ status, error }) => (status === 422 || status === 400) && error.code), []);
  });
});
