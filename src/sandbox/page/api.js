// Asks the sandbox. Who may is proved by the token of the link that `usher sandbox` prints, or by the instance's
// secret key; either stays in this tab only.
const kept = { token: 'usher.token', key: 'usher.key' };

// The token leaves the address bar at once, so that it is in no history and no screenshot.
export function takeToken() {
  const found = /^#token=([0-9a-f]{32})$/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(kept.token, found[1]);
  sessionStorage.removeItem(kept.key);
  history.replaceState(null, '', `${location.pathname}#/`);
}

export function useKey(key) {
  sessionStorage.setItem(kept.key, key);
  sessionStorage.removeItem(kept.token);
}

export class Refused extends Error {
  constructor(status, body) {
    const first = body?.errors?.[0];
    super(first?.long_message ?? `The sandbox answered ${status}.`);
    this.status = status;
  }
}

function credentials() {
  const key = sessionStorage.getItem(kept.key);
  if (key) return { authorization: `Bearer ${key}` };
  return { 'x-usher-page': sessionStorage.getItem(kept.token) ?? '' };
}

async function ask(method, path, body) {
  const answer = await fetch(`/v1/sandbox/${path}`, {
    method, cache: 'no-store', credentials: 'omit', redirect: 'error',
    headers: { ...credentials(), ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  const value = text && /json/.test(answer.headers.get('content-type') ?? '') ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(answer.status, value);
  return value;
}

export const get = path => ask('GET', path);
export const put = (path, body) => ask('PUT', path, body);
export const post = (path, body = {}) => ask('POST', path, body);
export const remove = path => ask('DELETE', path);

// In a path or a query.
export const part = text => encodeURIComponent(text);
