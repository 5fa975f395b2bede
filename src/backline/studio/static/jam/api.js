/** The HTTP calls of the jam page. Each rejects with an Error whose message can be shown. */

import { getJson, sendForm } from "../api.js";

/** A session of one's own. @returns {Promise<{session_id: string, warmed: boolean}>} it may still be warming up */
export async function warmUp(signal) {
  return sendForm("/jam/warmup", {}, signal);
}

/** How a session stands; also keeps it alive. */
export async function statusOf(sessionId, signal) {
  return getJson(`/jam/status?session_id=${encodeURIComponent(sessionId)}`, signal);
}

/**
 * @param {string} sessionId
 * @param {Blob} loop
 * @param {Object<string, string>} fields - of `/jam/start`
 */
export async function startJam(sessionId, loop, fields, signal) {
  return sendForm("/jam/start", { session_id: sessionId, ...fields, loop_audio: loop }, signal);
}

/** No more music after the next bar line; the session stays. */
export async function stopJam(sessionId) {
  return sendForm("/jam/stop", { session_id: sessionId });
}

/** The end of the session. @returns {Promise<{total_charged: string}>} */
export async function closeSession(sessionId) {
  return sendForm("/jam/close", { session_id: sessionId });
}

/** Forget the loop that was heard; go on from this one. */
export async function reseed(sessionId, loop) {
  return sendForm("/jam/reseed", { session_id: sessionId, loop_audio: loop });
}

/** Go on from this loop, but keep the newest bars of what was played. */
export async function splice(sessionId, loop, anchorBars) {
  return sendForm("/jam/reseed_splice", { session_id: sessionId, anchor_bars: String(anchorBars), combined_audio: loop });
}

/**
 * What the server hears in a loop.
 *
 * @returns {Promise<{bpm: number, clarity: number, duration_seconds: number, sample_rate: number, channels: number,
 *   key: string | object | null, lufs: number | null}>}
 */
export async function listenTo(loop, signal) {
  return sendForm("/jam/listen", { loop_audio: loop }, signal);
}
