/** Records a loop from the microphone or the sound card, sample by sample: a MediaRecorder would squeeze it. */

import { MOST_BYTES } from "./loop.js";
import { floatWavOf } from "./wav.js";

const ROOM_BYTES = 1_000_000; // between a full recording and what a loop may have

export class Recorder {
  /** Highest sample of the newest block, 0 to 1. */
  level = 0;
  #context;
  #stream;
  #node;
  #blocks = [];
  #frames = 0;
  #bytes = 0;
  #done = () => {};
  #onChange;

  /**
   * Call inside a click. Rejects with what can be shown.
   *
   * @param {() => void} onChange - more is recorded
   * @returns {Promise<Recorder>}
   */
  static async open(onChange) {
    // As it is: what helps a voice in a call ruins music.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: { ideal: 2 } };
    if (!navigator.mediaDevices) throw new Error("This browser records only on pages that it got by https or from this machine.");
    const stream = await navigator.mediaDevices.getUserMedia({ audio }).catch((error) => {
      throw new Error(
        error.name === "NotFoundError" ? "There is no microphone or sound card to record from." : "The browser did not allow the page to record.",
      );
    });
    const recorder = new Recorder(stream, onChange);
    await recorder.#begin();
    return recorder;
  }

  constructor(stream, onChange) {
    this.#stream = stream;
    this.#onChange = onChange;
    this.#context = new AudioContext();
  }

  get seconds() {
    return this.#frames / this.#context.sampleRate;
  }

  /** Whether more would be too large for a loop. */
  get full() {
    return this.#bytes >= MOST_BYTES - ROOM_BYTES;
  }

  /** @returns {Promise<File | null>} a WAV file; null when nothing was recorded */
  async finish() {
    const done = new Promise((resolve) => (this.#done = resolve));
    this.#node.port.postMessage("finish");
    await done;
    const { sampleRate } = this.#context;
    this.close();
    const channels = Math.max(0, ...this.#blocks.map((block) => block.length));
    if (!this.#frames) return null;
    const blob = floatWavOf(Array.from({ length: channels }, (_, channel) => joined(this.#blocks, channel, this.#frames)), sampleRate);
    return new File([blob], `Recording ${new Date().toLocaleTimeString("en-GB").replaceAll(":", ".")}.wav`, { type: "audio/wav" });
  }

  close() {
    for (const track of this.#stream.getTracks()) track.stop();
    if (this.#context.state !== "closed") this.#context.close();
  }

  async #begin() {
    const context = this.#context;
    await context.audioWorklet.addModule(new URL("./recorder_worklet.js", import.meta.url));
    this.#node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
    this.#node.port.onmessage = ({ data }) => this.#add(data);
    context.createMediaStreamSource(this.#stream).connect(this.#node);
    await context.resume();
  }

  #add({ type, channels }) {
    if (channels.length) {
      this.#blocks.push(channels);
      this.#frames += channels[0].length;
      this.#bytes += channels.length * channels[0].length * Float32Array.BYTES_PER_ELEMENT;
      this.level = channels.reduce((most, samples) => samples.reduce((high, sample) => Math.max(high, Math.abs(sample)), most), 0);
    }
    if (type === "done") this.#done();
    else this.#onChange();
  }
}

/** One channel of all blocks; a block with fewer channels lends its first. */
function joined(blocks, channel, frames) {
  const all = new Float32Array(frames);
  let at = 0;
  for (const block of blocks) {
    all.set(block[channel] ?? block[0], at);
    at += block[0].length;
  }
  return all;
}
