/** What this browser keeps of jams: the session of this tab until the tab is closed, the choices for the next visit. */

const SESSION = "backline.studio.jam";
const CHOICES = "backline.studio.jam.choices";

/**
 * A session that goes on while the page is loaded again.
 *
 * @typedef {object} Remembered
 * @property {string} sessionId
 * @property {string} owner - whose it is
 * @property {number | null} next - index of the first chunk that was not begun
 * @property {number} rateHz - of its sound
 * @property {import("./setup.js").Setup} setup - what it was begun with
 */

/** @returns {Remembered | null} */
export function rememberedSession() {
  return read(() => sessionStorage, SESSION);
}

/** @param {Remembered | null} session */
export function rememberSession(session) {
  write(() => sessionStorage, SESSION, session);
}

/** @returns {object | null} */
export function rememberedChoices() {
  return read(() => localStorage, CHOICES);
}

/** @param {object} choices */
export function rememberChoices(choices) {
  write(() => localStorage, CHOICES, choices);
}

function read(storage, key) {
  try {
    return JSON.parse(storage().getItem(key));
  } catch {
    return null; // storage is forbidden, or holds something else
  }
}

function write(storage, key, value) {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // Storage is forbidden or full: it lasts as long as the page.
  }
}
