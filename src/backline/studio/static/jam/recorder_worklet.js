/** The audio thread's half of Recorder: hands over every sample that comes in. */

const BLOCK_FRAMES = 4096;

class RecorderProcessor extends AudioWorkletProcessor {
  #block = null;
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = () => this.#flush("done");
  }

  process([channels]) {
    if (!channels.length) return true;
    if (this.#block?.length !== channels.length) this.#begin(channels.length);
    channels.forEach((samples, channel) => this.#block[channel].set(samples, this.#filled));
    this.#filled += channels[0].length;
    if (this.#filled === BLOCK_FRAMES) this.#flush("samples");
    return true;
  }

  #begin(channels) {
    this.#flush("samples");
    this.#block = Array.from({ length: channels }, () => new Float32Array(BLOCK_FRAMES));
  }

  #flush(type) {
    const channels = this.#filled ? this.#block.map((samples) => samples.slice(0, this.#filled)) : [];
    this.#filled = 0;
    if (channels.length || type === "done") this.port.postMessage({ type, channels });
  }
}

registerProcessor("recorder", RecorderProcessor);
