/** What exports are called, how they stand, and why they failed, in plain words. */

import { spoken } from "../speech/seconds.js";
import { roughly } from "../units.js";

export const TYPES = { framing: "Framing", overlay: "Spotlight", annotate: "Annotated clips", multi_clip: "Joined clips" };

const STATES = { pending: "Waiting", processing: "Rendering", complete: "Done", error: "Failed", cancelled: "Cancelled" };
const PHASES = { init: "Beginning", finalizing: "Saving the film" };

/** For codes whose own detail is for engineers; others say what was wrong themselves. */
const DIED = "The program that did the work ended unexpectedly.";
const REASONS = {
  child_died: DIED,
  child_failed: DIED,
  child_hung: "The work stood still for too long.",
  child_said_too_much: DIED,
  child_told_to_end: DIED,
  work_hung: "The work stood still for too long.",
  work_failed: "Something went wrong on the server.",
  job_lost: "The work was cut off too often.",
};

/**
 * @typedef {object} ExportItem - of `/api/exports`
 * @property {string} job_id
 * @property {string | null} project_name
 * @property {"framing" | "overlay" | "annotate" | "multi_clip"} type
 * @property {"pending" | "processing" | "complete" | "error" | "cancelled"} status
 * @property {"init" | "processing" | "finalizing" | "complete" | "error" | "cancelled"} phase
 * @property {number} progress - 0 to 100
 * @property {string | null} error
 * @property {string | null} error_code
 * @property {string | null} output_video_id - its file
 * @property {string | null} output_filename
 * @property {string | null} output_url
 * @property {string | null} encoder
 * @property {number | null} width
 * @property {number | null} height
 * @property {number | null} duration_seconds
 * @property {string | null} credits_consumed
 * @property {string} created_at
 * @property {string | null} acknowledged_at
 */

/** @param {ExportItem} item */
export function isOver({ status }) {
  return status === "complete" || status === "error" || status === "cancelled";
}

/** @param {ExportItem} item */
export function stateOf({ status, phase }) {
  return (status === "processing" && PHASES[phase]) || STATES[status];
}

/** @param {ExportItem} item */
export function titleOf({ output_filename: name, project_name: project, type }) {
  return project || name || TYPES[type];
}

/** @param {ExportItem} item */
export function reasonOf({ error, error_code: code }) {
  return REASONS[code] ?? (error || "Something went wrong on the server.");
}

/** @param {ExportItem} item @param {number | null} secondsLeft @returns {string[]} */
export function factsOf(item, secondsLeft) {
  if (!isOver(item)) return [TYPES[item.type], secondsLeft !== null && `about ${roughly(secondsLeft)} left`].filter(Boolean);
  const { width, duration_seconds: seconds, encoder, credits_consumed: paid } = item;
  return [
    TYPES[item.type],
    width && `${width}×${item.height}`,
    seconds && clock(seconds),
    encoder,
    Number(paid) > 0 && `${paid} s of credit`,
  ].filter(Boolean);
}

/** @param {number} seconds @returns {string} `1:02.50` */
export function clock(seconds) {
  const hundredths = Math.round(seconds * 100);
  const minutes = Math.floor(hundredths / 6000);
  return `${minutes}:${((hundredths % 6000) / 100).toFixed(2).padStart(5, "0")}`;
}

/** @param {number} seconds @returns {string} for a screen reader */
export function spokenClock(seconds) {
  return spoken(Math.round(seconds * 100) / 100);
}
