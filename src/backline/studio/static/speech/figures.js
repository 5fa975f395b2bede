/** The measured facts of a take. */

import { html } from "../html.js";
import { duration } from "./seconds.js";

/** @param {{take: import("./take.js").Take | null}} props */
export function Figures({ take }) {
  const known = (value, show) => (value === null || value === undefined ? "–" : show(value));
  return html`
    <dl class="figures" aria-label="Measured">
      <div class="hero">
        <dt>click to first sound</dt>
        <dd data-figure="first-sound">${known(take?.firstSoundMs, duration)}</dd>
      </div>
      <div>
        <dt>to first byte</dt>
        <dd data-figure="first-byte">${known(take?.firstByteMs, duration)}</dd>
      </div>
      <div>
        <dt>made in</dt>
        <dd data-figure="made-in">${known(take?.madeMs, duration)}</dd>
      </div>
      <div>
        <dt>real time</dt>
        <dd data-figure="real-time">${known(take?.madeMs && take.madeSeconds / take.madeMs, describeFactor)}</dd>
      </div>
      <div>
        <dt>played as</dt>
        <dd data-figure="played-as">${known(take?.sound, describeSound)}</dd>
      </div>
    </dl>
  `;
}

/** @param {number} factor - seconds of sound in a millisecond of making */
function describeFactor(factor) {
  return `${Number((factor * 1000).toPrecision(2))}×`;
}

function describeSound({ format, sample_rate: rateHz }) {
  return `${format}, ${rateHz / 1000} kHz`;
}
