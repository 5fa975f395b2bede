/** How a jam begins: what cannot be turned any more once it plays. */

/**
 * @typedef {object} Setup
 * @property {number} bpm
 * @property {number} beatsPerBar
 * @property {number} barsPerChunk
 * @property {string} loudness - `auto`, `lufs`, `rms` or `none`
 * @property {number} headroomDb
 * @property {string} seed - empty: another one each time
 */

/** @type {Setup} */
export const USUAL_SETUP = { bpm: 120, beatsPerBar: 4, barsPerChunk: 1, loudness: "auto", headroomDb: 1, seed: "" };

const LONGEST_CHUNK_SECONDS = 32;
const PLAYABLE_HZ = [22_050, 96_000]; // rates that every browser's audio clock can run at
const USUAL_HZ = 48_000;
const AHEAD_SECONDS = 3; // of music that is here before it is needed: a hiccup of the line is not heard
const MOST_AHEAD = 4;
const MADE_AHEAD = 2; // chunks that the server makes beyond those that it sends

/** @param {Setup} setup @returns {string | null} what is wrong with it */
export function wrongWith(setup) {
  const { bpm, headroomDb, seed } = setup;
  if (!(bpm >= 20 && bpm <= 300)) return "The tempo must be between 20 and 300 beats per minute.";
  if (!(headroomDb >= 0 && headroomDb <= 24)) return "The headroom must be between 0 and 24 dB.";
  if (!/^\d{0,18}$/.test(seed)) return "The seed must be a whole number of at most 18 digits.";
  if (chunkSeconds(setup) > LONGEST_CHUNK_SECONDS)
    return `A piece of ${chunkSeconds(setup).toFixed(1)} s is too long: take fewer bars, so that it has at most ${LONGEST_CHUNK_SECONDS} s.`;
  return null;
}

export function barSeconds({ bpm, beatsPerBar }) {
  return (60 / bpm) * beatsPerBar;
}

function chunkSeconds(setup) {
  return barSeconds(setup) * setup.barsPerChunk;
}

/** How many chunks the server sends past the one that is heard. */
export function chunksAhead(setup) {
  return Math.min(Math.max(Math.ceil(AHEAD_SECONDS / chunkSeconds(setup)), 1), MOST_AHEAD);
}

/** Bars from a turn of a knob until it is heard, at most. */
export function barsUntilHeard(setup) {
  return (chunksAhead(setup) + MADE_AHEAD + 1) * setup.barsPerChunk;
}

/** The rate to play at: the loop's own, where a browser can. @param {number | undefined} loopHz */
export function rateFor(loopHz) {
  return loopHz >= PLAYABLE_HZ[0] && loopHz <= PLAYABLE_HZ[1] ? loopHz : USUAL_HZ;
}

/** @param {Setup} setup @param {number} rateHz @returns {Object<string, string>} fields of `POST /jam/start` */
export function setupFields({ bpm, beatsPerBar, barsPerChunk, loudness, headroomDb, seed }, rateHz) {
  return {
    bpm: String(bpm),
    beats_per_bar: String(beatsPerBar),
    bars_per_chunk: String(barsPerChunk),
    loudness_mode: loudness,
    loudness_headroom_db: String(headroomDb),
    target_sample_rate: String(rateHz),
    seed,
  };
}
