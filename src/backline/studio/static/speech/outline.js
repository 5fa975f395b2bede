/** The loudness of the sound over time, as the server measured it; grows while the sound is made. */

export class Outline {
  #values = new Float32Array(1024);
  #count = 0;
  #stepSeconds = 0.02;

  /** Seconds that are known. */
  get seconds() {
    return this.#count * this.#stepSeconds;
  }

  /** @param {{start_s: number, step_s: number, values: number[]}} peaks - values in [0, 1] */
  add({ start_s: startSeconds, step_s: stepSeconds, values }) {
    this.#stepSeconds = stepSeconds;
    const first = Math.round(startSeconds / stepSeconds);
    const count = first + values.length;
    if (count > this.#values.length) {
      const larger = new Float32Array(Math.max(count, 2 * this.#values.length));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values.set(values, first);
    this.#count = Math.max(this.#count, count);
  }

  /**
   * @param {number} bars - how many are drawn
   * @param {number} barSeconds - the time that one stands for
   * @returns {Float32Array} the loudest of each bar; shorter than `bars` where the sound ends earlier
   */
  bars(bars, barSeconds) {
    const steps = barSeconds / this.#stepSeconds;
    const heights = new Float32Array(Math.min(bars, Math.ceil(this.#count / steps)));
    for (let bar = 0; bar < heights.length; bar++) {
      const end = Math.min(Math.max(Math.floor((bar + 1) * steps), Math.floor(bar * steps) + 1), this.#count);
      for (let i = Math.floor(bar * steps); i < end; i++) heights[bar] = Math.max(heights[bar], this.#values[i]);
    }
    return heights;
  }
}
