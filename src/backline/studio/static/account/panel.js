/** The end of the masthead: the balance, and who is signed in. */

import { html, useEffect, useRef, useState } from "../html.js";
import { followSession, session, useSession } from "./session.js";

export function AccountPanel() {
  const { user, balance } = useSession();
  const dialog = useRef(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    followSession(setProblem);
  }, []);
  const open = () => dialog.current.showModal();
  return html`
    <div class="account">
      ${balance && html`<${BalanceChip} balance=${balance} />`}
      ${user
        ? html`
            <span class="who" title=${user.id}>${user.name}</span>
            <button type="button" onClick=${() => session.signOut().catch((error) => setProblem(error.message))}>Sign out</button>
          `
        : html`<button type="button" onClick=${open}>Sign in</button>`}
      <${SignIn} dialog=${dialog} reason=${problem} onDone=${() => setProblem(null)} />
    </div>
  `;
}

function BalanceChip({ balance }) {
  if (!balance.billed) return html`<span class="balance" data-balance="free">not metered</span>`;
  const held = balance.available_seconds !== balance.balance_seconds;
  const title = held ? `${balance.available_seconds} s without what running work holds` : `${balance.balance_seconds} s`;
  return html`
    <a class="balance" href="#usage" title=${title} data-balance=${balance.balance_seconds}>
      <span class="visually-hidden">Balance: </span>${balance.formatted}
    </a>
  `;
}

function SignIn({ dialog, reason, onDone }) {
  const [problem, setProblem] = useState(null);
  const sign = (how) => async (event) => {
    event.preventDefault();
    const value = new FormData(event.target).get("who").trim();
    if (!value) return setProblem("Fill in the field first.");
    try {
      await how(value);
      setProblem(null);
      onDone();
      event.target.reset();
      dialog.current.close();
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`
    <dialog ref=${dialog} class="sign-in" aria-labelledby="sign-in-title">
      <h2 id="sign-in-title">Sign in</h2>
      <p class="problem" role="alert">${problem ?? reason}</p>
      <form onSubmit=${sign((value) => session.signInAsTester(value))}>
        <label for="tester">Test user (on the server's own machine)</label>
        <div class="row">
          <input id="tester" name="who" autocomplete="username" placeholder="ada" maxlength="64" />
          <button type="submit" class="primary">Sign in</button>
        </div>
      </form>
      <form onSubmit=${sign((value) => session.signInWith(value))}>
        <label for="credential">API key, or a token of your identity provider</label>
        <div class="row">
          <input id="credential" name="who" type="password" autocomplete="off" />
          <button type="submit">Use it</button>
        </div>
      </form>
      <form method="dialog"><button type="submit">Close</button></form>
    </dialog>
  `;
}
