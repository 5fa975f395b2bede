/** What was ordered from this browser, so that a failed export can be tried again: the server does not repeat it. */

const KEY = "backline.studio.exports.orders";
const KEPT = 30;

/** @param {string} id - of the export @param {object} body - that it was ordered with */
export function remember(id, body) {
  const others = load().filter(([known]) => known !== id);
  try {
    localStorage.setItem(KEY, JSON.stringify([[id, body], ...others].slice(0, KEPT)));
  } catch {
    // Storage is forbidden or full: it cannot be tried again with one click.
  }
}

/** @param {string} id - of the export @returns {object | undefined} */
export function orderOf(id) {
  return load().find(([known]) => known === id)?.[1];
}

function load() {
  try {
    const orders = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(orders) ? orders : [];
  } catch {
    return []; // storage is forbidden, or holds something else
  }
}
