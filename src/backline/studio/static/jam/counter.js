/** Where the music is: bar, beat and time, on the audio clock. */

import { html, useEffect, useRef } from "../html.js";
import { clock } from "../speech/seconds.js";
import { barSeconds } from "./setup.js";

/** @param {{player: import("./player.js").JamPlayer | null, setup: import("./setup.js").Setup}} props */
export function Counter({ player, setup }) {
  const bar = useRef();
  const time = useRef();
  const beats = useRef();
  useEffect(() => {
    let pending = 0;
    const frame = () => {
      if (!bar.current) return; // the page was left; what ends this comes a moment later
      pending = requestAnimationFrame(frame);
      show(player, setup, bar.current, time.current, beats.current);
    };
    frame();
    return () => cancelAnimationFrame(pending);
  }, [player, setup]);
  return html`
    <div class="counter" role="timer" aria-label="Bar and beat">
      <p class="bar-number"><span class="of">Bar</span> <b ref=${bar} data-bar>–</b></p>
      <p class="beats" ref=${beats} aria-hidden="true">
        ${Array.from({ length: setup.beatsPerBar }, (_, beat) => html`<i key=${beat}></i>`)}
      </p>
      <p class="clock" ref=${time} data-heard>0:00.0</p>
    </div>
  `;
}

/** Written by hand instead of rendered: sixty times a second. */
function show(player, setup, bar, time, beats) {
  const position = player?.position ?? null;
  const frames = barSeconds(setup) * (player?.rateHz ?? 1);
  const now = position === null ? null : position / frames;
  write(bar, now === null ? (player?.take.frames ? String(Math.round(player.take.frames / frames)) : "–") : String(Math.floor(now) + 1));
  write(time, clock(position === null ? (player?.take.seconds ?? 0) : position / player.rateHz));
  const lit = now === null ? -1 : Math.floor((now % 1) * setup.beatsPerBar);
  [...beats.children].forEach((dot, beat) => dot.classList.toggle("lit", beat === lit));
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
