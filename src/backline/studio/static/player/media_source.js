/** Plays a WebM or fragmented MP4 stream through MediaSource. */

const JOIN_BYTES = 65536; // of what waits, appended at once: few calls, yet small enough to fit after an eviction
const KEEP_SECONDS = 30; // behind the playhead, when room has to be made

/** `ManagedMediaSource` is the only one on an iPhone. */
export function mediaSourceClass() {
  return globalThis.ManagedMediaSource ?? globalThis.MediaSource;
}

/** @implements {import("./choose.js").Player} */
export class MediaSourcePlayer {
  sampleRate = null;
  #audio = document.createElement("audio");
  #source = new (mediaSourceClass())();
  #buffer = null;
  #queue = [];
  #appended = false;
  #ending = false;
  #events;

  /**
   * @param {string} format
   * @param {string} mediaType
   * @param {import("./choose.js").PlayerEvents} events
   */
  constructor(format, mediaType, events) {
    this.format = format;
    this.#events = events;
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

  get range() {
    const { buffered } = this.#audio;
    if (!buffered.length) return { start: 0, end: 0 };
    return { start: buffered.start(0), end: buffered.end(buffered.length - 1) };
  }

  append(bytes) {
    this.#queue.push(new Uint8Array(bytes));
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
    const { start, end } = this.range;
    this.#audio.currentTime = Math.min(Math.max(seconds, start), end);
  }

  dispose() {
    this.#queue = [];
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
    this.#buffer = this.#source.addSourceBuffer(mediaType);
    this.#buffer.onupdateend = () => {
      this.#skipToStart();
      this.#pump();
    };
    this.#pump();
  }

  #pump() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#source.readyState === "closed" || this.#source.streaming === false) return;
    if (this.#queue.length) this.#appendNext(buffer);
    else if (this.#ending && this.#appended && this.#source.readyState === "open") this.#source.endOfStream();
  }

  #appendNext(buffer) {
    const bytes = joinFirst(this.#queue);
    try {
      buffer.appendBuffer(bytes);
      this.#appended = true;
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
      this.#queue.unshift(bytes);
      this.#makeRoom(buffer);
    }
  }

  /** The browser's quota is full. What was played goes; when that is little, the queue waits for the playhead. */
  #makeRoom(buffer) {
    const until = this.position - KEEP_SECONDS;
    if (until > this.range.start) buffer.remove(0, until);
  }

  /** A stream whose first frame lies a little after zero (an encoder's delay) must not wait for what never comes. */
  #skipToStart() {
    const { start, end } = this.range;
    if (end > start && this.position < start && !this.#audio.seeking) this.#audio.currentTime = start;
  }
}

/** Takes the first pieces of `queue`, up to JOIN_BYTES (always one), as one. */
function joinFirst(queue) {
  let count = 1;
  let length = queue[0].length;
  while (count < queue.length && length + queue[count].length <= JOIN_BYTES) length += queue[count++].length;
  const pieces = queue.splice(0, count);
  if (count === 1) return pieces[0];
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}
