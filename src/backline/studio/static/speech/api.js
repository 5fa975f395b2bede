/** The HTTP calls of the speech page. Each rejects with an Error whose message can be shown. */

import { getJson, send, sendJson } from "../api.js";

/** What there is to choose from: engines with their voices and languages, and the formats. */
export async function fetchOffer() {
  return getJson("/v1/tts/health");
}

/**
 * How a text will be read.
 *
 * @param {string} text
 * @param {string} language - a code, or `auto`
 * @param {AbortSignal} signal
 * @returns {Promise<{text: string, language: string, spans: object[]} | null>} null when this server cannot tell
 */
export async function fetchReading(text, language, signal) {
  try {
    return await sendJson("POST", "/v1/tts/normalize", { text, language }, signal);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/**
 * The same speech as a file.
 *
 * @param {object} wishes - the fields of `/v1/tts/generate`
 * @returns {Promise<Blob>}
 */
export async function fetchFile(wishes) {
  return (await send("POST", "/v1/tts/generate", wishes)).blob();
}
