// Redirect URLs, domains, proxy checks and the tie to Svix, by Clerk's Node SDK.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';
import { assertRefused, refusal, sandboxForFile, startSandbox } from './sandbox.js';

let redirectUrls, domains;
const sandbox = sandboxForFile(({ clerk }) => ({ redirectUrls, domains } = clerk));
const code = async promise => (await refusal(promise)).errors[0].code;

describe('redirect URLs', () => {
  test('are made, read, listed and deleted', async () => {
    const made = [];
    for (const url of ['https://app.usher-tests.com/callback', 'my-app://callback'])
      made.push(await redirectUrls.createRedirectUrl({ url }));
    assert.match(made[0].id, /^ru_/);
    assert.equal((await redirectUrls.getRedirectUrl(made[1].id)).url, 'my-app://callback');
    const list = await redirectUrls.getRedirectUrlList();
    assert.deepEqual([list.totalCount, list.data.map(one => one.id)], [2, [made[1].id, made[0].id]]);
    assert.equal((await sandbox.raw('GET', '/v1/redirect_urls?offset=1')).body.length, 1);
    for (const { id } of made) await redirectUrls.deleteRedirectUrl(id);
    assert.equal((await redirectUrls.getRedirectUrlList()).totalCount, 0);
    assert.equal(await code(redirectUrls.getRedirectUrl(made[0].id)), 'resource_not_found');
  });

  test('what is wrong is refused', async () => {
    await redirectUrls.createRedirectUrl({ url: 'https://twice.usher-tests.com' });
    for (const [body, expected, param = 'url'] of [
      [{ url: 'https://twice.usher-tests.com' }, 'form_already_exists'],
      [{ url: 'no url' }, 'form_param_format_invalid'],
      [{ url: '://nothing' }, 'form_param_format_invalid'],
      [{ url: 'https://' }, 'form_param_format_invalid'],
      [{ url: 'https://a b.com' }, 'form_param_format_invalid'],
      [{ url: '1x://a' }, 'form_param_format_invalid'],
      [{ url: 'https://a\0b.com' }, 'form_param_format_invalid'],
      [{ url: `https://${'a'.repeat(2048)}` }, 'form_param_max_length_exceeded'],
      [{ url: 7 }, 'form_param_type_invalid'],
      [{ url: null }, 'form_param_nil'],
      [{}, 'form_param_missing'],
      [{ url: 'https://new.usher-tests.com', colour: 1 }, 'form_param_unknown', 'colour'],
    ]) await assertRefused(sandbox, 'POST', '/v1/redirect_urls', body, 422, expected, param);
    for (const method of ['GET', 'DELETE'])
      await assertRefused(sandbox, method, '/v1/redirect_urls/ru_nothing', undefined, 404, 'resource_not_found');
    await assertRefused(sandbox, 'GET', '/v1/redirect_urls?limit=x', undefined, 422, 'form_param_type_invalid', 'limit');
  });
});

describe('domains', () => {
  test('the primary one is there; satellites come, change and go', async () => {
    const [primary] = (await domains.list()).data;
    assert.match(primary.id, /^dmn_/);
    assert.deepEqual([primary.isSatellite, primary.name, primary.frontendApiUrl],
      [false, sandbox.ready.listen, `https://${sandbox.ready.listen}`]);
    const made = await domains.add({ name: 'satellite-tests.com', is_satellite: true, proxy_url: 'https://satellite-tests.com/__clerk' });
    assert.deepEqual([made.isSatellite, made.name, made.frontendApiUrl, made.accountsPortalUrl, made.cnameTargets[0].host],
      [true, 'satellite-tests.com', 'https://satellite-tests.com/__clerk', null, 'clerk.satellite-tests.com']);
    const changed = await domains.update({ domainId: made.id, name: 'moved-tests.com', proxy_url: null });
    assert.deepEqual([changed.name, changed.proxyUrl, changed.frontendApiUrl],
      ['moved-tests.com', null, 'https://clerk.moved-tests.com']);
    assert.deepEqual((await domains.list()).data.map(one => one.id), [primary.id, made.id]);
    assert.equal((await domains.delete(made.id)).deleted, true);
    assert.equal((await domains.list()).totalCount, 1);
    const moved = await domains.update({ domainId: primary.id, name: 'usher-tests.com', proxy_url: 'https://usher-tests.com/__clerk' });
    assert.deepEqual([moved.name, moved.frontendApiUrl, moved.accountsPortalUrl],
      ['usher-tests.com', 'https://usher-tests.com/__clerk', 'https://accounts.usher-tests.com']);
    assert.equal((await sandbox.raw('GET', '/v1/sandbox/settings')).body.home_url, 'https://usher-tests.com');
    assert.equal(await code(domains.delete(primary.id)), 'operation_not_allowed_on_primary_domain');
    assert.equal((await domains.update({ domainId: primary.id, proxy_url: null })).proxyUrl, null);
  });

  test('what is wrong is refused', async () => {
    await domains.add({ name: 'twice-tests.com', is_satellite: true });
    const right = { name: 'right-tests.com', is_satellite: true };
    for (const [more, expected, param] of [
      [{ is_satellite: false }, 'primary_domain_already_exists', 'is_satellite'],
      [{ name: 'Twice-Tests.com' }, 'home_url_taken', 'name'],
      [{ name: 'usher-tests.com' }, 'home_url_taken', 'name'],
      [{ name: 'https://right-tests.com' }, 'form_param_format_invalid', 'name'],
      [{ name: 'localhost' }, 'form_param_format_invalid', 'name'],
      [{ name: 'right-tests.com:3000' }, 'form_param_format_invalid', 'name'],
      [{ name: 'right..com' }, 'form_param_format_invalid', 'name'],
      [{ name: '-right.com' }, 'form_param_format_invalid', 'name'],
      [{ name: '' }, 'form_param_min_length_exceeded', 'name'],
      [{ name: 5 }, 'form_param_type_invalid', 'name'],
      [{ name: null }, 'form_param_nil', 'name'],
      [{ proxy_url: 'http://right-tests.com' }, 'form_param_format_invalid', 'proxy_url'],
      [{ proxy_url: 'https://' }, 'form_param_format_invalid', 'proxy_url'],
      [{ colour: 1 }, 'form_param_unknown', 'colour'],
    ]) await assertRefused(sandbox, 'POST', '/v1/domains', { ...right, ...more }, 422, expected, param);
    await assertRefused(sandbox, 'POST', '/v1/domains', { name: 'right-tests.com' }, 422, 'form_param_missing', 'is_satellite');
    const [primary] = (await domains.list()).data;
    await assertRefused(sandbox, 'PATCH', `/v1/domains/${primary.id}`, { name: 'no name' }, 422, 'form_param_format_invalid', 'name');
    await assertRefused(sandbox, 'PATCH', `/v1/domains/${primary.id}`, { is_satellite: true }, 422, 'form_param_unknown', 'is_satellite');
    for (const method of ['PATCH', 'DELETE'])
      await assertRefused(sandbox, method, '/v1/domains/dmn_nothing', method === 'PATCH' ? {} : undefined, 404, 'resource_not_found');
  });

  test('a development instance takes ports, and no proxies', async () => {
    const own = await startSandbox('--secret-key', 'sk_test_domains000000000000000000000');
    try {
      const made = await own.clerk.domains.add({ name: 'localhost:3001', is_satellite: true });
      assert.deepEqual([made.name, made.cnameTargets], ['localhost:3001', null]);
      await assertRefused(own, 'PATCH', `/v1/domains/${made.id}`, { proxy_url: 'https://a.com' }, 400, 'request_invalid_for_environment');
    } finally {
      await own.stop();
    }
  });
});

