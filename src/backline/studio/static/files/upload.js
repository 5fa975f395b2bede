/** One file on its way to the server, by the protocol of tus: paused, cut off and gone on with as often as it takes. */

import { authorization } from "../api.js";
import { fingerprintOf, giveUp } from "./memory.js";
import { answerOf, reasonOf } from "./words.js";

const CHUNK_BYTES = 64 * 1024 * 1024; // proxies limit the size of a request; what is sent stays sent anyway
const RETRY_MS = [0, 1000, 3000, 5000, 10_000, 20_000, 30_000, 30_000];
const RATE_SECONDS = 5; // the pace is that of the last seconds

/** Answers after which the same request may succeed. A quota that is full is a 409 too, and stays so. */
const PASSING = ["offset_mismatch", "upload_in_use"];

/** @typedef {"waiting" | "sending" | "trying" | "paused" | "failed" | "done"} UploadState */

export class FileUpload {
  /** @type {UploadState} */
  state = "waiting";
  sent = 0;
  /** @type {string | null} */
  problem = null;
  /** Where it went on; 0 for one that began here. */
  resumedAt = 0;

  #tus;
  #changed;
  #onRoom;
  #upload = null;
  #samples = [];

  /**
   * @param {File} file
   * @param {string} owner - whose it is
   * @param {any} tus - the library
   * @param {(upload: FileUpload) => void} onChange
   * @param {() => void} onRoom - the server has made room for it
   */
  constructor(file, owner, tus, onChange, onRoom) {
    this.file = file;
    this.fingerprint = fingerprintOf(file, owner);
    this.id = `upload-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    this.#tus = tus;
    this.#changed = () => onChange(this);
    this.#onRoom = onRoom;
  }

  get size() {
    return this.file.size;
  }

  get active() {
    return this.state === "sending" || this.state === "trying";
  }

  /** Seconds until it is there; null while nobody can tell. */
  get secondsLeft() {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (this.state !== "sending" || !first || last.at - first.at < 500 || last.sent <= first.sent) return null;
    return ((this.size - last.sent) * (last.at - first.at)) / (last.sent - first.sent) / 1000;
  }

  /** Begin, or go on. */
  async start() {
    this.#set("sending");
    this.#samples = [];
    const upload = (this.#upload ??= this.#made());
    upload.options.headers = authorization();
    if (!upload.url) {
      const [known] = await upload.findPreviousUploads().catch(() => []);
      if (known) upload.resumeFromPreviousUpload(known);
    }
    if (this.active) upload.start(); // else it was paused meanwhile
  }

  pause() {
    this.#upload?.abort();
    this.#set("paused");
  }

  wait() {
    this.#set("waiting");
  }

  /** Give it up: its room on the server is free again. */
  async stop() {
    this.#set("paused");
    this.#upload?.abort();
    if (!this.#upload?.url) return;
    const [known] = await this.#upload.findPreviousUploads();
    const { pathname: path } = new URL(this.#upload.url);
    await giveUp(this.#tus.defaultOptions.urlStorage, { key: known?.urlStorageKey, path });
  }

  #made() {
    const { file } = this;
    return new this.#tus.Upload(file, {
      endpoint: new URL("/api/uploads", location.href).href,
      chunkSize: CHUNK_BYTES,
      retryDelays: RETRY_MS,
      metadata: { filename: file.name, ...(file.type && { filetype: file.type }) },
      fingerprint: async () => this.fingerprint,
      removeFingerprintOnSuccess: true,
      onAfterResponse: notLost,
      onUploadUrlAvailable: this.#onRoom,
      onShouldRetry: (error) => this.#mayRetry(error),
      onProgress: (sent) => this.#progress(sent),
      onSuccess: () => {
        this.sent = this.size;
        this.#set("done");
      },
      onError: (error) => this.#set("failed", reasonOf(error)),
    });
  }

  #progress(sent) {
    if (!this.active) return; // the last word of a request that was ended
    const now = performance.now();
    if (!this.#samples.length) this.resumedAt = sent;
    this.sent = sent;
    this.#samples = [...this.#samples.filter(({ at }) => now - at < RATE_SECONDS * 1000), { at: now, sent }];
    this.#set("sending");
  }

  #mayRetry(error) {
    const { status, code } = answerOf(error);
    const passing = status === 0 || status === 429 || status >= 500 || PASSING.includes(code);
    if (passing) {
      this.#samples = [];
      this.#set("trying", `${status ? "The server is busy." : "The connection was lost."} Trying again.`);
    }
    return passing;
  }

  #set(state, problem = null) {
    this.state = state;
    this.problem = problem;
    this.#changed();
  }
}

/** A server that cannot tell the offset now still has the upload. The library would begin a new one. */
function notLost(request, response) {
  const status = response.getStatus();
  if (request.getMethod() !== "HEAD" || status < 400 || status === 404 || status === 410) return;
  throw Object.assign(new Error(`the offset was answered with ${status}`), { response });
}
