// What a file of tests starts is ended when its last test is over, the latest first, also if a `before` or a test fails:
// else a program that nobody stops would keep the whole run waiting.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

// How long anything may take, in ms: a machine may be busy with other things.
export const patience = 300000;

const open = new Set(), children = new Set();

// end: how something is ended, and what is then asserted of it. Returns a function that does so earlier, instead.
export function atEnd(end) {
  open.add(end);
  return (...args) => {
    open.delete(end);
    return end(...args);
  };
}

// As spawn; what still runs when Node.js exits, however that comes, is killed. Who reads from us sees that we are gone.
export function spawnChild(command, args, options) {
  const child = spawn(command, args, options);
  if (!child.stdin) children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

// A folder of this file's own.
export function temporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'usher-clients-'));
  atEnd(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// Asks again and again, with patience, until the answer is one that `enough` takes, by default any that is true; returns it.
export async function until(ask, enough = Boolean) {
  for (const began = Date.now(); ;) {
    const answer = await ask();
    if (enough(answer)) return answer;
    if (Date.now() - began > patience) throw new Error('what was waited for did not come');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

process.on('exit', () => children.forEach(child => child.kill('SIGKILL')));
after(async () => {
  const failures = [];
  for (const end of [...open].reverse())
    await Promise.resolve().then(end).catch(error => failures.push(error));
  if (failures.length > 0) throw failures[0];
});
