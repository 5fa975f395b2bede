/** The jam of this tab: its session, its music, and what it costs. It plays on while other pages of the studio are looked
 * at, and can be taken up again after a reload. */

import { session } from "../account/session.js";
import { closeSession, reseed, splice, startJam, statusOf, stopJam } from "./api.js";
import { fieldsOf } from "./controls.js";
import { rememberedSession, rememberSession } from "./memory.js";
import { JamPlayer } from "./player.js";
import { barSeconds, chunksAhead, setupFields } from "./setup.js";
import { JamSocket } from "./socket.js";
import { Tuning } from "./tuning.js";
import { makeSession, pause } from "./warming.js";
import { endOf } from "./words.js";

const LOOK_MS = 150; // between two looks whether the music before is over
const STOP_PATIENCE_MS = 15_000;
const LOCAL = "local"; // whoever uses their own machine without an account

/**
 * What is asked for.
 *
 * @typedef {object} Order
 * @property {import("./loop.js").Loop} loop
 * @property {import("./setup.js").Setup} setup
 * @property {import("./controls.js").Controls} controls
 * @property {number} rateHz
 */

/** Fires `change` whenever something about it is new. */
class Jam extends EventTarget {
  /** off: there is no session. found: one that was begun before this page was loaded. ready: it is warm, and silent.
   *
   * @type {"off" | "found" | "warming" | "starting" | "playing" | "stopping" | "ready" | "closing"} */
  phase = "off";
  /** @type {import("./loop.js").Loop | null} that which was chosen; not always that which is played */
  loop = null;
  /** @type {import("./loop.js").Loop | null} */
  playedLoop = null;
  /** @type {import("./setup.js").Setup | null} of what is played */
  setup = null;
  /** @type {JamPlayer | null} of what is played, or was last */
  player = null;
  /** @type {object | null} how the session stands, as the server told last; `atMs`: when */
  status = null;
  /** @type {60 | 30 | 10 | null} seconds of credit that are left at most */
  warning = null;
  connected = true;
  /** @type {string | null} what went wrong, for a person */
  problem = null;
  /** What happened last, for a person. */
  news = "";
  /** @type {number | null} from the click to the first sound */
  firstSoundMs = null;

  #owner = null;
  #sessionId = null;
  #socket = null;
  #tuning = null;
  #over = true; // no more music comes
  #received = -1; // index of the newest chunk
  #closed = null; // what the server said when it closed the session
  #passing = false; // whether the problem is gone as soon as music comes
  #clickedMs = 0;
  #leaving = new AbortController(); // of what is under way

