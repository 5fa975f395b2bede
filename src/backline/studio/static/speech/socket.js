/** One utterance over the server's WebSocket `/v1/tts/ws`. */

import { socketUrl } from "../api.js";

const WORDS_FOR_CLOSE = {
  1001: "The server is going away.",
  1008: "The server refused the connection.",
  1009: "The text is too long for one message.",
  1013: "The server is busy. Try again in a moment.",
};

/**
 * What the server tells. `onclose` comes once, last; its argument says what went wrong, if anything did.
 *
 * @typedef {object} SocketEvents
 * @property {(message: object) => void} onmessage - every JSON message, as contracted
 * @property {(bytes: ArrayBuffer) => void} onsound
 * @property {(problem: string | null) => void} onclose
 */

export class SpeechSocket {
  #socket = null;
  #finished = false;
  #left = false;

  /**
   * @param {object} config - the fields of `session.config`
   * @param {string} text
   * @param {SocketEvents} events
   */
  constructor(config, text, events) {
    socketUrl("/v1/tts/ws").then(
      (url) => this.#left || this.#open(url, config, text, events),
      (error) => this.#left || events.onclose(error.message),
    );
  }

  /** No more sound is wanted. The server says what was made, and ends. */
  cancel() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send({ type: "cancel" });
    else this.close();
  }

  /** Leaves without waiting for an answer; tells nothing more. */
  close() {
    this.#left = true;
    if (!this.#socket) return;
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }

  #open(url, config, text, events) {
    this.#socket = new WebSocket(url);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => {
      this.#send({ type: "session.config", ...config });
      this.#send({ type: "input.text", text });
      this.#send({ type: "input.done" });
    };
    this.#socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#read(JSON.parse(data), events);
      else events.onsound(data);
    };
    this.#socket.onclose = (event) => events.onclose(this.#finished ? null : problem(event));
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #read(message, events) {
    if (message.type === "session.done" || message.type === "error") this.#finished = true;
    events.onmessage(message);
  }
}

function problem({ code, reason }) {
  if (reason) return reason;
  return WORDS_FOR_CLOSE[code] ?? "The connection to the server broke. Is it still running?";
}
