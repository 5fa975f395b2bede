/** The order that is being written. It outlives a reload, and with it the key that makes sending it twice one job. */

import { useEffect, useRef, useState } from "../html.js";

const KEY = "backline.studio.order";
const SAVE_MS = 500; // after the last letter: a text may have a million

/**
 * @typedef {object} Draft
 * @property {string} text
 * @property {string} title
 * @property {string | null} voice - null: the first
 * @property {string} format
 * @property {string} key - for the header Idempotency-Key: another one for another order
 */

/** @returns {Draft} */
function blank() {
  return { text: "", title: "", voice: null, format: "mp3", key: newKey() };
}

/** @returns {[Draft, (change: Partial<Draft>) => void, () => void]} the draft, how to change it, and to begin anew once it was sent */
export function useDraft() {
  const [draft, setDraft] = useState(load);
  const latest = useRef(draft);
  latest.current = draft;
  useEffect(() => {
    const timer = setTimeout(() => save(draft), SAVE_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  useEffect(() => {
    const keep = () => save(latest.current);
    addEventListener("pagehide", keep);
    return () => {
      removeEventListener("pagehide", keep);
      keep();
    };
  }, []);
  const change = (news) => setDraft((old) => ({ ...old, ...news, key: newKey() }));
  const done = () => setDraft(({ voice, format }) => ({ ...blank(), voice, format }));
  return [draft, change, done];
}

function newKey() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36)).join("-");
}

function load() {
  try {
    return { ...blank(), ...JSON.parse(sessionStorage.getItem(KEY)) };
  } catch {
    return blank(); // storage is forbidden, or holds something else
  }
}

function save(draft) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft));
  } catch {
    // Storage is forbidden or full: the draft lasts as long as the page.
  }
}
