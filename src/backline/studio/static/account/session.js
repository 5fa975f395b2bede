/** Who is signed in, and what they have: one for the whole page. */

import { useEffect, useReducer } from "../html.js";
import { currentCredential, getJson, sendJson, keepCredential } from "../api.js";

const EVERY_MS = 3000; // while the page is seen

/**
 * @typedef {object} Balance
 * @property {string} formatted - minutes and seconds
 * @property {string} balance_seconds
 * @property {string} available_seconds - without what running work holds
 * @property {boolean} billed - false for whoever uses their own machine without an account
 */

class Session extends EventTarget {
  /** @type {{id: string, name: string} | null} */
  user = null;
  /** @type {Balance | null} */
  balance = null;

  /** @param {string} testUserId - any name; the user is made when it is new. Only on the server's own machine. */
  async signInAsTester(testUserId) {
    const { token } = await sendJson("POST", "/auth/mock-login", { test_user_id: testUserId });
    await this.signInWith(token);
  }

  /** @param {string} credential - an API key, or a token of an identity provider */
  async signInWith(credential) {
    const before = currentCredential();
    keepCredential(credential);
    try {
      await this.refresh();
    } catch (error) {
      keepCredential(before);
      throw error;
    }
  }

  async signOut() {
    keepCredential(null);
    await this.refresh();
  }

  /** Asks the server anew. Rejects when it refuses the credential. */
  async refresh() {
    const me = await getJson("/api/me");
    this.user = me.signed_in ? { id: me.user.id, name: nameOf(me) } : null;
    await this.refreshBalance();
  }

  async refreshBalance() {
    this.balance = await getJson("/credits/balance");
    this.dispatchEvent(new Event("change"));
  }
}

export const session = new Session();

/** The session, and a new look at it whenever it changes. */
export function useSession() {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    session.addEventListener("change", render);
    return () => session.removeEventListener("change", render);
  }, []);
  return session;
}

/**
 * Begins to follow the balance; called once.
 *
 * @param {(problem: string) => void} onRefused - the credential that was remembered is no longer good, or is missing
 */
export async function followSession(onRefused) {
  const ask = () => session.refreshBalance().catch(() => {}); // the next one may succeed
  try {
    await session.refresh();
  } catch (error) {
    if (currentCredential()) await session.signOut().catch(() => {});
    onRefused(error.message);
  }
  setInterval(() => document.visibilityState === "visible" && ask(), EVERY_MS);
  addEventListener("visibilitychange", () => document.visibilityState === "visible" && ask());
}

function nameOf({ user, profile }) {
  return profile?.display_name || profile?.handle || user.email || user.name || user.id;
}
