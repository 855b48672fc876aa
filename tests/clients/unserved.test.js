// What the sandbox serves and what it does not is, together, all of Clerk's Backend API: two tables, one page.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { backendApi } from './openapi.js';
import { assertRefused, sandboxForFile } from './sandbox.js';

const sandbox = sandboxForFile(() => {});
const root = process.env.USHER_ROOT;
const read = (...names) => fs.readFileSync(path.join(root, ...names), 'utf8');

// [method, path with {} for ids, operationId] of every operation in Clerk's file.
const operations = Object.entries(backendApi().document.paths).flatMap(([template, methods]) =>
  Object.entries(methods).filter(([, operation]) => operation.operationId).map(([method, operation]) =>
    [method.toUpperCase(), '/v1' + template.replace(/\{\w+\}/g, '{}'), operation.operationId]));
const unserved = [...read('src', 'sandbox', 'unserved.h').matchAll(/UNSERVED\((\w+), "([^"]+)", (\w+)\)/g)]
  .map(([, ...row]) => row);

test('every operation is served or in the table of those that are not, and none is in both', async () => {
  const served = new Set(Object.keys((await sandbox.raw('GET', '/v1/sandbox/routes')).body));
  assert.deepEqual(unserved, operations.filter(([method, route]) => !served.has(`${method} ${route}`)));
});

test('the page in docs lists the same table', () => {
  const rows = [...read('docs', 'unserved.md').matchAll(/^\| ([A-Z]+) \| `([^`]+)` \| (\w+) \|$/gm)];
  assert.deepEqual(rows.map(([, ...row]) => row), unserved);
});

test('what is not served says so by name, to those who have the key', async () => {
  for (const [method, route, operation] of unserved) {
    const at = route.replaceAll('{}', 'some_id');
    await assertRefused(sandbox, method, at, undefined, 501, 'feature_not_implemented');
    const { body } = await sandbox.raw(method, at);
    assert.match(body.errors[0].long_message, new RegExp(`serve ${operation} \\(${method} `));
  }
  const [method, route] = unserved.at(-1);
  assert.equal((await fetch(sandbox.ready.backend_api + route.replaceAll('{}', 'some_id'), { method })).status, 401);
});
