// A browser as the Frontend API sees one, without a page: forms, cookies, the dev browser. Each answer is held
// against Clerk's OpenAPI file.
import fs from 'node:fs';
import path from 'node:path';
import { OpenApi } from './openapi.js';

// Where clerk-js wants something else than the file says, or the file has no body.
const differences = [
  /^(GET|PATCH) \/v1\/environment 200: (object|id) is not in the OpenAPI file$/,
  /organization_settings: force_organization_selection is not in the OpenAPI file$/,
  /^POST \/v1\/dev_browser 200: a body where there is none/,
  /(response|sign_up): has_password is not in the OpenAPI file$/,
  /verifications\.\w+\.strategy: null is none of /, // until a code was sent, or <SignUp/> sends none
  /\/tokens(\/\w+)? 200: object is not in the OpenAPI file$/,
  /(user|response): enterprise_accounts is not in the OpenAPI file$/, // of its two users one must have it
  /sessions\[\d+\]: tasks is not in the OpenAPI file$/,
];
let openApi;
const called = new Set();

// "POST /v1/client/sign_ins" and so on: every operation that was called so far.
export const frontendCalls = () => called;

// The rows of the sandbox's table of endpoints that are the Frontend API's, in the same form.
export function frontendRoutes() {
  const table = fs.readFileSync(path.join(process.env.USHER_ROOT, 'src', 'sandbox', 'routes.h'), 'utf8');
  return [...table.matchAll(/^ +ROUTE\((\w+), "([^"]+)", (OPEN|CLIENT|SESSION)/gm)]
    .map(([, method, route]) => `${method} ${route}`);
}

// Those of domains and of what comes of them, which have a file of tests of their own.
export const enrollment = /\/domains|_requests|_suggestions|_defaults|invitations\/pending/;

export class Visitor {
  // options: devBrowser; headers, that go with each request.
  constructor(ready, options = {}) {
    openApi ??= new OpenApi(path.join(process.env.USHER_SHARED, 'clerk', 'fapi-2026-05-12.yml'));
    this.base = ready.frontend_api;
    this.jar = new Map();
    this.problems = [];
    this.headers = { origin: 'http://localhost:3000', ...options.headers };
    this.devBrowser = options.devBrowser;
  }

  // form: an object of strings, or any body with its content type in headers.
  async call(method, route, form, headers = {}) {
    const url = new URL(this.base + route);
    if (this.devBrowser) url.searchParams.set('__clerk_db_jwt', this.devBrowser);
    if (!['GET', 'POST'].includes(method)) url.searchParams.set('_method', method);
    const cookies = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { method: method === 'GET' ? 'GET' : 'POST', redirect: 'manual',
      headers: { ...this.headers, ...(cookies && { cookie: cookies }), ...headers },
      body: form && (typeof form === 'string' || form instanceof FormData || form instanceof Uint8Array
        ? form : new URLSearchParams(form)) });
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair] = cookie.split(';');
      this.jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    const text = await answer.text();
    const pathname = route.split('?')[0].replace(/(.)\/$/, '$1');
    called.add(`${method} ${pathname.replace(/\/[a-z]+_[0-9A-Za-z]{20,}/g, '/{}').replace(/tokens\/\w+$/, 'tokens/{}')}`);
    if (answer.status < 300 || answer.status >= 400)
      this.problems.push(...openApi.problems(method, pathname, answer.status,
        answer.headers.get('content-type'), text).filter(one => !differences.some(known => known.test(one))));
    return { status: answer.status, headers: answer.headers, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : null,
      get code() { return this.body?.errors?.[0]?.code; } };
  }

  get(route) { return this.call('GET', route); }
  post(route, form, headers) { return this.call('POST', route, form, headers); }

  // Both steps; returns the answer of the last.
  async signIn(identifier, password) {
    const first = await this.post('/v1/client/sign_ins', { identifier });
    if (first.status !== 200) return first;
    return this.post(`/v1/client/sign_ins/${first.body.response.id}/attempt_first_factor`,
      { strategy: 'password', password });
  }
}

// The payload of a JWT.
export const payload = jwt => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url').toString());
