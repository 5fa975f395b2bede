/** HTTP calls to this server, made as whoever is signed in. Each rejects with an Error whose message can be shown. */

const KEY = "backline.studio.credential";

let credential = remembered();

/** @returns {string | null} the token or API key of whoever is signed in */
export function currentCredential() {
  return credential;
}

/**
 * Kept until the tab is closed, so that it outlives a reload and nothing more.
 *
 * @param {string | null} next
 */
export function keepCredential(next) {
  credential = next;
  try {
    if (next) sessionStorage.setItem(KEY, next);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is forbidden: it lasts as long as the page.
  }
}

/** @returns {Promise<any>} the body of the answer */
export async function getJson(path, signal) {
  return (await request(path, { signal })).json();
}

/** @returns {Promise<any>} the body of the answer */
export async function sendJson(method, path, body, signal, more) {
  return (await send(method, path, body, signal, more)).json();
}

/** @param {Object<string, string>} [more] - headers */
export async function send(method, path, body, signal, more) {
  const headers = { ...more, ...(body !== undefined && { "Content-Type": "application/json" }) };
  return request(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
}

/** @param {Object<string, string | Blob>} fields - of a form @returns {Promise<any>} the body of the answer */
export async function sendForm(path, fields, signal) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return (await request(path, { method: "POST", body, signal })).json();
}

/** @returns {Object<string, string>} the header that says who asks; none for whoever is nobody in particular */
export function authorization() {
  return credential ? { Authorization: `Bearer ${credential}` } : {};
}

/**
 * An address for a socket of this server. A socket cannot carry a header, and a lasting token does not belong in a URL:
 * so whoever is signed in goes by a ticket that is good for one socket.
 *
 * @param {string} path
 * @returns {Promise<URL>}
 */
export async function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (credential) url.searchParams.set("ticket", (await sendJson("POST", "/auth/ticket")).ticket);
  return url;
}

async function request(path, init) {
  const headers = { ...init.headers, ...authorization() };
  const response = await fetch(path, { ...init, headers }).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("The server does not answer. Is it still running?");
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail ?? `The server answered ${response.status}.`), {
    status: response.status,
    code: problem.code,
  });
}

function remembered() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
