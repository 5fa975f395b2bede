/** Which parts of a film are played, and how fast: the sums of `exports/plan.py` and `engines/video/timeline.py`. */

/**
 * @typedef {object} Cutting
 * @property {number[]} cuts - seconds, rising: where a segment ends and the next begins
 * @property {number[]} speeds - of each segment, one more than cuts
 * @property {{start: number, end: number} | null} trim - null: all of it
 */

/** @returns {Cutting} all of it, at its own speed */
export function uncut() {
  return { cuts: [], speeds: [1], trim: null };
}

/** @param {Cutting} cutting @param {number} seconds @returns {{start: number, end: number, speed: number}[]} */
export function segmentsOf({ cuts, speeds }, seconds) {
  const marks = [0, ...cuts.filter((cut) => cut < seconds), seconds];
  return marks.slice(1).map((end, i) => ({ start: marks[i], end, speed: speeds[i] ?? 1 }));
}

/** What is played: the segments inside of the trim. */
export function spansOf(cutting, seconds) {
  const { start, end } = cutting.trim ?? { start: 0, end: seconds };
  return segmentsOf(cutting, seconds)
    .map((one) => ({ ...one, start: Math.max(one.start, start), end: Math.min(one.end, end) }))
    .filter((one) => one.start < one.end);
}

/** @returns {number} seconds of output */
export function lengthOf(spans) {
  return spans.reduce((sum, { start, end, speed }) => sum + (end - start) / speed, 0);
}

/** @param {number[]} lengths - of clips @param {number} crossfade - seconds by which neighbours overlap */
export function joinedLength(lengths, crossfade) {
  return lengths.reduce(
    (sum, length, i) => sum + length - (i ? Math.min(crossfade, length / 2, lengths[i - 1] / 2) : 0),
    0,
  );
}

/** A segment becomes two. @param {Cutting} cutting @param {number} time */
export function splitAt(cutting, time) {
  if (cutting.cuts.some((cut) => Math.abs(cut - time) < 0.02)) return cutting;
  const at = cutting.cuts.filter((cut) => cut < time).length;
  return {
    ...cutting,
    cuts: [...cutting.cuts.slice(0, at), time, ...cutting.cuts.slice(at)],
    speeds: [...cutting.speeds.slice(0, at + 1), ...cutting.speeds.slice(at)],
  };
}

/** Two segments become one again, as fast as the first. @param {number} index - of the cut */
export function joinedAt(cutting, index) {
  return {
    ...cutting,
    cuts: cutting.cuts.filter((_, i) => i !== index),
    speeds: cutting.speeds.filter((_, i) => i !== index + 1),
  };
}

/** In the words of `POST /api/exports`; undefined where nothing is cut. */
export function asConfig({ cuts, speeds, trim }, seconds) {
  const inside = cuts.filter((cut) => cut < seconds);
  const changed = speeds.slice(0, inside.length + 1).map((speed, i) => [i, speed]).filter(([, speed]) => speed !== 1);
  if (!changed.length && !trim) return undefined;
  return { boundaries: inside, segmentSpeeds: Object.fromEntries(changed), trimRange: trim };
}
