// The columns of organizations in the page's metering, in Chromium: an organization that two belong to and a member was
// active in is counted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newPage, press, startBrowser } from './browser.js';
import { Visitor } from './frontend.js';
import { startSandbox } from './sandbox.js';

const password = 'Correct-Horse-9!x';
let sandbox, browser;
before(async () => {
  [sandbox, browser] = await Promise.all([startSandbox('--limits', 'off'), startBrowser()]);
});
after(async () => {
  await browser.close();
  assert.deepEqual(await sandbox.stop(), { status: 0, signal: null });
});

// The page's metering as rows of { column: text }.
async function rows() {
  const page = await newPage(browser);
  await page.goto(sandbox.ready.page);
  await press(page, 'a:has-text("Metering")');
  await page.getByText('Active organizations').first().waitFor();
  await page.locator('td').first().waitFor();
  const table = await page.locator('table').first().evaluate(one => [...one.rows].map(row => [...row.cells].map(cell => cell.innerText.trim())));
  await page.context().close();
  const [head, ...body] = table;
  return body.map(cells => Object.fromEntries(cells.map((cell, i) => [head[i].toLowerCase(), cell])));
}

test('an organization counts once a member uses a session that is active in it', async () => {
  const [ada, bob] = await Promise.all(['ada', 'bob'].map(name => sandbox.clerk.users.createUser({ password,
    emailAddress: [`${name}-metering@usher-tests.com`] })));
  const org = await sandbox.clerk.organizations.createOrganization({ name: 'Metered', createdBy: ada.id, createdAt: new Date('2020-01-01') });
  await sandbox.clerk.organizations.createOrganizationMembership({ organizationId: org.id, userId: bob.id, role: 'org:member' });
  const one = new Visitor(sandbox.ready);
  const session = (await one.signIn('ada-metering@usher-tests.com', password)).body.response.created_session_id;
  const [before] = await rows();
  assert.deepEqual([before['active organizations'], before['retained organizations']], ['0', '0']);
  await one.post(`/v1/client/sessions/${session}/touch`, { active_organization_id: org.id });
  const [after] = await rows();
  assert.deepEqual([after['active organizations'], after['retained organizations']], ['1', '1']);
});
