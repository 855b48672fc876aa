// Run behind all tests: fails when an error that Clerk's OpenAPI file declares of a served operation was never answered and
// is not in docs/unseen.md, where those are that cannot occur in the sandbox, or when it was answered and is there. Every
// file of tests has left what it has seen in the folder USHER_CALLS.
import fs from 'node:fs';
import path from 'node:path';
import { backendApi } from './openapi.js';

const read = (...names) => fs.readFileSync(path.join(process.env.USHER_ROOT, ...names), 'utf8');
const folder = process.env.USHER_CALLS;
const unserved = [...read('src', 'sandbox', 'unserved.h').matchAll(/UNSERVED\(\w+, "[^"]+", (\w+)\)/g)].map(([, id]) => id);

// "CreateUser 422" and so on.
const declared = Object.values(backendApi().document.paths).flatMap(Object.values)
  .filter(({ operationId }) => operationId && !unserved.includes(operationId))
  .flatMap(({ operationId, responses }) => Object.keys(responses).filter(status => status >= 400)
    .map(status => `${operationId} ${status}`));
const seen = fs.readdirSync(folder).filter(name => name.endsWith('.errors'))
  .flatMap(name => fs.readFileSync(path.join(folder, name), 'utf8').split('\n'));
// Rows: | status | operations, or: all | why |.
const excused = [...read('docs', 'unseen.md').matchAll(/^\| (\d{3}) \| ([\w ,]+) \|/gm)].flatMap(([, status, names]) =>
  names === 'all' ? declared.filter(one => one.endsWith(` ${status}`)) : names.split(', ').map(name => `${name} ${status}`));

const wrong = [
  ...declared.filter(one => !seen.includes(one) && !excused.includes(one)).map(one => `never answered: ${one}`),
  ...excused.filter(one => seen.includes(one)).map(one => `answered, though in docs/unseen.md: ${one}`),
  ...excused.filter(one => !declared.includes(one)).map(one => `not declared, though in docs/unseen.md: ${one}`),
];
console.log(`${declared.length - wrong.length} passed, ${wrong.length} failed`);
for (const one of wrong) console.log(one);
process.exit(wrong.length > 0 ? 1 : 0);
