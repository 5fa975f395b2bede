/** A tempo that is tapped with a finger. */

const PAUSE_MS = 2500; // after this a new tempo begins
const MOST_TAPS = 16;

export const LOWEST_BPM = 20;
export const HIGHEST_BPM = 300;

export class TapTempo {
  #taps = []; // milliseconds

  /** @param {number} atMs @returns {number | null} beats per minute, to a tenth; null until there are two taps */
  tap(atMs) {
    if (atMs - this.#taps.at(-1) > PAUSE_MS) this.#taps = [];
    this.#taps = [...this.#taps, atMs].slice(-MOST_TAPS);
    if (this.#taps.length < 2) return null;
    const bpm = 60_000 / slope(this.#taps);
    return Math.min(Math.max(Math.round(bpm * 10) / 10, LOWEST_BPM), HIGHEST_BPM);
  }
}

/** Milliseconds from tap to tap by least squares: every tap counts, not only the first and the last. */
function slope(taps) {
  const middle = (taps.length - 1) / 2;
  const mean = taps.reduce((sum, at) => sum + at, 0) / taps.length;
  let above = 0;
  let below = 0;
  taps.forEach((at, i) => {
    above += (i - middle) * (at - mean);
    below += (i - middle) ** 2;
  });
  return above / below;
}