describe('proxy checks', () => {
  // A proxy that passes on what begins with /__clerk, and one that answers something of its own.
  async function withProxy(handle, work) {
    const server = http.createServer(handle);
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
    try {
      return await work(`http://127.0.0.1:${server.address().port}`);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }

  test('a proxy that reaches the Frontend API is good, anything else is not', async () => {
    const own = await startSandbox('--secret-key', 'sk_test_proxies000000000000000000000');
    const [{ id }] = (await own.clerk.domains.list()).data;
    const check = proxyUrl => own.clerk.proxyChecks.verify({ domainId: id, proxyUrl });
    try {
      const good = await withProxy((request, answer) => http.get(own.ready.frontend_api + request.url.replace('/__clerk', ''),
        from => { answer.writeHead(from.statusCode, from.headers); from.pipe(answer); }), at => check(`${at}/__clerk`));
      assert.deepEqual([good.successful, good.domainId], [true, id]);
      assert.ok(good.lastRunAt >= good.createdAt);
      for (const [status, text] of [[200, '{"status":"other"}'], [200, 'x'.repeat(10000)], [500, '{"status":"healthy"}']]) {
        const bad = await withProxy((_, answer) => { answer.writeHead(status); answer.end(text); }, at => refusal(check(at)));
        assert.deepEqual([bad.status, bad.errors[0].code, bad.errors[0].meta.paramName],
          [422, 'invalid_proxy_configuration', 'proxy_url']);
      }
      assert.equal(await code(check('http://127.0.0.1:1')), 'invalid_proxy_configuration');
    } finally {
      await own.stop();
    }
  });

  test('what is wrong is refused', async () => {
    const [{ id }] = (await domains.list()).data;
    for (const [body, status, expected, param] of [
      [{ domain_id: 'dmn_nothing', proxy_url: 'https://a.com' }, 404, 'resource_not_found'],
      [{ domain_id: id, proxy_url: 'http://a.com' }, 422, 'form_param_format_invalid', 'proxy_url'],
      [{ domain_id: id, proxy_url: 1 }, 422, 'form_param_type_invalid', 'proxy_url'],
      [{ domain_id: id }, 422, 'form_param_missing', 'proxy_url'],
      [{ proxy_url: 'https://a.com' }, 422, 'form_param_missing', 'domain_id'],
      [{ domain_id: id, proxy_url: 'https://a.com', colour: 1 }, 422, 'form_param_unknown', 'colour'],
    ]) await assertRefused(sandbox, 'POST', '/v1/proxy_checks', body, status, expected, param);
  });
});

test('Svix: an app comes and goes, and its link opens the page', async () => {
  const { webhooks } = sandbox.clerk;
  assert.equal(await code(webhooks.deleteSvixApp()), 'svix_app_missing');
  assert.equal(await code(webhooks.generateSvixAuthURL()), 'svix_app_missing');
  assert.equal((await webhooks.createSvixApp()).svix_url, sandbox.ready.page);
  assert.equal(await code(webhooks.createSvixApp()), 'svix_app_exists');
  assert.equal((await webhooks.generateSvixAuthURL()).svix_url, sandbox.ready.page);
  assert.deepEqual(await sandbox.raw('DELETE', '/v1/webhooks/svix'), { status: 204, body: null });
  assert.equal(await code(webhooks.generateSvixAuthURL()), 'svix_app_missing');
});
