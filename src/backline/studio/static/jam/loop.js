/** A loop that was chosen: what it looks like, and what the server hears in it. */

import { listenTo } from "./api.js";

export const MOST_BYTES = 50_000_000;

const COLUMNS = 1200; // of its picture
const DECODE_HZ = 48_000;

export class Loop {
  /** @type {AudioBuffer | null} null: this browser cannot read it */
  buffer = null;
  /** @type {Float32Array} the highest sample of each column, 0 to 1 */
  outline = new Float32Array();
  /** @type {object | null} what `/jam/listen` told */
  heard = null;

  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.name = file.name;
  }

  /** @param {File} file @returns {Promise<Loop>} rejects with what can be shown */
  static async open(file) {
    if (!file.size) throw new Error(`${file.name} is empty.`);
    if (file.size > MOST_BYTES) throw new Error(`${file.name} is too large: a loop has at most 50 MB.`);
    const loop = new Loop(file);
    const context = new OfflineAudioContext({ length: 1, sampleRate: DECODE_HZ, numberOfChannels: 2 });
    loop.buffer = await context.decodeAudioData(await file.arrayBuffer()).catch(() => null);
    if (loop.buffer) loop.outline = outlineOf(loop.buffer);
    return loop;
  }

  /** Lets the server listen. Rejects with what can be shown: also for a file that holds no sound. */
  async listen(signal) {
    this.heard = await listenTo(this.file, signal);
  }

  /** @returns {number | null} */
  get seconds() {
    return this.heard?.duration_seconds ?? this.buffer?.duration ?? null;
  }
}

function outlineOf(buffer) {
  const outline = new Float32Array(Math.min(COLUMNS, buffer.length));
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    for (let column = 0; column < outline.length; column++) {
      const end = Math.floor(((column + 1) * buffer.length) / outline.length);
      for (let i = Math.floor((column * buffer.length) / outline.length); i < end; i++) {
        outline[column] = Math.max(outline[column], Math.abs(samples[i]));
      }
    }
  }
  return outline;
}

/** Lets a loop be heard again and again. Call inside a click. @returns {() => void} ends it */
export function hearLoop(loop) {
  const context = new AudioContext();
  const source = new AudioBufferSourceNode(context, { buffer: loop.buffer, loop: true });
  source.connect(context.destination);
  source.start();
  return () => {
    source.disconnect();
    context.close();
  };
}
