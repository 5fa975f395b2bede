/** What was heard of a jam, kept as it came, so that it can be saved. */

import { wavOf } from "./wav.js";

export class Take {
  frames = 0;
  #pieces = []; // blobs, which a browser may keep on disk: an hour is 700 MB

  /** @param {number} rateHz @param {number} channels */
  constructor(rateHz, channels) {
    this.rateHz = rateHz;
    this.channels = channels;
  }

  get seconds() {
    return this.frames / this.rateHz;
  }

  /** @param {Int16Array} samples - interleaved, those that come next */
  add(samples) {
    this.#pieces.push(new Blob([samples]));
    this.frames += samples.length / this.channels;
  }

  /** @param {Int16Array} [unfinished] - what of the next chunk was heard so far @returns {Blob} a WAV file */
  file(unfinished = new Int16Array()) {
    const frames = this.frames + unfinished.length / this.channels;
    return wavOf([...this.#pieces, unfinished], { rateHz: this.rateHz, channels: this.channels, frames });
  }
}
