/** A page of the list of jobs that stays true: what goes on is followed, what is new is asked for now and then. */

import { getJson, sendJson } from "../api.js";
import { followJob } from "./following.js";
import { filesOf, isOver, kindOf, stateOf } from "./words.js";

const ROWS = 20;
const REFRESH_MS = 4000; // for jobs that others make, and for what no socket tells; only while the page is seen
const NAMED = 100; // of the newest files, by which jobs that are over are called
const FOLLOWED = 12; // jobs; more are kept true by asking for the list

export const SHOWN = {
  all: [],
  going: ["queued", "running"],
  over: ["succeeded", "failed", "cancelled"],
};

export class JobFeed extends EventTarget {
  /** @type {import("./words.js").Job[] | null} null until the first answer */
  jobs = null;
  /** @type {string | null} where the older ones begin */
  next = null;
  /** @type {string | null} */
  problem = null;
  /** What happened last, for a screen reader. */
  news = "";

  /** @type {Map<string, string | null>} by job, what its files are called; null: there are none any more */
  names = new Map();

  /** @type {Map<string, () => void>} */
  #followed = new Map();
  #leaving = new AbortController();
  #timer = null;
  #query;

  /** @param {string} show - of `SHOWN` @param {string | null} before - the cursor of this page */
  constructor(show, before) {
    super();
    const query = new URLSearchParams({ limit: ROWS, ...(before && { cursor: before }) });
    for (const state of SHOWN[show] ?? []) query.append("state", state);
    this.#query = query;
  }

  start() {
    const { signal } = this.#leaving;
    const whenSeen = () => document.visibilityState === "visible" && this.refresh();
    addEventListener("visibilitychange", whenSeen, { signal });
    addEventListener("online", whenSeen, { signal });
    this.#timer = setInterval(whenSeen, REFRESH_MS);
    this.refresh();
  }

  stop() {
    this.#leaving.abort();
    clearInterval(this.#timer);
    for (const stop of this.#followed.values()) stop();
    this.#followed.clear();
  }

  /** Ask for the page anew. */
  async refresh() {
    try {
      const { jobs, next_cursor: next } = await getJson(`/api/jobs?${this.#query}`, this.#leaving.signal);
      const known = new Map(this.jobs?.map((job) => [job.id, job]));
      this.jobs = jobs.map((job) => this.#newer(known.get(job.id), job));
      this.next = next;
      this.problem = null;
      this.#follow();
      this.#name();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.problem = error.message;
      if (error.status === 401 || error.status === 403) clearInterval(this.#timer); // until somebody signs in
    }
    this.#changed();
  }

  /** A job was just made here. @param {import("./words.js").Job} job */
  async made(job) {
    this.news = `${kindOf(job)} is begun.`;
    await this.refresh();
  }

  /** Ask for a job's end. Rejects with what can be shown. */
  async cancel(id) {
    this.#put(await sendJson("POST", `/api/jobs/${encodeURIComponent(id)}/cancel`));
  }

  #follow() {
    const going = this.jobs.filter((job) => !isOver(job)).slice(0, FOLLOWED);
    const wanted = new Set(going.map(({ id }) => id));
    for (const [id, stop] of this.#followed) {
      if (wanted.has(id)) continue;
      stop();
      this.#followed.delete(id);
    }
    for (const { id, last_event: last } of going) {
      if (!this.#followed.has(id)) this.#followed.set(id, followJob(id, last, (event) => this.#take(id, event)));
    }
  }

  /** Progress is in the event itself; for anything else the job is asked for. */
  async #take(id, { seq, kind, data }) {
    const job = this.jobs?.find((one) => one.id === id);
    if (!job || seq <= job.last_event) return;
    if (kind === "progress") {
      const { progress, message } = data;
      this.#put({ ...job, state: "running", progress, message, last_event: seq }); // that it began may still be asked for
      return;
    }
    try {
      this.#put(await getJson(`/api/jobs/${encodeURIComponent(id)}`, this.#leaving.signal));
    } catch {
      // The list is asked for soon anyway.
    }
  }

  #put(job) {
    if (!this.jobs || this.#leaving.signal.aborted) return;
    this.jobs = this.jobs.map((known) => (known.id === job.id ? this.#newer(known, job) : known));
    this.#changed();
    this.#name();
  }

  /** A job does not repeat what was sent in, its title neither; the files that it made bear it. */
  async #name() {
    const nameless = this.jobs.filter((job) => filesOf(job).length && !this.names.has(job.id)).map(({ id }) => id);
    if (!nameless.length) return;
    for (const id of nameless) this.names.set(id, null);
    const { files } = await getJson(`/api/files?limit=${NAMED}`, this.#leaving.signal).catch(() => ({ files: [] }));
    for (const { source, name } of files) if (source) this.names.set(source, name.replace(/\.[^.]+$/, ""));
    this.#changed();
  }

  /** Whichever of two looks at a job knows more of its events. */
  #newer(known, job) {
    if (known && known.last_event > job.last_event) return known;
    if (known && stateOf(known) !== stateOf(job)) this.news = `${kindOf(job)}: ${stateOf(job)}.`;
    return job;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
