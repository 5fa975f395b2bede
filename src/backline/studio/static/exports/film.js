/** A stored film in a player: where it is, what it shows now. Seconds count from its first frame, as keyframes do. */

import { getJson } from "../api.js";

const NUDGE_SECONDS = 0.002; // a seek to the very moment of a frame may show the one before
const LINK_AGE_MS = 10_000; // a link that fails sooner is not worth another
const UNPLAYABLE = "This browser cannot play the film. It can be exported all the same.";

/** What a stored film is. @param {string} id - of the file @returns {Promise<Film["info"]>} */
export function probe(id, signal) {
  return getJson(`/api/exports/probe?input_key=${encodeURIComponent(`files/${id}`)}`, signal);
}

/** Events: `frame` when another picture is shown, or the time is another; `change` for all else. */
export class Film extends EventTarget {
  /** @type {{width: number, height: number, rate: number, duration_seconds: number, audio: boolean} | null} */
  info = null;
  /** @type {string | null} */
  problem = null;
  time = 0;
  playing = false;
  /** What is played: not before `start`, not behind `end`, and as fast as the function says. */
  range = { start: 0, end: Infinity, speedAt: () => 1 };

  video = document.createElement("video");
  #begin = 0; // the player's time of the first frame
  #first = true;
  #wanted = null;
  #linked = 0;
  #leaving = new AbortController();

  /** @param {string} id - of the file */
  constructor(id) {
    super();
    this.id = id;
    const { video } = this;
    video.playsInline = true;
    video.preload = "auto";
    video.setAttribute("aria-hidden", "true"); // what can be done with it are buttons
    video.tabIndex = -1;
    const on = (name, act) => video.addEventListener(name, act, { signal: this.#leaving.signal });
    on("seeked", () => this.#seeked());
    on("play", () => this.#set({ playing: true }));
    on("pause", () => this.#set({ playing: false }));
    on("ended", () => this.#set({ playing: false }));
    on("loadeddata", () => this.#set({ problem: null }));
    on("error", () => this.#failed());
  }

  /** Rejects with what can be shown. */
  async open() {
    const { signal } = this.#leaving;
    this.#watch();
    const [info] = await Promise.all([probe(this.id, signal), this.#link()]);
    this.#set({ info });
    this.dispatchEvent(new Event("frame"));
  }

  close() {
    this.#leaving.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** When its last frame is shown. */
  get lastTime() {
    return this.info ? Math.max(0, this.info.duration_seconds - 1 / this.info.rate) : 0;
  }

  /** @param {number} time - the newest wish counts: a player seeks more slowly than a pointer moves */
  seek(time) {
    this.time = Math.min(Math.max(time, 0), this.lastTime);
    this.#wanted = this.time;
    this.#seek();
    this.dispatchEvent(new Event("frame"));
  }

  /** @param {number} frames - to go on, or back */
  step(frames) {
    this.video.pause();
    const { rate } = this.info;
    this.seek((Math.round(this.time * rate) + frames) / rate);
  }

  async toggle() {
    if (this.playing) return this.video.pause();
    const { start, end } = this.range;
    if (this.time < start || this.time >= Math.min(end, this.lastTime) - 0.5 / this.info.rate) this.seek(start);
    await this.video.play().catch(() => {}); // what is wrong with it is told by `error`
  }

  #watch() {
    if (this.#leaving.signal.aborted) return;
    const next = () => this.#watch();
    if (this.video.requestVideoFrameCallback) {
      this.video.requestVideoFrameCallback((_, { mediaTime }) => {
        this.#shown(mediaTime);
        next();
      });
    } else {
      requestAnimationFrame(() => {
        if (this.playing) this.#shown(this.video.currentTime);
        next();
      });
    }
  }

  #shown(mediaTime) {
    if (this.#first && this.video.currentTime < 0.5) this.#begin = mediaTime;
    this.#first = false;
    if (this.playing && this.#wanted === null) {
      this.time = Math.max(0, mediaTime - this.#begin);
      this.#keepToRange();
    }
    this.dispatchEvent(new Event("frame"));
  }

  #keepToRange() {
    const { end, speedAt } = this.range;
    const speed = speedAt(this.time);
    if (this.video.playbackRate !== speed) this.video.playbackRate = speed;
    if (this.time < end - 0.5 / this.info.rate) return;
    this.video.pause();
    this.seek(Math.min(end, this.lastTime));
  }

  #seek() {
    if (this.#wanted === null || this.video.seeking || !this.video.readyState) return;
    this.video.currentTime = this.#wanted + this.#begin + NUDGE_SECONDS;
  }

  #seeked() {
    const there = this.#wanted === null || Math.abs(this.video.currentTime - this.#begin - NUDGE_SECONDS - this.#wanted) < 0.001;
    if (there) this.#wanted = null;
    else this.#seek();
    this.dispatchEvent(new Event("frame"));
  }

  async #link() {
    const { url } = await getJson(`/api/files/${encodeURIComponent(this.id)}`, this.#leaving.signal);
    this.#linked = Date.now();
    this.video.src = url;
    this.#wanted = this.time || null;
    this.video.addEventListener("loadedmetadata", () => this.#seek(), { once: true, signal: this.#leaving.signal });
  }

  /** An address is good for a while only; a page may stay open for longer. */
  #failed() {
    if (this.#leaving.signal.aborted) return;
    if (Date.now() - this.#linked < LINK_AGE_MS) return this.#set({ problem: UNPLAYABLE });
    this.#link().catch((error) => error.name !== "AbortError" && this.#set({ problem: error.message }));
  }

  #set(news) {
    Object.assign(this, news);
    this.dispatchEvent(new Event("change"));
  }
}
