/** A loop for whoever has none at hand: drums and a bass, played by a few lines of arithmetic. */

import { floatWavOf } from "./wav.js";

const RATE_HZ = 48_000;
const BPM = 112;
const BEATS = 16;
const BASS_HZ = [55, 55, 65.41, 49]; // A, A, C, G: one a bar
const BASS_STEPS = [0, 1.5, 2, 3.5]; // beats of a bar

/** @returns {File} four bars at 112 beats a minute */
export function demoLoop() {
  const beat = (60 / BPM) * RATE_HZ;
  const channels = [0, 1].map(() => new Float32Array(Math.round(BEATS * beat)));
  const add = (beats, seconds, pan, sampleAt) => {
    const start = Math.round(beats * beat);
    for (let i = 0; i < seconds * RATE_HZ && start + i < channels[0].length; i++) {
      const sample = sampleAt(i / RATE_HZ);
      channels[0][start + i] += sample * (1 - pan);
      channels[1][start + i] += sample * (1 + pan);
    }
  };
  const hiss = noise(7);
  for (let at = 0; at < BEATS; at++) {
    if (at % 4 !== 3) add(at, 0.3, 0, (t) => 0.7 * Math.exp(-9 * t) * Math.sin(2 * Math.PI * (50 * t - 6 * Math.exp(-40 * t))));
    if (at % 2) add(at, 0.2, 0.05, (t) => Math.exp(-22 * t) * (0.22 * hiss() + 0.25 * Math.sin(2 * Math.PI * 190 * t)));
    for (const [off, loud] of [[0, 0.05], [0.5, 0.11], [0.75, 0.04]]) add(at + off, 0.06, 0.3, (t) => loud * Math.exp(-70 * t) * hiss());
  }
  BASS_HZ.forEach((hz, bar) => {
    for (const step of BASS_STEPS) add(4 * bar + step, 0.4, 0, (t) => 0.25 * Math.exp(-4 * t) * warm(hz * t) * Math.min(1, t * 200));
  });
  return new File([floatWavOf(channels, RATE_HZ)], "Demo, four bars at 112.wav", { type: "audio/wav" });
}

/** A tone with a few overtones. @param {number} turns - of its phase */
function warm(turns) {
  const phase = 2 * Math.PI * turns;
  return Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.25 * Math.sin(3 * phase);
}

/** The same noise every time (a linear congruential generator). */
function noise(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
