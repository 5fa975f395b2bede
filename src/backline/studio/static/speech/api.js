/** The HTTP calls of the speech page. Each rejects with an Error whose message can be shown. */

/** What there is to choose from: engines with their voices and languages, and the formats. */
export async function fetchOffer() {
  return (await request("/v1/tts/health")).json();
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
    return await (await post("/v1/tts/normalize", { text, language }, signal)).json();
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
  return (await post("/v1/tts/generate", wishes)).blob();
}

async function post(path, body, signal) {
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
  return request(path, init);
}

async function request(path, init) {
  const response = await fetch(path, init).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("The server does not answer. Is it still running?");
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail ?? `The server answered ${response.status}.`), {
    status: response.status,
  });
}
