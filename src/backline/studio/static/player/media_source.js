/** Plays a WebM or fragmented MP4 stream through MediaSource. */

import { Entrances } from "./entrances.js";

const JOIN_BYTES = 65536; // appended at once: few calls, yet small enough to fit after an eviction
const SLACK_SECONDS = 0.5; // a stream may begin this much after zero
const DAY_SECONDS = 86400;
const KEEP_SECONDS = 2; // behind the playhead, when room has to be made; what goes can be had again

/** `ManagedMediaSource` is the only one on an iPhone. */
export function mediaSourceClass() {
  return globalThis.ManagedMediaSource ?? globalThis.MediaSource;
}

/**
 * The browser keeps some minutes of sound and forgets the rest, so all pieces stay here, and a seek to where the browser
 * has nothing starts it again from the entrance before.
 *
 * @implements {import("./choose.js").Player}
 */
export class MediaSourcePlayer {
  sampleRate = null;
  #audio = document.createElement("audio");
  #source = new (mediaSourceClass())();
  #buffer = null;
  #pieces = [];
  #entrances;
  #next = { piece: 0, offset: 0 }; // to append
  #heldSeconds = 0; // the latest that the browser ever had
  #restartSeconds = null; // where to start again from, as soon as the browser's hands are free
  #ending = false;
  #events;

  /**
   * @param {string} format - `webm` or `mp4`
   * @param {string} mediaType
   * @param {import("./choose.js").PlayerEvents} events
   */
  constructor(format, mediaType, events) {
    this.format = format;
    this.#events = events;
    this.#entrances = new Entrances(format);
    this.#listen(mediaType);
    this.#audio.disableRemotePlayback = true; // ManagedMediaSource does not open without it
    this.#audio.src = URL.createObjectURL(this.#source);
    document.body.append(this.#audio);
    this.play(); // waits for the first sound; asked for now, while the click counts
  }

  get position() {
    return this.#audio.currentTime;
  }

  get playing() {
    return !this.#audio.paused && !this.#audio.ended;
  }

  get endSeconds() {
    return Math.max(this.#heldSeconds, this.#entrances.lastSeconds);
  }

  append(bytes) {
    const piece = new Uint8Array(bytes);
    this.#entrances.add(piece, this.#pieces.length);
    this.#pieces.push(piece);
    this.#pump();
  }

  end() {
    this.#ending = true;
    this.#pump();
  }

  play() {
    if (this.#audio.ended) this.seek(0);
    // Refused when the page may not make sound, or when the stream ends before its first sound: `error` tells the rest.
    this.#audio.play().catch((error) => {
      if (error.name === "NotAllowedError") this.#events.onerror("The browser did not allow the page to make sound.");
    });
  }

  pause() {
    this.#audio.pause();
  }

  seek(seconds) {
    const target = Math.min(Math.max(seconds, 0), this.endSeconds);
    const { start, end } = this.#held();
    const held = target >= start - SLACK_SECONDS && target <= end;
    this.#restartSeconds = held ? null : target;
    this.#audio.currentTime = held ? Math.max(target, start) : target;
    this.#pump();
  }

  dispose() {
    this.#buffer = null;
    this.#audio.onerror = null;
    this.#audio.pause();
    URL.revokeObjectURL(this.#audio.src);
    this.#audio.removeAttribute("src");
    this.#audio.load();
    this.#audio.remove();
  }

  #listen(mediaType) {
    const audio = this.#audio;
    audio.onplaying = () => this.#events.onplaying();
    audio.onpause = () => this.#events.onpause();
    audio.onended = () => this.#events.onended();
    audio.onerror = () => this.#events.onerror(`The browser could not play the sound. ${audio.error?.message ?? ""}`);
    audio.ontimeupdate = () => this.#pump(); // what was played may have made room
    this.#source.addEventListener("startstreaming", () => this.#pump());
    this.#source.addEventListener("sourceopen", () => this.#open(mediaType), { once: true });
  }

  #open(mediaType) {
    if (this.#source.readyState !== "open") return; // disposed of meanwhile
    this.#source.setLiveSeekableRange(0, DAY_SECONDS); // without it, a seek stops at the end of what the browser has
    this.#buffer = this.#source.addSourceBuffer(mediaType);
    this.#buffer.onupdateend = () => {
      this.#heldSeconds = Math.max(this.#heldSeconds, this.#held().end);
      this.#skipGap();
      this.#pump();
    };
    this.#pump();
  }

  /** What the browser has, in seconds. */
  #held() {
    const { buffered } = this.#audio;
    if (!buffered.length) return { start: 0, end: 0 };
    return { start: buffered.start(0), end: buffered.end(buffered.length - 1) };
  }

  #pump() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#source.readyState === "closed" || this.#source.streaming === false) return;
    if (this.#restartSeconds !== null) this.#startAgain(buffer);
    else if (this.#next.piece < this.#pieces.length) this.#appendNext(buffer);
    else if (this.#ending && this.#heldSeconds && this.#source.readyState === "open") this.#source.endOfStream();
  }

  #appendNext(buffer) {
    const { bytes, next } = this.#take();
    try {
      buffer.appendBuffer(bytes);
      this.#next = next;
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
      this.#makeRoom(buffer);
    }
  }

  /** The browser's quota is full. What was played goes; when that is little, the rest waits for the playhead. */
  #makeRoom(buffer) {
    const until = this.position - KEEP_SECONDS;
    if (until > this.#held().start) buffer.remove(0, until);
  }

  #startAgain(buffer) {
    if (this.#source.readyState === "open") buffer.abort(); // drops half a fragment that the parser may hold
    this.#next = this.#entrances.before(this.#restartSeconds);
    this.#restartSeconds = null;
    buffer.remove(0, Infinity);
  }

  /** A stream whose first frame lies a little after zero (an encoder's delay) must not wait for what never comes. */
  #skipGap() {
    const { start, end } = this.#held();
    const gap = start - this.position;
    if (end > start && gap > 0 && gap < SLACK_SECONDS && this.#restartSeconds === null) this.#audio.currentTime = start;
  }

  /** The bytes to append next, and where those after them begin. */
  #take() {
    const parts = [];
    let { piece, offset } = this.#next;
    for (let length = 0; piece < this.#pieces.length && (!parts.length || length < JOIN_BYTES); piece++, offset = 0) {
      parts.push(this.#pieces[piece].subarray(offset));
      length += parts.at(-1).length;
    }
    return { bytes: parts.length === 1 ? parts[0] : join(parts), next: { piece, offset } };
  }
}

function join(parts) {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
