/** What was said when: words in seconds and in places of the text. */

import { codePointIndexes } from "./code_points.js";

/**
 * A stretch of the text that is said in one go. `₹50` is one, though it takes two spoken words.
 *
 * @typedef {object} Stretch
 * @property {number} startSeconds
 * @property {number} endSeconds
 * @property {number} start - index in the text (UTF-16)
 * @property {number} end
 * @property {string} spoken - the words as they are said
 */

export class Timeline {
  /** @type {Stretch[]} ascending in time and in the text */
  stretches = [];
  #text;
  #indexes;

  /** @param {string} text - what the words' source offsets count in */
  constructor(text) {
    this.#text = text;
    this.#indexes = codePointIndexes(text);
  }

  /** @param {{text: string, start_s: number, end_s: number, source_start: number, source_end: number}} word */
  add(word) {
    const last = this.stretches.at(-1);
    const from = Math.max(this.#index(word.source_start), last?.end ?? 0);
    const source = this.#text.slice(from, this.#index(word.source_end));
    const start = from + source.length - source.trimStart().length;
    const end = from + source.trimEnd().length;
    if (end > start) {
      this.stretches.push({ startSeconds: word.start_s, endSeconds: word.end_s, start, end, spoken: word.text });
    } else if (last) {
      last.endSeconds = Math.max(last.endSeconds, word.end_s);
      last.spoken += ` ${word.text}`;
    }
  }

  /**
   * @param {number} seconds
   * @returns {number} the stretch that is heard then, or was heard last; -1 before the first
   */
  indexAt(seconds) {
    let low = 0;
    let high = this.stretches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.stretches[middle].startSeconds <= seconds) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #index(codePoint) {
    return this.#indexes[Math.min(Math.max(codePoint, 0), this.#indexes.length - 1)];
  }
}
