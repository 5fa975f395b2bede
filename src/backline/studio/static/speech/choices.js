/** What the reader chose, kept in this browser for the next visit. */

import { useState } from "../html.js";

const KEY = "backline.studio.speech";

/**
 * @typedef {object} Choices
 * @property {string} language - a code, or `auto`
 * @property {string | null} voice - null: the engine's first
 * @property {number} speed
 * @property {string | null} format - of the download; null: the one that is played
 * @property {boolean} readingOpen - whether "How it will be read" is unfolded
 */

/** @type {Choices} */
const DEFAULTS = { language: "auto", voice: null, speed: 1, format: null, readingOpen: true };

/** @returns {[Choices, (change: Partial<Choices>) => void]} */
export function useChoices() {
  const [choices, setChoices] = useState(load);
  const change = (news) =>
    setChoices((old) => {
      const next = { ...old, ...news };
      save(next);
      return next;
    });
  return [choices, change];
}

function load() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return DEFAULTS; // storage is forbidden, or holds something else
  }
}

function save(choices) {
  try {
    localStorage.setItem(KEY, JSON.stringify(choices));
  } catch {
    // Storage is forbidden or full: the choices last as long as the page.
  }
}
