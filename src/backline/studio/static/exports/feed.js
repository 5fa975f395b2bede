/** The list of exports that stays true: what goes on is followed, what ended while nobody looked is told. */

import { getJson, sendJson } from "../api.js";
import { Following } from "./following.js";
import { orderOf, remember } from "./orders.js";
import { isOver, titleOf } from "./words.js";

const RECENT_HOURS = 168;
const RETRY_MS = 5000; // while the list cannot be had
const FOLLOWED = 12; // exports at once

export class ExportFeed extends EventTarget {
  /** @type {import("./words.js").ExportItem[] | null} null until the first answer; the newest first */
  items = null;
  /** @type {string | null} */
  problem = null;
  /** What happened last, for a screen reader. */
  news = "";
  /** @type {Set<string>} those that ended and were not seen before */
  fresh = new Set();
  /** @type {Set<string>} those whose line is cut */
  cut = new Set();
  /** @type {Map<string, number>} seconds left, by export */
  left = new Map();

  /** @type {Map<string, Following>} */
  #followed = new Map();
  #leaving = new AbortController();
  #timer = null;

  start() {
    const { signal } = this.#leaving;
    addEventListener("online", () => this.refresh(), { signal });
    addEventListener("visibilitychange", () => this.#acknowledge(), { signal });
    this.refresh();
  }

  stop() {
    this.#leaving.abort();
    clearTimeout(this.#timer);
    for (const following of this.#followed.values()) following.stop();
    this.#followed.clear();
  }

  /** Ask for all of them anew: what goes on, what ended unseen, and what was lately. */
  async refresh() {
    clearTimeout(this.#timer);
    const { signal } = this.#leaving;
    try {
      const lists = await Promise.all(
        ["active", "unacknowledged", `recent?hours=${RECENT_HOURS}`].map((path) => getJson(`/api/exports/${path}`, signal)),
      );
      const [, unseen] = lists;
      for (const { job_id: id } of unseen.exports) this.fresh.add(id);
      if (unseen.exports.length && !this.items) this.news = newsOf(unseen.exports);
      this.items = merged(lists.flatMap(({ exports }) => exports));
      this.problem = null;
      this.#follow();
      this.#acknowledge();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.problem = error.message;
      if (error.status !== 401 && error.status !== 403) this.#timer = setTimeout(() => this.refresh(), RETRY_MS);
    }
    this.#changed();
  }

  /** One was just made here. @param {import("./words.js").ExportItem} item */
  made(item) {
    this.news = `${titleOf(item)}: the export is begun.`;
    this.items = merged([item, ...(this.items ?? [])]);
    this.#follow();
    this.#changed();
  }

  /** Ask for its end. Rejects with what can be shown. */
  async cancel(id) {
    this.#put(await sendJson("DELETE", `/api/exports/${encodeURIComponent(id)}`));
  }

  /** The same again. However often it is asked for, it is one: the key is made of the failed one's name. */
  async again(id) {
    const body = orderOf(id);
    const item = await sendJson("POST", "/api/exports", body, undefined, { "Idempotency-Key": `again-${id}` });
    remember(item.job_id, body);
    this.made(item);
  }

  #follow() {
    const going = this.items.filter((item) => !isOver(item)).slice(0, FOLLOWED);
    const wanted = new Set(going.map(({ job_id: id }) => id));
    for (const [id, following] of this.#followed) {
      if (wanted.has(id)) continue;
      following.stop();
      this.#followed.delete(id);
    }
    for (const { job_id: id } of going) {
      if (this.#followed.has(id)) continue;
      const listener = {
        onTold: (told) => this.#take(id, told),
        onItem: (item) => this.#put(item),
        onLine: (lost) => this.#line(id, lost),
      };
      this.#followed.set(id, new Following(id, listener));
    }
  }

  #take(id, { progress, message, status, phase, seconds_left: left, done }) {
    if (typeof left === "number") this.left.set(id, left);
    else this.left.delete(id);
    if (done) return; // how it ended is asked for, with its result
    const item = this.items?.find((one) => one.job_id === id);
    if (item) this.#put({ ...item, progress, message, status, phase });
  }

  #line(id, lost) {
    if (lost === this.cut.has(id)) return;
    if (lost) this.cut.add(id);
    else this.cut.delete(id);
    this.#changed();
  }

  #put(item) {
    const { job_id: id } = item;
    const known = this.items?.find((one) => one.job_id === id);
    if (!known || this.#leaving.signal.aborted || (isOver(known) && !isOver(item))) return;
    const progress = isOver(item) ? item.progress : Math.max(item.progress, known.progress); // it never goes back
    this.items = this.items.map((one) => (one === known ? { ...item, progress } : one));
    if (isOver(item) && !isOver(known)) {
      this.cut.delete(id);
      if (item.status !== "cancelled") this.fresh.add(id);
      this.news = newsOf([item]);
      this.#follow();
      this.#acknowledge();
    }
    this.#changed();
  }

  /** What is on a page that is looked at has been seen. */
  async #acknowledge() {
    const unseen = (this.items ?? []).filter((item) => isOver(item) && !item.acknowledged_at).map(({ job_id: id }) => id);
    if (!unseen.length || document.visibilityState !== "visible") return;
    try {
      await sendJson("POST", "/api/exports/acknowledge", { job_ids: unseen }, this.#leaving.signal);
      const now = new Date().toISOString();
      this.items = this.items.map((one) => (unseen.includes(one.job_id) ? { ...one, acknowledged_at: now } : one));
    } catch {
      // It is told again with the next visit.
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** One of each, the newest first. */
function merged(items) {
  const byId = new Map();
  for (const item of items) if (!byId.has(item.job_id)) byId.set(item.job_id, item);
  return [...byId.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
}

const ENDS = { complete: "is done", error: "has failed", cancelled: "is cancelled" };

function newsOf(items) {
  return items.map((item) => `${titleOf(item)}: the export ${ENDS[item.status]}.`).join(" ");
}
