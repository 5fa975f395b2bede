/** The music of one session over the server's WebSocket `/jam/ws`. When the line drops, it is called again. */

import { socketUrl } from "../api.js";

const SILENCE_MS = 25_000; // the server says something every 10 s; later than this the line is taken for dead
const RETRY_MS = [250, 500, 1000, 2000, 4000, 8000];
const FOREVER_CODES = [4401, 4402, 4403, 4404]; // of a close: calling again would not help

/**
 * What the server tells.
 *
 * @typedef {object} JamEvents
 * @property {(message: object) => void} onmessage - every JSON message but those of chunks, as in docs/jam.md
 * @property {(index: number, sound: ArrayBuffer, metadata: object) => void} onchunk
 * @property {(connected: boolean) => void} onconnection - it may come back by itself
 * @property {(problem: string | null) => void} onclose - for good
 */

export class JamSocket {
  #sessionId;
  #ahead;
  #events;
  #next; // index of the chunk that is wanted; null: whatever comes
  #socket = null;
  #announced = null; // the chunk whose bytes come next
  #tries = 0;
  #timer = 0;
  #left = false;
  #ended = false;
  #problem = null;

  /**
   * @param {string} sessionId
   * @param {{next?: number | null, ahead: number}} wishes - next: the first chunk; ahead: how many are sent before they are asked for
   * @param {JamEvents} events
   */
  constructor(sessionId, { next = null, ahead }, events) {
    this.#sessionId = sessionId;
    this.#next = next;
    this.#ahead = ahead;
    this.#events = events;
    this.#connect();
  }

  /** @param {object} message @returns {boolean} whether it could be sent */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Leaves, and tells nothing more. The session stays. */
  close() {
    this.#left = true;
    clearTimeout(this.#timer);
    this.#hangUp();
  }

  async #connect() {
    try {
      const url = await socketUrl("/jam/ws");
      if (!this.#left) this.#open(new WebSocket(url));
    } catch (error) {
      if (this.#left) return;
      if (error.status === 401 || error.status === 403) this.#finish(error.message);
      else this.#callAgain();
    }
  }

  #open(socket) {
    this.#socket = socket;
    this.#announced = null;
    socket.binaryType = "arraybuffer";
    this.#watch();
    socket.onopen = () => {
      const attach = { type: "attach", session_id: this.#sessionId, format: "wav", ahead: this.#ahead };
      this.send(this.#next === null ? attach : { ...attach, index: this.#next });
    };
    socket.onmessage = ({ data }) => {
      this.#watch();
      if (typeof data === "string") this.#read(JSON.parse(data));
      else this.#hear(data);
    };
    socket.onclose = ({ code, reason }) => this.#dropped(code, reason);
  }

  #read(message) {
    if (message.type === "chunk") {
      this.#announced = message;
      return;
    }
    if (message.type === "state" && this.#tries !== -1) {
      this.#tries = -1; // attached
      this.#events.onconnection(true);
    }
    if (message.type === "closed") this.#ended = true;
    if (message.type === "error") this.#problem = message;
    this.#events.onmessage(message);
  }

  #hear(sound) {
    const { index, metadata } = this.#announced ?? {};
    this.#announced = null;
    if (index === undefined || (this.#next !== null && index < this.#next)) return; // one that came before the line dropped
    this.#next = index + 1;
    this.#events.onchunk(index, sound, metadata);
  }

  #dropped(code, reason) {
    clearTimeout(this.#timer);
    this.#socket = null;
    if (this.#left) return;
    const problem = this.#problem;
    this.#problem = null;
    if (this.#ended) this.#finish(null);
    else if (FOREVER_CODES.includes(code)) this.#finish(problem?.message ?? (reason || "The server refused the connection."));
    else this.#callAgain();
  }

  #callAgain() {
    this.#tries = Math.max(0, this.#tries);
    this.#events.onconnection(false);
    if (this.#left) return;
    this.#timer = setTimeout(() => this.#connect(), RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)]);
    this.#tries += 1;
  }

  #finish(problem) {
    this.#left = true;
    clearTimeout(this.#timer);
    this.#events.onclose(problem);
  }

  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#hangUp();
      this.#dropped(1006, "");
    }, SILENCE_MS);
  }

  #hangUp() {
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }
}