  constructor() {
    super();
    session.addEventListener("change", () => this.#changeOwner());
  }

  /** Whether what is turned is not yet what the server plays by. */
  get turning() {
    return this.phase === "playing" && !this.#tuning.settled;
  }

  /** @param {import("./loop.js").Loop | null} loop */
  choose(loop) {
    this.#changed({ loop, problem: null });
  }

  /** Call inside the click. @param {Order} order @param {number} clickedMs - the click's `timeStamp` */
  async start(order, clickedMs) {
    if (!["off", "ready", "found"].includes(this.phase)) return;
    if (this.phase === "found") await this.close();
    this.#clickedMs = clickedMs;
    this.#open(order.setup, order.rateHz);
    this.#changed({ phase: this.#sessionId ? "starting" : "warming", playedLoop: order.loop, problem: null, news: "" });
    const { signal } = this.#leaving;
    try {
      if (!this.#sessionId) await makeSession(signal, (id) => this.#made(id));
      this.#changed({ phase: "starting" });
      await this.#untilOver(signal);
      const fields = { ...setupFields(order.setup, order.rateHz), ...fieldsOf(order.controls) };
      await startJam(this.#sessionId, order.loop.file, fields, signal);
      this.#listen(order.controls, null);
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    }
  }

  /** Falls silent at the next bar line. The session stays warm. */
  stop() {
    if (this.phase === "warming" || this.phase === "starting") return void this.close();
    if (this.phase !== "playing") return;
    if (!this.#socket.send({ type: "stop" })) stopJam(this.#sessionId).catch((error) => this.#changed({ problem: error.message }));
    this.#changed({ phase: "stopping", news: "" });
    this.#consume(this.#received); // so that the rest can come, and the server is done with it
    this.player.stopAtBar(barSeconds(this.setup) * this.player.rateHz);
  }

  /** The end of the session: nothing more is billed. */
  async close() {
    const id = this.#sessionId;
    if (this.phase === "off" || this.phase === "closing") return;
    this.#leave();
    this.player?.stopNow();
    this.#changed({ phase: "closing", problem: null });
    try {
      const end = id && (await closeSession(id));
      this.#forget(end ? endOf(end) : "");
    } catch (error) {
      if (error.status === 404) this.#forget("The session had ended.");
      else this.#changed({ phase: "ready", problem: error.message });
    }
  }

  /** Takes up the session that was found. Call inside the click. */
  resume(controls, clickedMs) {
    const { next, rateHz, setup } = rememberedSession();
    this.#clickedMs = clickedMs;
    this.#open(setup, rateHz);
    if (!this.status.jam_running) return this.#changed({ phase: "ready" });
    this.#listen(null, next);
    this.#tuning.want(controls);
  }

  /** @param {import("./controls.js").Controls} controls */
  turn(controls) {
    if (this.phase !== "playing") return;
    this.#tuning.want(controls);
    this.#changed();
  }

  /** Plays on from the loop that was chosen. @param {number} anchorBars - to keep of what was played; 0: none, at once */
  async switchLoop(anchorBars) {
    const { loop } = this;
    try {
      if (anchorBars) await splice(this.#sessionId, loop.file, anchorBars);
      else await reseed(this.#sessionId, loop.file);
      this.#changed({ playedLoop: loop, problem: null, news: `It goes on from ${loop.name}.` });
    } catch (error) {
      this.#changed({ problem: error.message });
    }
  }

  /** Looks whether a session of whoever is signed in was begun before this page was loaded. */
  async find() {
    const remembered = rememberedSession();
    if (this.phase !== "off" || !this.#owner || remembered?.owner !== this.#owner) return;
    try {
      const status = await statusOf(remembered.sessionId);
      if (this.phase !== "off") return;
      if (status.billing_state !== "active") return rememberSession(null);
      this.#sessionId = remembered.sessionId;
      this.#changed({ phase: "found", setup: remembered.setup, status: { ...status, atMs: performance.now() } });
    } catch (error) {
      if (error.status === 404) rememberSession(null);
    }
  }

  #made(sessionId) {
    this.#sessionId = sessionId;
    this.#remember(null);
  }

  /** The jam before this one is stopped; the server may still be at its last bar. */
  async #untilOver(signal) {
    const deadline = performance.now() + STOP_PATIENCE_MS;
    while (!this.#over && performance.now() < deadline) await pause(LOOK_MS, signal);
  }

  #open(setup, rateHz) {
    this.player?.dispose();
    const player = new JamPlayer(rateHz);
    player.addEventListener("began", ({ piece }) => this.#began(piece));
    player.addEventListener("silent", () => this.#silent());
    player.addEventListener("change", () => this.#changed());
    this.#closed = null;
    Object.assign(this, { player, setup, firstSoundMs: null, warning: null, connected: true });
  }

  #listen(controls, next) {
    this.#leave();
    if (next === null) this.#remember(null);
    this.#over = false;
    this.#received = -1;
    this.#tuning = new Tuning(controls, (change) => this.#socket.send({ type: "update", ...change }));
    this.#socket = new JamSocket(
      this.#sessionId,
      { next, ahead: chunksAhead(this.setup) },
      {
        onmessage: (message) => this.#read(message),
        onchunk: (...chunk) => this.#hear(...chunk),
        onconnection: (connected) => this.#onConnection(connected),
        onclose: (problem) => this.#gone(problem),
      },
    );
    this.#changed({ phase: "playing" });
  }

  #read(message) {
    const { type } = message;
    if (type === "state") this.#fine({ status: { ...message, atMs: performance.now() } });
    else if (type === "warning") this.#changed({ warning: message.seconds_left });
    else if (type === "updated") this.#answered(null, false);
    else if (type === "error") this.#answered(message.message, message.retryable);
    else if (type === "ended") this.#musicIsMade();
    else if (type === "closed") this.#closed = message;
  }

  #hear(index, sound, metadata) {
    this.#received = index;
    if (this.phase !== "playing") this.#consume(index); // it was stopped: nothing of this is heard
    else if (!this.#play(index, sound, metadata)) return;
    if (metadata.last) this.#musicIsOver();
  }

  #play(index, sound, metadata) {
    try {
      this.player.add(index, sound, metadata);
      this.#fine();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  #began(piece) {
    this.firstSoundMs ??= performance.now() - this.#clickedMs + this.player.millisecondsUntil(piece);
    this.#consume(piece.index);
    this.#remember(piece.index + 1);
    this.#changed();
  }

  #consume(index) {
    if (index >= 0) this.#socket?.send({ type: "consume", index });
  }

  #answered(problem, passing) {
    this.#tuning?.answered();
    this.#passing = passing;
    this.#changed({ problem });
  }

  /** It goes on: what passes has passed. */
  #fine(facts = {}) {
    this.#changed(this.#passing ? { ...facts, problem: null } : facts);
    this.#passing = false;
  }

  #onConnection(connected) {
    if (connected) {
      const [heard] = this.player.indexes;
      if (heard !== undefined) this.#consume(heard); // what was told before may not have arrived
      this.#tuning.flush();
    } else {
      this.#tuning.lost();
    }
    this.#changed({ connected });
  }

  /** The server makes nothing more, but may still have to send some of it. */
  #musicIsMade() {
    if (this.#received >= (this.status?.last_made_index ?? -1)) this.#musicIsOver();
  }

  /** All has come, and is heard to its end. */
  #musicIsOver() {
    this.#over = true;
    if (!this.player.playing) this.#silent();
  }

