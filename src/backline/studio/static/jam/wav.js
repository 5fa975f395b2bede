/** WAV files (RIFF): those that the server sends are read, what was played or recorded is written. */

const HEADER_BYTES = 44;
const PCM = 1;
const FLOAT = 3;
const FULL_SCALE = 32768;

/**
 * Sound as it stands in a file.
 *
 * @typedef {object} Wav
 * @property {number} rateHz
 * @property {number} channels
 * @property {number} frames
 * @property {Int16Array} samples - interleaved
 */

/**
 * @param {ArrayBuffer} file - 16-bit PCM, which is what the server sends
 * @returns {Wav}
 */
export function readWav(file) {
  const view = new DataView(file);
  let format = null;
  for (let at = 12; at + 8 <= file.byteLength; ) {
    const name = view.getUint32(at);
    const size = view.getUint32(at + 4, true);
    if (name === 0x666d7420 /* fmt */) format = at + 8;
    if (name === 0x64617461 /* data */ && format) return wavAt(view, format, at + 8, size);
    at += 8 + size + (size % 2);
  }
  throw new Error("The server sent sound that is no WAV file.");
}

function wavAt(view, format, at, size) {
  const channels = view.getUint16(format + 2, true);
  if (view.getUint16(format + 14, true) !== 16) throw new Error("The server sent sound of another depth than 16 bits.");
  const end = Math.min(at + size, view.byteLength); // a length that was not known when it was written is too high
  const frames = Math.floor((end - at) / (2 * channels));
  const samples = new Int16Array(view.buffer.slice(at, at + 2 * channels * frames));
  return { rateHz: view.getUint32(format + 4, true), channels, frames, samples };
}

/** @param {Wav} wav @returns {Float32Array[]} one a channel, in [-1, 1) */
export function channelsOf({ channels, frames, samples }) {
  return Array.from({ length: channels }, (_, channel) => {
    const one = new Float32Array(frames);
    for (let i = 0; i < frames; i++) one[i] = samples[i * channels + channel] / FULL_SCALE;
    return one;
  });
}

/**
 * @param {BlobPart[]} pieces - 16-bit PCM, interleaved
 * @param {{rateHz: number, channels: number, frames: number}} sound
 * @returns {Blob}
 */
export function wavOf(pieces, { rateHz, channels, frames }) {
  return new Blob([header(PCM, 2, rateHz, channels, frames), ...pieces], { type: "audio/wav" });
}

/**
 * Without any loss: a recording is not made to fit into 16 bits.
 *
 * @param {Float32Array[]} channels - of the same length
 * @param {number} rateHz
 * @returns {Blob}
 */
export function floatWavOf(channels, rateHz) {
  const frames = channels[0].length;
  const samples = new Float32Array(frames * channels.length);
  channels.forEach((one, channel) => one.forEach((sample, i) => (samples[i * channels.length + channel] = sample)));
  return new Blob([header(FLOAT, 4, rateHz, channels.length, frames), samples], { type: "audio/wav" });
}

function header(format, bytes, rateHz, channels, frames) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  const size = frames * channels * bytes;
  const word = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + size, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, format, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * channels * bytes, true);
  view.setUint16(32, channels * bytes, true);
  view.setUint16(34, 8 * bytes, true);
  word(36, "data");
  view.setUint32(40, size, true);
  return view.buffer;
}
