/** What this server can do, and what of it fits together. */

/**
 * @typedef {{id: string, name: string, languages: string[]}} Voice
 * @typedef {{code: string, name: string}} Language
 * @typedef {{name: string, default: boolean, reason: string | null, languages?: Language[], voices?: Voice[]}} Engine -
 *   languages and voices are there when it runs
 * @typedef {{engines: Engine[], formats: {name: string, media_type: string}[]}} Health - of `/v1/tts/health`
 */

const FORMAT_TITLES = {
  wav: "WAV",
  pcm: "PCM, no header",
  opus: "Opus (Ogg)",
  webm: "Opus (WebM)",
  mp3: "MP3",
  aac: "AAC",
  mp4: "AAC (MP4)",
  flac: "FLAC",
  mulaw: "µ-law, no header",
};

/** @param {string} name */
export function formatTitle(name) {
  return FORMAT_TITLES[name] ?? name;
}

/**
 * Engines that can speak, the default one first.
 *
 * @param {Health} health
 * @returns {Engine[]}
 */
export function speakingEngines(health) {
  const able = health.engines.filter((engine) => engine.voices?.length);
  return able.sort((a, b) => Number(b.default) - Number(a.default));
}

/**
 * @param {Health} health
 * @returns {string | null} why nothing can be said unless an engine is asked for by name, and what to install
 */
export function whySilent({ engines }) {
  const defaults = engines.filter((engine) => engine.default);
  if (defaults.some((engine) => engine.voices?.length)) return null;
  return defaults.find((engine) => engine.reason)?.reason ?? "No speech engine is installed on this server.";
}

/**
 * Languages that any engine speaks, each once.
 *
 * @param {Engine[]} engines
 * @returns {Language[]}
 */
export function languagesOf(engines) {
  const byCode = new Map();
  for (const { languages } of engines) for (const language of languages) byCode.set(language.code, language);
  return [...byCode.values()];
}

/**
 * @param {Engine[]} engines
 * @param {string} wanted - a language code, or `auto`
 * @returns {string} the wanted one where it is offered, else `auto`
 */
export function chooseLanguage(engines, wanted) {
  return languagesOf(engines).some(({ code }) => code === wanted) ? wanted : "auto";
}

/**
 * @param {Engine[]} engines
 * @param {string} language - a code, or `auto` for any
 * @returns {{engine: string, voices: Voice[]}[]} voices that speak it, by engine
 */
export function voicesFor(engines, language) {
  const fits = (voice) => language === "auto" || voice.languages.includes(language);
  return engines
    .map(({ name, voices }) => ({ engine: name, voices: voices.filter(fits) }))
    .filter(({ voices }) => voices.length);
}

/**
 * @param {{engine: string, voices: Voice[]}[]} groups
 * @param {string | null} wanted - a voice id
 * @returns {string | null} the wanted voice where it is offered, else the first
 */
export function chooseVoice(groups, wanted) {
  const voices = groups.flatMap((group) => group.voices);
  return (voices.find(({ id }) => id === wanted) ?? voices[0])?.id ?? null;
}
