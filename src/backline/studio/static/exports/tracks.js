/** Values between keyframes: the sums of `engines/video/tracks.py`, in the same order, so that preview and render agree to
 * the last bit. */

/** @typedef {"linear" | "catmull_rom"} Interpolation */

/**
 * Several values over time. Before the first keyframe and after the last one their values hold. linear: a straight line
 * between two. catmull_rom: the cubic through all of them whose slope at a keyframe is that of the line between its
 * neighbours; at both ends, that of the line to the only neighbour.
 */
export class Track {
  #times;
  #values;
  #smooth;

  /**
   * @param {number[]} times - seconds, strictly rising
   * @param {number[][]} values - for each time the same number of them
   * @param {Interpolation} [interpolation]
   */
  constructor(times, values, interpolation = "linear") {
    this.#times = times;
    this.#values = values;
    this.#smooth = interpolation === "catmull_rom";
  }

  /** @param {number} time @returns {number[]} */
  at(time) {
    const times = this.#times;
    const values = this.#values;
    const last = times.length - 1;
    if (time <= times[0]) return values[0];
    if (time >= times[last]) return values[last];
    const left = times.findIndex((one) => one > time) - 1;
    const length = times[left + 1] - times[left];
    const u = (time - times[left]) / length;
    const [from, to] = [values[left], values[left + 1]];
    if (!this.#smooth) return from.map((a, i) => a + (to[i] - a) * u);
    const [out, into] = [this.#slope(left), this.#slope(left + 1)];
    return from.map((a, i) => hermite(u, a, to[i], out[i] * length, into[i] * length));
  }

  /** Units a second at a keyframe. */
  #slope(index) {
    const before = Math.max(index - 1, 0);
    const after = Math.min(index + 1, this.#times.length - 1);
    const length = this.#times[after] - this.#times[before];
    return this.#values[before].map((a, i) => (this.#values[after][i] - a) / length);
  }
}

/** The cubic from start to end for u from 0 to 1, with these slopes at both. */
function hermite(u, start, end, out, into) {
  const square = u * u;
  const cube = u * u * u;
  return (
    (2 * cube - 3 * square + 1) * start + (cube - 2 * square + u) * out + (3 * square - 2 * cube) * end + (cube - square) * into
  );
}
