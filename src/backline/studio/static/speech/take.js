/** One text being spoken: from the click, through making and playing, to the bytes that can be kept. */

import { openPlayer } from "../player/choose.js";
import { Outline } from "./outline.js";
import { SpeechSocket } from "./socket.js";
import { Timeline } from "./timeline.js";

/**
 * What is asked for.
 *
 * @typedef {object} Wishes
 * @property {string} text
 * @property {string | null} voice
 * @property {string} language - a code, or `auto`
 * @property {number} speed - 1 is normal
 */

/** Fires `change` whenever something about it is new. */
export class Take extends EventTarget {
  /** @type {"making" | "made" | "stopped" | "failed"} */
  phase = "making";
  /** Whether sound has been heard. */
  heard = false;
  ended = false;
  /** @type {string | null} what went wrong, for a person */
  problem = null;
  /** @type {{format: string, media_type: string, sample_rate: number} | null} */
  sound = null;
  /** @type {ArrayBuffer[]} every byte that came */
  pieces = [];
  /** Milliseconds since the click; null while not known. */
  firstByteMs = null;
  firstSoundMs = null;
  madeMs = null;
  outline = new Outline();
  #clickedMs;
  #doneSeconds = 0;

  /**
   * Call inside the click.
   *
   * @param {Wishes} wishes
   * @param {string} playerName - one of PLAYERS
   * @param {number} clickedMs - the click's `timeStamp`
   */
  constructor(wishes, playerName, clickedMs) {
    super();
    this.wishes = wishes;
    this.timeline = new Timeline(wishes.text);
    this.#clickedMs = clickedMs;
    this.player = openPlayer(playerName, {
      onplaying: () => this.#onPlaying(),
      onpause: () => this.#changed(),
      onended: () => this.#changed({ ended: true }),
      onerror: (message) => this.#fail(message),
    });
    this.socket = this.#ask();
  }

  /** Seconds of sound that exist. */
  get madeSeconds() {
    return Math.max(this.#doneSeconds, this.outline.seconds);
  }

  /** Nothing more is made, and the sound ends now. What exists can still be heard and saved. */
  stop() {
    if (this.phase === "making") {
      this.socket.cancel();
      this.#changed({ phase: "stopped" });
    }
    this.player.pause();
  }

  toggle() {
    if (this.player.playing) this.player.pause();
    else this.#play();
  }

  /** Hear it from there on. */
  seek(seconds) {
    this.player.seek(seconds);
    this.#play();
  }

  dispose() {
    this.socket.close();
    this.player.dispose();
  }

  #play() {
    this.player.play();
    this.#changed({ ended: false });
  }

  #ask() {
    const { text, ...manner } = this.wishes;
    const { format, sampleRate } = this.player;
    const config = { ...manner, format, sample_rate: sampleRate, normalize: true, peaks: true };
    return new SpeechSocket(config, text, {
      onmessage: (message) => this.#read(message),
      onsound: (bytes) => this.#hear(bytes),
      onclose: (problem) => (problem ? this.#fail(problem) : this.#finish()),
    });
  }

  #read(message) {
    if (message.type === "audio.start") this.sound = message;
    else if (message.type === "word") this.timeline.add(message);
    else if (message.type === "peaks") this.outline.add(message);
    else if (message.type === "audio.done") this.#finish(message.audio_seconds);
    else if (message.type === "error") this.#fail(message.message);
    this.#changed();
  }

  #hear(bytes) {
    this.firstByteMs ??= performance.now() - this.#clickedMs;
    this.pieces.push(bytes);
    this.player.append(bytes);
    this.#changed();
  }

  #finish(seconds = 0) {
    this.madeMs ??= performance.now() - this.#clickedMs;
    this.#doneSeconds = Math.max(this.#doneSeconds, seconds);
    this.player.end();
    this.#changed({ phase: this.phase === "making" ? "made" : this.phase });
  }

  #fail(message) {
    this.socket?.close();
    this.player.end();
    if (!this.pieces.length) this.player.pause();
    this.#changed({ phase: "failed", problem: this.problem ?? message });
  }

  #onPlaying() {
    this.firstSoundMs ??= performance.now() - this.#clickedMs;
    this.#changed({ heard: true, ended: false });
  }

  #changed(facts = {}) {
    Object.assign(this, facts);
    this.dispatchEvent(new Event("change"));
  }
}
