// Clerk's own components for organizations in Chromium against the sandbox: <OrganizationSwitcher/>,
// <CreateOrganization/>, <OrganizationProfile/>; and what @clerk/express then knows of the request.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { claims, openAs, press, startProduction, submit, whoIsIt } from './browser.js';

const password = 'Correct-Horse-9!x';
let browser, sandbox, app, count = 0;
before(async () => {
  ({ browser, sandbox, app } = await startProduction());
});

const person = (fields = {}) => sandbox.clerk.users.createUser({ password,
  emailAddress: [`browser-org${++count}@usher-tests.com`], ...fields });
const organization = (owner, name) =>
  sandbox.clerk.organizations.createOrganization({ name, createdBy: owner.id });

const open = (user, at) => openAs({ browser, app }, user, password, at);

// Chooses an organization in the switcher by its name; returns the claims of the token that follows.
async function choose(page, name) {
  await press(page, '.cl-organizationSwitcherTrigger');
  await press(page, `.cl-organizationSwitcherPreviewButton:has-text("${name}")`);
  await page.waitForFunction(wanted => window.Clerk.organization?.name === wanted, name);
  return claims(page);
}

test('a user with two organizations switches; the token carries the active one, also over a reload', async () => {
  const ada = await person();
  const [acme, globex] = [await organization(ada, 'Acme'), await organization(ada, 'Globex')];
  const page = await open(ada, '/switch');
  assert.equal((await claims(page)).o, undefined);
  assert.deepEqual((await choose(page, 'Acme')).o, { id: acme.id, rol: 'admin', slg: acme.slug });
  const second = await choose(page, 'Globex');
  assert.equal(second.o.id, globex.id);
  await page.reload();
  assert.equal(await whoIsIt(page), ada.id);
  assert.equal((await claims(page)).o.id, globex.id);
  assert.equal((await claims(page, { organizationId: acme.id })).o.id, acme.id);
  const { body } = await sandbox.raw('GET', `/v1/sessions/${second.sid}`);
  assert.equal(body.last_active_organization_id, globex.id);

  await claims(page, { skipCache: true }); // a token of now in the cookie
  const auth = (await sandbox.clerk.authenticateRequest(new Request(app.url, { headers: {
    cookie: (await page.context().cookies(app.url)).map(one => `${one.name}=${one.value}`).join('; ') } }),
  { secretKey: sandbox.ready.secret_key })).toAuth();
  assert.deepEqual([auth.userId, auth.orgId, auth.orgRole], [ada.id, globex.id, 'org:admin']);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test('<CreateOrganization/> makes one and goes into it', async () => {
  const ada = await person();
  const page = await open(ada, '/new-organization');
  await submit(page, { name: 'Initech' });
  await page.waitForFunction(() => window.Clerk.organization?.name === 'Initech');
  const { data: [membership] } = await sandbox.clerk.users.getOrganizationMembershipList({ userId: ada.id });
  assert.deepEqual([membership.organization.name, membership.role], ['Initech', 'org:admin']);
  assert.equal((await claims(page)).o.id, membership.organization.id);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test('<OrganizationProfile/> renames it and lists its members', async () => {
  const ada = await person({ firstName: 'Ada' }), bob = await person({ firstName: 'Bob', lastName: 'Brown' });
  const org = await organization(ada, 'Umbrella');
  await sandbox.clerk.organizations.createOrganizationMembership({ organizationId: org.id, userId: bob.id, role: 'org:member' });
  const page = await open(ada, '/organization');
  await page.evaluate(id => window.Clerk.setActive({ organization: id }), org.id);
  await page.reload();
  await press(page, '.cl-profileSectionPrimaryButton__organizationProfile');
  await submit(page, { name: 'Umbrella Ltd' });
  await page.locator('.cl-organizationPreviewMainIdentifier', { hasText: 'Umbrella Ltd' }).first().waitFor();
  assert.equal((await sandbox.clerk.organizations.getOrganization({ organizationId: org.id })).name, 'Umbrella Ltd');

  await press(page, '.cl-navbarButton__members');
  await page.locator('.cl-membersPageInviteButton').waitFor();
  await page.locator('td', { hasText: 'Bob Brown' }).waitFor();
  assert.deepEqual(page.errors, []);
  await page.context().close();
});
