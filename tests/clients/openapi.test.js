// The checker itself must find what is wrong, or the other tests prove nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendApi } from './openapi.js';

const api = backendApi();
const json = 'application/json';
const count = body => api.problems('GET', '/users/count', 200, json, JSON.stringify(body));

test('a right answer has no problem', () => {
  assert.deepEqual(count({ object: 'total_count', total_count: 3 }), []);
});
test('missing, surplus, mistyped and misnamed fields are found', () => {
  assert.match(count({ object: 'total_count' })[0], /total_count is missing/);
  assert.match(count({ object: 'total_count', total_count: 3, more: 1 })[0], /more is not in the OpenAPI file/);
  assert.match(count({ object: 'total_count', total_count: '3' })[0], /is no integer/);
  assert.match(count({ object: 'count', total_count: 3 })[0], /is none of total_count/);
  assert.match(count([])[0], /is no object/);
});
test('unknown operations, statuses, content types and broken JSON are found', () => {
  assert.match(api.problems('GET', '/nothing', 200, json, '{}')[0], /no such operation/);
  assert.match(api.problems('GET', '/users/count', 201, json, '{}')[0], /no such answer/);
  assert.match(api.problems('GET', '/users/count', 200, 'text/html', '{}')[0], /content type/);
  assert.match(api.problems('GET', '/users/count', 200, json, '{')[0], /not JSON/);
});
test('nullable fields, references and choices are followed', () => {
  const email = { id: 'idn_1', object: 'email_address', email_address: 'a@b.co', reserved: false,
    verification: null, linked_to: [], matches_sso_connection: false, created_at: 1, updated_at: 1 };
  const check = body => api.problems('GET', '/email_addresses/idn_1', 200, json, JSON.stringify(body));
  assert.deepEqual(check(email), []);
  const admin = { object: 'verification_admin', status: 'verified', strategy: 'admin', attempts: null,
    expire_at: null };
  assert.deepEqual(check({ ...email, verification: admin }), []);
  assert.notDeepEqual(check({ ...email, verification: { ...admin, status: 'maybe' } }), []);
  assert.match(check({ ...email, linked_to: [{ id: 'x' }] })[0], /linked_to\[0\]: type is missing/);
  assert.match(check({ ...email, reserved: null })[0], /is no boolean/);
});
test('errors are held against the error envelope, declared or not', () => {
  const check = body => api.problems('GET', '/users', 429, json, JSON.stringify(body));
  assert.deepEqual(check({ errors: [{ message: 'm', long_message: 'l', code: 'c' }] }), []);
  assert.match(check({ errors: [{ message: 'm', code: 'c' }] })[0], /long_message is missing/);
  assert.match(check({ error: 'x' })[0], /errors is missing/);
});
