/** What the page says. */

import { spoken } from "../speech/seconds.js";

/** How a jam stands, for the line that a screen reader reads aloud. @param {import("./jam.js").jam} jam */
export function describe(jam) {
  const { phase, player } = jam;
  if (phase === "playing") return playing(jam);
  return (
    {
      found: "A session of yours is still open.",
      warming: "The engine warms up. That is not billed.",
      starting: "The loop is sent.",
      stopping: jam.news || "It stops at the bar line.",
      closing: "The session is being closed.",
      ready: `Stopped after ${spoken(player?.take.seconds ?? 0)}. The session stays warm, and is billed, until you end it.`,
    }[phase] ?? jam.news
  );
}

function playing({ connected, player, turning, problem, news }) {
  if (problem) return "";
  if (!player.allowed) return "The browser wants a click before it makes sound.";
  if (!connected) return "The line dropped. Calling again; the music goes on where it was.";
  if (!player.playing) return "Waiting for the music.";
  return turning ? "Telling the players." : news || "Playing.";
}

const LOST = "The engine is gone, and the session with it.";

const ENDS = {
  credits_exhausted: "The credit is used up, and the session is closed.",
  idle: "The session was closed, since nobody kept it alive.",
  server_stopped: "The server went away, and closed the session.",
  worker_lost: LOST,
  worker_unreachable: LOST,
  hold_expired: LOST,
};

/** @param {{close_reason: string | null, total_charged: string}} closed - what the server told of the end */
export function endOf({ close_reason: reason, total_charged: charged }) {
  const cost = Number(charged) ? ` It cost ${Number(Number(charged).toFixed(1))} s of credit.` : "";
  return `${ENDS[reason] ?? "The session is closed."}${cost}`;
}

const WARNINGS = {
  60: "A minute of credit is left.",
  30: "Half a minute of credit is left.",
  10: "Ten seconds of credit are left. The music stops at the next bar line when they are gone.",
};

/** @param {number | null} seconds @returns {string} */
export function warningOf(seconds) {
  return WARNINGS[seconds] ?? "";
}

/** @param {object | null} heard - what `/jam/listen` told @returns {string[]} */
export function factsOf(heard) {
  if (!heard) return [];
  const { key, lufs, sample_rate: rateHz, channels } = heard;
  return [
    key,
    lufs === null ? "silent" : `${lufs.toFixed(1)} LUFS`.replace("-", "−"),
    `${rateHz / 1000} kHz`,
    channels && (channels === 1 ? "mono" : channels === 2 ? "stereo" : `${channels} channels`),
  ].filter(Boolean);
}

/** @param {number} bars @returns {string} `4 bars`, `3.52 bars` */
export function barsOf(bars) {
  const whole = Math.abs(bars - Math.round(bars)) < 0.01;
  const amount = whole ? Math.round(bars) : Number(bars.toFixed(2));
  return `${amount} ${amount === 1 ? "bar" : "bars"}`;
}

/** @param {number} seconds @returns {string} `9:41` */
export function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
