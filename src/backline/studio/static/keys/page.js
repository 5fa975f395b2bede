/** The keys page: make, see, rotate and revoke API keys. A key is shown once, when it is made. */

import { html, useEffect, useState } from "../html.js";
import { getJson, send, sendJson } from "../api.js";
import { useSession } from "../account/session.js";

const SCOPES = ["speech", "jam", "music", "exports"];
const LIVES = [
  ["", "never"],
  ["30", "in 30 days"],
  ["90", "in 90 days"],
  ["365", "in a year"],
];

export function KeysPage() {
  const { user } = useSession();
  const [keys, setKeys] = useState(null);
  const [made, setMade] = useState(null);
  const [problem, setProblem] = useState(null);
  const load = async () => setKeys((await getJson("/keys")).keys);
  const trying = async (work) => {
    setProblem(null);
    try {
      await work();
      await load();
    } catch (error) {
      setProblem(error.message);
    }
  };
  useEffect(() => {
    setMade(null);
    trying(async () => {});
  }, [user?.id]);
  const create = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    trying(async () => setMade((await sendJson("POST", "/keys", wishes(form))).key));
    event.target.reset();
  };
  return html`
    <main class="sheet">
      <h1>API keys</h1>
      <p class="problem" role="alert">${problem}</p>
      ${made && html`<${Made} secret=${made} onDone=${() => setMade(null)} />`}
      <form class="new-key" onSubmit=${create}>
        <div class="field"><label for="key-name">Name</label><input id="key-name" name="name" required maxlength="100" placeholder="jam app, production" /></div>
        <fieldset>
          <legend>Good for</legend>
          ${SCOPES.map(
            (scope) => html`<label key=${scope}><input type="checkbox" name="scopes" value=${scope} checked=${scope === "speech"} /> ${scope}</label>`,
          )}
        </fieldset>
        <div class="field">
          <label for="key-life">Expires</label>
          <select id="key-life" name="days">${LIVES.map(([days, title]) => html`<option value=${days}>${title}</option>`)}</select>
        </div>
        <button type="submit" class="primary">Make a key</button>
      </form>
      ${keys?.length
        ? html`<${KeyTable}
            keys=${keys}
            onRotate=${(key) => trying(async () => setMade((await sendJson("POST", `/keys/${key.id}/rotate`, {})).key))}
            onRevoke=${(key) => confirm(`Revoke ${key.name}? Whoever uses it is locked out at once.`) && trying(() => send("DELETE", `/keys/${key.id}`))}
          />`
        : html`<p class="hint">No keys yet.</p>`}
    </main>
  `;
}

function wishes(form) {
  const days = Number(form.get("days"));
  const expires = days ? { expires_at: new Date(Date.now() + days * 86_400_000).toISOString() } : {};
  return { name: form.get("name"), scopes: form.getAll("scopes"), ...expires };
}

function Made({ secret, onDone }) {
  const [copied, setCopied] = useState(false);
  const copy = () => navigator.clipboard.writeText(secret).then(() => setCopied(true), () => setCopied(false));
  return html`
    <section class="made" aria-label="The new key">
      <p>This is the only time that the key is shown. Put it where your program finds it.</p>
      <p><code data-key>${secret}</code></p>
      <div class="row">
        <button type="button" class="primary" onClick=${copy}>${copied ? "Copied" : "Copy"}</button>
        <button type="button" onClick=${onDone}>I have it</button>
      </div>
    </section>
  `;
}

function KeyTable({ keys, onRotate, onRevoke }) {
  return html`
    <div class="scroll">
      <table>
        <thead>
          <tr><th scope="col">name</th><th scope="col">key</th><th scope="col">good for</th><th scope="col">made</th><th scope="col">state</th><th></th></tr>
        </thead>
        <tbody>
          ${keys.map(
            (key) => html`
              <tr key=${key.id}>
                <td>${key.name}</td>
                <td><code>${key.start}…${key.last4}</code></td>
                <td>${key.scopes.join(", ")}</td>
                <td>${new Date(key.created_at).toLocaleDateString()}</td>
                <td>${stateOf(key)}</td>
                <td class="number">
                  ${stateOf(key) !== "revoked" &&
                  html`
                    <button type="button" onClick=${() => onRotate(key)}>Rotate</button>${" "}
                    <button type="button" onClick=${() => onRevoke(key)}>Revoke</button>
                  `}
                </td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `;
}

function stateOf({ revoked_at: revoked, expires_at: expires }) {
  if (revoked) return "revoked";
  if (!expires) return "active";
  const moment = new Date(expires);
  return moment < new Date() ? "expired" : `until ${moment.toLocaleDateString()}`;
}
