/** What jobs are called, how they stand, and why they failed, in plain words. */

import { roughly } from "../units.js";

const OVER = ["succeeded", "failed", "cancelled"];

const STATES = { queued: "Waiting", running: "Running", succeeded: "Done", failed: "Failed", cancelled: "Cancelled" };

const FINAL_PHASE = "Saving the result";

const DIED = "The program that did the work ended unexpectedly. Please start it again.";
const ELSEWHERE = "The machine that did the work is not there. Please start it again later.";

/** For codes whose own detail is for engineers; others say what was wrong themselves. */
const REASONS = {
  child_died: DIED,
  child_failed: DIED,
  child_hung: "The work stood still for too long. Please start it again.",
  child_said_too_much: DIED,
  child_told_to_end: DIED,
  work_hung: "The work stood still for too long. Please start it again.",
  work_failed: "Something went wrong on the server. Please start it again.",
  job_lost: "The work was cut off too often. Please start it again.",
  remote_unknown: ELSEWHERE,
  provider_gone: ELSEWHERE,
  provider_unavailable: ELSEWHERE,
  unknown_function: ELSEWHERE,
  remote_expired: "The result was not fetched in time. Please start it again.",
  call_failed: "Something went wrong on the machine that did the work. Please start it again.",
  call_cancelled: "The work was stopped elsewhere. Please start it again.",
  insufficient_credits: "There was not enough credit to finish. Nothing was charged.",
};

/**
 * @typedef {object} Job - of `/api/jobs`
 * @property {string} id
 * @property {string} kind
 * @property {"queued" | "running" | "succeeded" | "failed" | "cancelled"} state
 * @property {string | null} phase
 * @property {number} progress - 0 to 1
 * @property {string | null} message
 * @property {number} attempt
 * @property {boolean} cancel_requested
 * @property {Object<string, any> | null} result
 * @property {{code: string, detail: string} | null} error
 * @property {string} created
 * @property {string | null} started
 * @property {string | null} finished
 * @property {number} last_event
 */

/** @param {Job} job */
export function isOver(job) {
  return OVER.includes(job.state);
}

/** @param {Job} job @returns {string} `Long speech` */
export function kindOf({ kind }) {
  const words = kind.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @param {Job} job */
export function stateOf(job) {
  if (isOver(job)) return STATES[job.state];
  if (job.cancel_requested) return "Cancelling";
  return job.phase === "finalizing" ? FINAL_PHASE : STATES[job.state];
}

/** @param {Job} job */
export function reasonOf({ error }) {
  return REASONS[error.code] ?? (error.detail || "Something went wrong on the server.");
}

/** @param {Job} job @param {number} now - ms @returns {string} how long it took, has taken, and may take */
export function timesOf(job, now) {
  if (!job.started) return job.state === "queued" ? `for ${roughly((now - Date.parse(job.created)) / 1000)}` : "";
  const end = job.finished ? Date.parse(job.finished) : now;
  const seconds = Math.max(0, (end - Date.parse(job.started)) / 1000);
  if (isOver(job)) return `took ${roughly(seconds)}`;
  const share = job.progress;
  const guess = share > 0.02 && share < 1 && seconds > 3 && !job.cancel_requested;
  return `for ${roughly(seconds)}${guess ? `, about ${roughly((seconds / share) * (1 - share))} left` : ""}`;
}

/** @param {Job} job @returns {{id: string, title: string}[]} the files that its result names */
export function filesOf({ result }) {
  return Object.entries(result ?? {})
    .filter(([name, value]) => /(^|_)file_id$/.test(name) && typeof value === "string")
    .map(([name, id]) => ({ id, title: titleOf(name.replace(/_?file_id$/, "")) }));
}

/** @param {Job} job @returns {string} how much sound it made, where its product says so */
export function soundOf({ result }) {
  const seconds = result?.audio_seconds;
  return typeof seconds === "number" ? `${roughly(seconds)} of sound` : "";
}

function titleOf(name) {
  const words = (name || "result").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
