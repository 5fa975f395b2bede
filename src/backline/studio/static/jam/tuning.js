/** Turning while it plays: what was turned is sent once the hand rests a moment, and only what differs from what the
 * server plays by. One change is under way at a time, so that none overtakes another. */

import { difference } from "./controls.js";

const REST_MS = 120;

export class Tuning {
  #known; // what the server plays by
  #wanted;
  #sent = null; // what it will play by once it has said so
  #send;
  #timer = 0;

  /**
   * @param {import("./controls.js").Controls | null} known - null: nobody knows, so that all is sent
   * @param {(change: object) => boolean} send - false: not now
   */
  constructor(known, send) {
    this.#known = this.#wanted = known;
    this.#send = send;
  }

  /** Whether the server has been told everything, and has said so. */
  get settled() {
    return !this.#sent && !this.#timer && (!this.#wanted || !difference(this.#known, this.#wanted));
  }

  /** @param {import("./controls.js").Controls} controls */
  want(controls) {
    this.#wanted = controls;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), REST_MS);
  }

  /** The server plays by what was sent last; or refuses it, which is not asked for again. */
  answered() {
    if (!this.#sent) return;
    this.#known = this.#sent;
    this.#sent = null;
    if (!this.#timer) this.flush();
  }

  /** The line dropped: whether the last change arrived is not known. */
  lost() {
    this.#sent = null;
  }

  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const change = this.#wanted && !this.#sent && difference(this.#known, this.#wanted);
    if (change && this.#send(change)) this.#sent = this.#wanted;
  }

  dispose() {
    clearTimeout(this.#timer);
  }
}
