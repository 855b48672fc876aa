// Run behind all tests: fails when an endpoint of the sandbox's table (src/sandbox/routes.h) was never called.
// Every sandbox that a test stops has left its own count of calls in the folder USHER_CALLS.
import fs from 'node:fs';
import path from 'node:path';

const folder = process.env.USHER_CALLS;
const total = new Map();
for (const file of fs.readdirSync(folder).filter(name => name.endsWith('.json'))) {
  const counts = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'));
  for (const [route, calls] of Object.entries(counts)) total.set(route, (total.get(route) ?? 0) + calls);
}
const missed = [...total].filter(([, calls]) => calls === 0).map(([route]) => route);
console.log(`${total.size - missed.length} passed, ${missed.length} failed`);
for (const route of missed) console.log(`never called: ${route}`);
process.exit(total.size === 0 || missed.length > 0 ? 1 : 0);