  #silent() {
    if (this.#closed) this.#forget(endOf(this.#closed));
    else if (this.phase === "stopping" || (this.phase === "playing" && this.#over)) this.#changed({ phase: "ready" });
    else this.#changed(); // it ran dry, and more will come
  }

  /** The line is closed for good: the session ended, or the server refuses it. */
  #gone(problem) {
    if (problem) return this.#forget("", problem);
    this.#over = true;
    if (!this.player.playing) this.#silent();
    else this.#changed({ phase: "stopping", news: endOf(this.#closed) });
  }

  #failed(error) {
    if (this.phase === "playing") stopJam(this.#sessionId).catch(() => {}); // it may be dead, or falls asleep
    this.#leave();
    this.player?.stopNow();
    const dead = error.status === 404 || error.code === "session_closed" || !this.#sessionId;
    if (dead) this.#forget("", error.message);
    else this.#changed({ phase: "ready", problem: error.message });
  }

  #changeOwner() {
    const owner = session.balance ? (session.user?.id ?? LOCAL) : null;
    if (owner === this.#owner) return;
    const before = this.#owner;
    this.#owner = owner;
    if (before) {
      this.#leave();
      this.player?.stopNow();
      this.#sessionId = null;
      this.#changed({ phase: "off", status: null, problem: null, news: "", warning: null });
    }
    this.find();
  }

  #remember(next) {
    rememberSession({ sessionId: this.#sessionId, owner: this.#owner, next, rateHz: this.player.rateHz, setup: this.setup });
  }

  #forget(news, problem = null) {
    rememberSession(null);
    this.#leave();
    this.#sessionId = null;
    this.#changed({ phase: "off", status: null, warning: null, connected: true, news, problem });
  }

  /** Whatever is under way is none of ours any more. */
  #leave() {
    this.#leaving.abort();
    this.#leaving = new AbortController();
    this.#tuning?.dispose();
    this.#socket?.close();
    this.#socket = null;
    this.#over = true;
  }

  #changed(facts = {}) {
    Object.assign(this, facts);
    this.dispatchEvent(new Event("change"));
  }
}

export const jam = new Jam();
