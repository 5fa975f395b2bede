/** The beginning of a session: from nothing until it can play. */

import { closeSession, statusOf, warmUp } from "./api.js";

const ASK_MS = 1500; // between two questions whether it is warm

/**
 * @param {AbortSignal} signal - gives it up; what was begun is closed
 * @param {(sessionId: string) => void} onMade - it is there, though perhaps not yet warm
 * @returns {Promise<void>} rejects with what can be shown
 */
export async function makeSession(signal, onMade) {
  const made = await warmUp(); // not broken off: what it makes would be left to itself
  if (signal.aborted) closeSession(made.session_id).catch(() => {}); // it closes itself soon
  signal.throwIfAborted();
  onMade(made.session_id);
  for (let { warmed } = made; !warmed; ) {
    await pause(ASK_MS, signal);
    const status = await statusOf(made.session_id, signal);
    if (status.billing_state === "closed") throw new Error("The engine did not get ready. Nothing was billed. Try again.");
    warmed = status.warmed;
  }
}

/** @param {number} milliseconds @param {AbortSignal} signal - rejects at once */
export function pause(milliseconds, signal) {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
