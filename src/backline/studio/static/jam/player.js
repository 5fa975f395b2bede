/** Plays chunks one after the other on the audio clock: each begins on the very sample on which the one before ends. */

import { Take } from "./take.js";
import { channelsOf, readWav } from "./wav.js";

const LEAD_SECONDS = 0.1; // before the first chunk, and after the music ran dry
const LATEST_SECONDS = 0.02; // a chunk that comes later than this before its moment is too late for it
const FADE_SECONDS = 0.008; // before a silence that the music did not ask for
const FFT_SIZE = 4096;

/**
 * A chunk on its way to the loudspeaker.
 *
 * @typedef {object} Piece
 * @property {number} index - of the chunk
 * @property {number} atFrame - of the audio clock, where it begins
 * @property {number} firstFrame - of the jam, where it begins
 * @property {number} frames
 * @property {import("./wav.js").Wav} wav
 * @property {AudioBufferSourceNode} source
 */

/**
 * The audio clock runs at the rate of the music, so that nothing is resampled and a frame of one is a frame of the other.
 * Events: `began` when another chunk is heard (`piece`), `silent` when all that came was heard, `change` for the rest.
 */
export class JamPlayer extends EventTarget {
  /** How often the music ran dry. */
  gaps = 0;
  /** @type {Take} */
  take;
  /** @type {AnalyserNode} through which everything goes */
  analyser;
  #context;
  #gain;
  /** @type {Piece[]} */
  #pieces = [];
  #endFrame = null; // of the audio clock, where the next chunk belongs; null: wherever it can be had first
  #stopped = false;

