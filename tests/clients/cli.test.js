// Clerk's own command-line program, its `users` and `api` commands, pointed at the sandbox by CLERK_BACKEND_API_URL.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { run } from './browser.js';
import { temporaryFolder } from './ending.js';
import { startSandbox } from './sandbox.js';

// The package of this machine's kind holds the program itself; the one called `clerk` only chooses among them.
const program = path.join(path.dirname(new URL(import.meta.url).pathname), 'node_modules', '@clerk',
  `cli-linux-${process.arch}`, 'bin', 'clerk');
const options = { skip: !fs.existsSync(program) && `there is no ${program}` };
const home = temporaryFolder(); // where it keeps what it remembers
let sandbox;
before(async () => {
  sandbox = await startSandbox('--limits', 'off');
});

// Runs it without a terminal; returns { status, answer }, the JSON that it printed.
async function clerk(...args) {
  const done = await run(program, args, {
    cwd: home, env: { PATH: process.env.PATH, HOME: home, CLERK_TELEMETRY_DISABLED: '1', CI: '1',
      CLERK_SECRET_KEY: sandbox.ready.secret_key, CLERK_BACKEND_API_URL: sandbox.ready.backend_api } });
  const text = done.stdout.trim() || done.stderr.trim();
  assert.match(text, /^[{[]/, `clerk ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return { status: done.status, answer: JSON.parse(text.slice(0, text.lastIndexOf(text[0] === '{' ? '}' : ']') + 1)) };
}

test('users create and users list', options, async () => {
  const made = await clerk('users', 'create', '--email', 'cli@usher-tests.com', '--first-name', 'Ada',
    '--external-id', 'old|1', '--password', 'Correct-Horse-9!x', '--yes', '--json');
  assert.deepEqual([made.status, made.answer.first_name, made.answer.external_id], [0, 'Ada', 'old|1']);
  const stored = await sandbox.clerk.users.getUser(made.answer.id);
  assert.equal(stored.emailAddresses[0].emailAddress, 'cli@usher-tests.com');
  assert.equal((await sandbox.clerk.users.verifyPassword({ userId: stored.id, password: 'Correct-Horse-9!x' })).verified, true);

  await clerk('users', 'create', '-d', '{"email_address":["second@usher-tests.com"],"skip_password_requirement":true}',
    '--yes', '--json');
  const all = await clerk('users', 'list', '--json', '--order-by', '+created_at');
  assert.deepEqual(all.answer.data.map(user => user.email_addresses[0].email_address),
    ['cli@usher-tests.com', 'second@usher-tests.com']);
  const page = await clerk('users', 'list', '--json', '--limit', '1');
  assert.deepEqual([page.answer.data.length, page.answer.hasMore], [1, true]);
  for (const filter of [['--external-id', 'old|1'], ['--email-address', 'cli@usher-tests.com'], ['--query', 'ada']])
    assert.deepEqual((await clerk('users', 'list', '--json', ...filter)).answer.data.map(user => user.id), [stored.id]);
});

test('a refusal is told with Clerk\'s code, and ends with 1', options, async () => {
  const again = await clerk('users', 'create', '--email', 'cli@usher-tests.com', '--password', 'Correct-Horse-9!x', '--yes', '--json');
  assert.equal(again.status, 1);
  assert.match(JSON.stringify(again.answer), /form_identifier_exists/);
});

test('api: reading, writing, deleting, and what is not there', options, async () => {
  assert.deepEqual(await clerk('api', '/users/count'), { status: 0, answer: { object: 'total_count', total_count: 2 } });
  const made = await clerk('api', '/organizations', '-d', '{"name":"By hand"}', '--yes');
  assert.equal(made.answer.name, 'By hand');
  const changed = await clerk('api', `/organizations/${made.answer.id}`, '-X', 'PATCH', '-d', '{"name":"Renamed"}', '--yes');
  assert.equal(changed.answer.name, 'Renamed');
  const gone = await clerk('api', `/organizations/${made.answer.id}`, '-X', 'DELETE', '--yes');
  assert.equal(gone.answer.deleted, true);
  const none = await clerk('api', `/organizations/${made.answer.id}`);
  assert.deepEqual([none.status, none.answer.errors[0].code], [1, 'resource_not_found']);
});
