/** How one export comes along, as it happens: over a socket, and by asking where there is none. A line that is cut is not
 * an export that has failed. */

import { getJson, socketUrl } from "../api.js";
import { isOver } from "./words.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const POLL_MS = 5000; // once the line was tried for that long
const PING_MS = 20_000;
const SILENCE_MS = 60_000; // of a line that says it is open
const OVER = 1000; // closed by the server: there is nothing more
const REFUSED = 4000; // and above: not let in; asking again would change nothing, but for 4429
const TOO_MANY = 4429;
const GONE = [401, 403, 404]; // statuses after which asking again changes nothing

/**
 * @typedef {object} Listener
 * @property {(told: object) => void} onTold - what the socket tells
 * @property {(item: import("./words.js").ExportItem) => void} onItem - what was asked for
 * @property {(lost: boolean) => void} onLine - whether the line is cut
 */

export class Following {
  #id;
  #listener;
  #socket = null;
  #timers = new Set();
  #wait = FIRST_WAIT_MS;
  #heard = 0;
  #leaving = new AbortController();

  /** @param {string} id - of the export @param {Listener} listener */
  constructor(id, listener) {
    this.#id = id;
    this.#listener = listener;
    this.#open();
  }

  stop() {
    this.#leaving.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    if (this.#socket) this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket?.close();
  }

  async #open() {
    let url;
    try {
      url = await socketUrl(`/ws/export/${encodeURIComponent(this.#id)}`);
    } catch {
      return this.#lost();
    }
    if (this.#leaving.signal.aborted) return undefined;
    this.#heard = Date.now();
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => this.#ping(socket);
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => {
      this.#socket = null;
      if (code === OVER) this.#end();
      else if (code < REFUSED || code === TOO_MANY) this.#lost();
    };
    return undefined;
  }

  #hear(data) {
    this.#heard = Date.now();
    this.#wait = FIRST_WAIT_MS;
    this.#listener.onLine(false);
    if (data !== "pong") this.#listener.onTold(JSON.parse(data));
  }

  /** A line can be dead without being closed. */
  #ping(socket) {
    this.#later(PING_MS, () => {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (Date.now() - this.#heard > SILENCE_MS) return socket.close();
      socket.send("ping");
      this.#ping(socket);
    });
  }

  #lost() {
    if (this.#leaving.signal.aborted) return;
    this.#listener.onLine(true);
    if (this.#wait > LONGEST_WAIT_MS) return this.#poll();
    this.#later(this.#wait, () => this.#open());
    this.#wait = this.#wait === LONGEST_WAIT_MS ? Infinity : Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  /** The socket said that it is over; how it ended is asked for, with its result. */
  async #end() {
    const item = await this.#ask();
    if (item === null) this.#poll();
    else if (item && !isOver(item)) this.#lost();
  }

  /** Where sockets do not get through, the server is asked; and once it answers, the socket is tried anew. */
  #poll() {
    this.#later(POLL_MS, async () => {
      const item = await this.#ask();
      if (item === null) return this.#poll();
      this.#listener.onLine(false);
      return item && !isOver(item) ? this.#open() : undefined;
    });
  }

  /** @returns {Promise<import("./words.js").ExportItem | null | undefined>} null: no answer now; undefined: there is nothing to follow */
  async #ask() {
    try {
      const item = await getJson(`/api/exports/${encodeURIComponent(this.#id)}`, this.#leaving.signal);
      this.#listener.onItem(item);
      return item;
    } catch (error) {
      if (GONE.includes(error.status) || error.name === "AbortError") return undefined;
      this.#listener.onLine(true);
      return null;
    }
  }

  #later(milliseconds, act) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, milliseconds);
    this.#timers.add(timer);
  }
}
