/** What is being edited. It outlives a reload and a closed browser, and with it the key that makes sending it twice one
 * export. */

import { useEffect, useRef, useState } from "../html.js";
import { uncut } from "./spans.js";

const KEY = "backline.studio.exports";
const SAVE_MS = 300; // after the last change: a pointer makes many
const KEPT_FILMS = 20; // whose edits are remembered

/**
 * @typedef {object} Framing - of one film, or one clip
 * @property {(import("./geometry.js").Window & {time: number})[]} keyframes - none: the widest window
 * @property {boolean} whole - all of the picture, with bars
 * @property {import("./spans.js").Cutting} cutting
 *
 * @typedef {object} Region
 * @property {string} id
 * @property {number} start
 * @property {number} end
 * @property {{time: number, x: number, y: number, radiusX: number, radiusY: number, opacity: number, color: string}[]} keyframes
 *
 * @typedef {object} Mark - a clip that is annotated
 * @property {string} id
 * @property {number} start
 * @property {number} end
 * @property {string} name
 * @property {string} notes
 * @property {number | null} rating
 * @property {string} tags - with commas between
 *
 * @typedef {object} Draft
 * @property {string | null} film - id of the file
 * @property {Object<string, {framing?: Framing, overlay?: {effect: string, regions: Region[]}, marks?: Mark[]}>} films
 * @property {{clips: (Framing & {id: string, film: string, name: string, info: import("./config.js").FilmInfo})[], transition: string, seconds: number}} joined
 * @property {{size: string, fps: string, audio: boolean, mode: string, interpolation: string}} options
 * @property {string} key - for the header Idempotency-Key: another one for another order
 */

/** @returns {Draft} */
function blank() {
  return {
    film: null,
    films: {},
    joined: { clips: [], transition: "cut", seconds: 0.5 },
    options: { size: "1080x1920", fps: "", audio: true, mode: "quality", interpolation: "linear" },
    key: newKey(),
  };
}

/** @returns {Framing} */
export function blankFraming() {
  return { keyframes: [], whole: false, cutting: uncut() };
}

/**
 * @param {string} owner - whose draft it is
 * @returns {[Draft, (change: (draft: Draft) => Partial<Draft>) => void, {keep: () => void, sent: () => void}]} how to
 *   change it; to write it down before it is sent; and that it was: the same again is another export
 */
export function useDraft(owner) {
  const [draft, setDraft] = useState(() => load(owner));
  const latest = useRef(draft);
  latest.current = draft;
  const keep = () => save(owner, latest.current);
  useEffect(() => {
    const timer = setTimeout(keep, SAVE_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  useEffect(() => {
    addEventListener("pagehide", keep);
    return () => {
      removeEventListener("pagehide", keep);
      keep();
    };
  }, []);
  const change = (news) => setDraft((old) => ({ ...old, ...news(old), key: newKey() }));
  const sent = () => setDraft((old) => ({ ...old, key: newKey() }));
  return [draft, change, { keep, sent }];
}

export function newKey() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36)).join("-");
}

function load(owner) {
  try {
    return { ...blank(), ...JSON.parse(localStorage.getItem(`${KEY}.${owner}`)) };
  } catch {
    return blank(); // storage is forbidden, or holds something else
  }
}

function save(owner, draft) {
  const films = Object.fromEntries(Object.entries(draft.films).slice(-KEPT_FILMS));
  try {
    localStorage.setItem(`${KEY}.${owner}`, JSON.stringify({ ...draft, films }));
  } catch {
    // Storage is forbidden or full: the draft lasts as long as the page.
  }
}