  /** Call inside a click: that is when a browser allows sound. @param {number} rateHz */
  constructor(rateHz) {
    super();
    this.#context = new AudioContext({ sampleRate: rateHz, latencyHint: "playback" });
    this.#context.onstatechange = () => this.dispatchEvent(new Event("change"));
    this.#gain = new GainNode(this.#context);
    this.analyser = new AnalyserNode(this.#context, { fftSize: FFT_SIZE, smoothingTimeConstant: 0, minDecibels: -95, maxDecibels: -20 });
    this.#gain.connect(this.analyser).connect(this.#context.destination);
    this.take = new Take(rateHz, 2);
    this.allow();
  }

  get rateHz() {
    return this.#context.sampleRate;
  }

  /** Whether the browser lets the page make sound. It may want a click first. */
  get allowed() {
    return this.#context.state === "running";
  }

  get playing() {
    return this.#pieces.length > 0;
  }

  /** Of the chunks that are here, that which is heard first. */
  get indexes() {
    return this.#pieces.map(({ index }) => index);
  }

  /** Frames of the jam heard; null before the first and after the last. */
  get position() {
    const delay = (this.#context.outputLatency ?? 0) * this.rateHz;
    return this.#positionAt(this.#context.currentTime * this.rateHz - delay);
  }

  /** Seconds of music that are still to be heard. */
  get aheadSeconds() {
    return Math.max(0, (this.#endFrame ?? 0) / this.rateHz - this.#context.currentTime) * Number(this.playing);
  }

  /** @param {Piece} piece */
  millisecondsUntil(piece) {
    return 1000 * Math.max(0, piece.atFrame / this.rateHz - this.#context.currentTime + (this.#context.outputLatency ?? 0));
  }

  /** Call inside a click. */
  allow() {
    this.#context.resume().catch(() => {}); // `allowed` tells
  }

  /**
   * @param {number} index
   * @param {ArrayBuffer} file
   * @param {{start_sample: number}} metadata
   */
  add(index, file, metadata) {
    if (this.#stopped) return;
    const wav = readWav(file);
    if (wav.rateHz !== this.rateHz) throw new Error(`The server sent sound at ${wav.rateHz} Hz, not at ${this.rateHz} Hz.`);
    this.take.channels = wav.channels;
    const atFrame = this.#placeOfNext();
    const piece = { index, atFrame, firstFrame: metadata.start_sample, frames: wav.frames, wav, source: this.#sourceOf(wav) };
    piece.source.onended = () => this.#over(piece);
    piece.source.start(atFrame / this.rateHz);
    this.#endFrame = atFrame + wav.frames;
    this.#pieces.push(piece);
    if (this.#pieces.length === 1) this.#began(piece);
  }

  /** Falls silent at the next bar line. @param {number} barFrames - of a bar, a fraction too */
  stopAtBar(barFrames) {
    const soonest = Math.ceil((this.#context.currentTime + LATEST_SECONDS + FADE_SECONDS) * this.rateHz);
    const position = this.#positionAt(soonest);
    if (this.#stopped || position === null) return this.stopNow();
    const line = Math.round(Math.ceil(position / barFrames) * barFrames);
    this.#silenceAt(soonest + line - position);
  }

  stopNow() {
    this.#silenceAt(Math.ceil((this.#context.currentTime + FADE_SECONDS) * this.rateHz));
  }

  /** What was heard so far, as a file. */
  file() {
    const [piece] = this.#pieces;
    const position = this.position;
    if (!piece || position === null) return this.take.file();
    return this.take.file(samplesOf(piece, Math.floor(position) - piece.firstFrame));
  }

  dispose() {
    for (const { source } of this.#pieces) source.onended = null;
    this.#pieces = [];
    this.#context.onstatechange = null;
    this.#context.close();
  }

  #placeOfNext() {
    const now = this.#context.currentTime * this.rateHz;
    if (this.#endFrame !== null && this.#endFrame >= now + LATEST_SECONDS * this.rateHz) return this.#endFrame;
    if (this.#endFrame !== null) this.gaps += 1;
    return Math.ceil(now + LEAD_SECONDS * this.rateHz);
  }

  #sourceOf(wav) {
    const buffer = new AudioBuffer({ length: wav.frames, numberOfChannels: wav.channels, sampleRate: wav.rateHz });
    channelsOf(wav).forEach((samples, channel) => buffer.copyToChannel(samples, channel));
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#gain);
    return source;
  }

  #positionAt(frame) {
    const piece = this.#pieces.find(({ atFrame, frames }) => frame < atFrame + frames); // its forerunner may still be heard
    return piece ? Math.max(0, piece.firstFrame + frame - piece.atFrame) : null;
  }

  #silenceAt(frame) {
    if (this.#stopped) return;
    this.#stopped = true;
    const seconds = frame / this.rateHz;
    this.#gain.gain.setValueAtTime(1, seconds - FADE_SECONDS);
    this.#gain.gain.linearRampToValueAtTime(0, seconds);
    const fade = Math.round(FADE_SECONDS * this.rateHz);
    for (const piece of [...this.#pieces]) {
      if (piece.atFrame >= frame || !this.allowed) this.#drop(piece);
      else if (piece.atFrame + piece.frames >= frame) this.#cut(piece, frame - piece.atFrame, fade, seconds);
    }
    this.#endFrame = frame;
    if (!this.playing) this.dispatchEvent(new Event("silent"));
  }

  #cut(piece, frames, fade, seconds) {
    piece.frames = frames;
    piece.source.stop(seconds);
    const { samples, channels } = piece.wav;
    for (let i = Math.max(0, (frames - fade) * channels); i < frames * channels; i++)
      samples[i] *= (frames - Math.floor(i / channels)) / fade;
  }

  #drop(piece) {
    piece.source.onended = null;
    piece.source.disconnect();
    this.#pieces.splice(this.#pieces.indexOf(piece), 1);
  }

  #began(piece) {
    this.dispatchEvent(Object.assign(new Event("began"), { piece }));
  }

  #over(piece) {
    piece.source.disconnect();
    this.#pieces.shift();
    this.take.add(samplesOf(piece, piece.frames));
    if (this.playing) this.#began(this.#pieces[0]);
    else this.dispatchEvent(new Event("silent"));
  }
}

function samplesOf({ wav, frames }, heard) {
  return wav.samples.slice(0, Math.max(0, Math.min(heard, frames)) * wav.channels);
}
