/** "How it will be read": the text as the engine gets it, with what was changed marked. */

import { html, useEffect, useState } from "../html.js";
import { fetchReading } from "./api.js";
import { codePointIndexes } from "./code_points.js";

const PAUSE_MS = 300; // without a key, before the server is asked

/**
 * @param {object} props
 * @param {string} props.text
 * @param {string} props.language - a code, or `auto`
 * @param {boolean} props.open
 * @param {(open: boolean) => void} props.onOpen
 */
export function Reading({ text, language, open, onOpen }) {
  const [reading, setReading] = useState(null); // {pieces, language}
  const [problem, setProblem] = useState(null);
  const [known, setKnown] = useState(true); // whether this server can tell
  useEffect(() => {
    if (!open || !known) return undefined;
    if (!text.trim()) return setReading(null);
    const leaving = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const answer = await fetchReading(text, language, leaving.signal);
        setKnown(answer !== null);
        setReading(answer && { pieces: comparePieces(text, answer), language: answer.language });
        setProblem(null);
      } catch (error) {
        if (error.name !== "AbortError") setProblem(error.message);
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [text, language, open, known]);
  if (!known) return null;
  const changes = reading?.pieces.filter((piece) => piece.before !== undefined).length ?? 0;
  return html`
    <details class="reading" open=${open} onToggle=${(event) => onOpen(event.target.open)}>
      <summary>How it will be read ${open && reading && html`<span class="changes">${countChanges(changes)}</span>`}</summary>
      ${problem && html`<p class="hint">${problem}</p>`}
      ${!problem && reading && html`<p class="reading-text" lang=${reading.language}>${reading.pieces.map(showPiece)}</p>`}
      ${!problem && !reading && html`<p class="hint">Nothing yet.</p>`}
    </details>
  `;
}

function countChanges(count) {
  if (!count) return "as written";
  return count === 1 ? "1 change" : `${count} changes`;
}

function showPiece({ before, after }) {
  if (before === undefined) return after;
  return html`<span class="change">${before && html`<del>${before}</del> `}${after && html`<ins>${after}</ins>`}</span>`;
}

/**
 * Cuts the reading into what stayed and what was changed. Spans that share their source, as the words of one number do,
 * are one change.
 *
 * @param {string} source
 * @param {{text: string, spans: {start: number, end: number, source_start: number, source_end: number}[]}} reading
 *   offsets in code points
 * @returns {{before?: string, after: string}[]}
 */
export function comparePieces(source, reading) {
  const sourceIndexes = codePointIndexes(source);
  const indexes = codePointIndexes(reading.text);
  const pieces = [];
  const keep = (after) => {
    if (pieces.length && pieces.at(-1).before === undefined) pieces.at(-1).after += after;
    else if (after) pieces.push({ after });
  };
  let at = 0;
  for (const { start, end, sourceStart, sourceEnd } of joinSpans(reading.spans)) {
    const before = source.slice(sourceIndexes[sourceStart], sourceIndexes[sourceEnd]);
    const after = reading.text.slice(indexes[start], indexes[end]);
    keep(reading.text.slice(at, indexes[start]));
    if (before === after) keep(after);
    else pushChange(pieces, before, after);
    at = indexes[end];
  }
  keep(reading.text.slice(at));
  return pieces;
}

/** What is marked is the words, without the space that stays on either side of them. */
function pushChange(pieces, before, after) {
  const [, head, tail] = after.match(/^(\s*).*?(\s*)$/su);
  if (head) pieces.push({ after: head });
  pieces.push({ before: before.trim(), after: after.trim() });
  if (tail) pieces.push({ after: tail });
}

function joinSpans(spans) {
  const joined = [];
  for (const { start, end, source_start: sourceStart, source_end: sourceEnd } of spans) {
    const last = joined.at(-1);
    if (last && sourceStart < last.sourceEnd) {
      last.end = end;
      last.sourceEnd = Math.max(last.sourceEnd, sourceEnd);
    } else {
      joined.push({ start, end, sourceStart, sourceEnd });
    }
  }
  return joined;
}
