/** Where a jam is heard and seen. */

import { html } from "../html.js";
import { duration } from "../speech/seconds.js";
import { Counter } from "./counter.js";
import { Credit } from "./credit.js";
import { barSeconds } from "./setup.js";
import { Spectrogram } from "./spectrogram.js";

/**
 * @param {object} props
 * @param {import("./jam.js").jam} props.jam
 * @param {import("./setup.js").Setup} props.setup - before there is one that is played
 * @param {object} props.children - what begins and ends it
 */
export function Stage({ jam, setup, children }) {
  const { player } = jam;
  const played = jam.setup ?? setup;
  return html`
    <section class="stage" aria-label="What is heard">
      <${Spectrogram} player=${player} barFrames=${player ? barSeconds(played) * player.rateHz : null} />
      <${Counter} player=${player} setup=${played} />
      ${children}
      <dl class="figures" aria-label="Measured">
        <${Credit} jam=${jam} />
        <div>
          <dt>click to first sound</dt>
          <dd data-figure="first-sound">${jam.firstSoundMs === null ? "–" : duration(jam.firstSoundMs)}</dd>
        </div>
        <div>
          <dt>gaps</dt>
          <dd data-figure="gaps">${player ? player.gaps : "–"}</dd>
        </div>
        <div>
          <dt>played at</dt>
          <dd data-figure="rate">${player ? `${player.rateHz / 1000} kHz` : "–"}</dd>
        </div>
      </dl>
      <${Download} jam=${jam} />
    </section>
  `;
}

function Download({ jam }) {
  const { player } = jam;
  const ready = Boolean(player && (player.take.frames || player.playing));
  return html`
    <div class="take">
      <button type="button" aria-disabled=${ready ? "false" : "true"} onClick=${() => ready && save(player)}>Download the take</button>
      <p class="hint">All that was heard, as a WAV file, to the sample.</p>
    </div>
  `;
}

function save(player) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(player.file());
  link.download = `jam ${new Date().toLocaleString("sv").replaceAll(":", ".")}.wav`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // after the browser has read it
}
