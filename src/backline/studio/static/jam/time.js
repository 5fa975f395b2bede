/** The time in which it plays: typed, tapped or heard in the loop. */

import { html, useRef, useState } from "../html.js";
import { barSeconds, barsUntilHeard } from "./setup.js";
import { HIGHEST_BPM, LOWEST_BPM, TapTempo } from "./tempo.js";

const BEATS = Array.from({ length: 16 }, (_, i) => i + 1);
const BARS = [1, 2, 4, 8, 16];

/**
 * @param {object} props
 * @param {import("./setup.js").Setup} props.setup
 * @param {string} props.source - where the tempo comes from, for a person
 * @param {boolean} props.fixed - it plays: nothing of this can be changed
 * @param {(news: Partial<import("./setup.js").Setup>, source?: string) => void} props.onChange
 */
export function Time({ setup, source, fixed, onChange }) {
  const number = (event) => Number(event.target.value);
  return html`
    <div class="time">
      <div class="field">
        <label for="bpm">Beats per minute</label>
        <div class="row">
          <input
            id="bpm"
            type="number"
            min=${LOWEST_BPM}
            max=${HIGHEST_BPM}
            step="any"
            inputmode="decimal"
            readonly=${fixed}
            aria-describedby="bpm-source"
            value=${setup.bpm}
            onChange=${(event) => onChange({ bpm: number(event) }, "typed")}
          />
          <${TapButton} fixed=${fixed} onTempo=${(bpm) => onChange({ bpm }, "tapped")} />
        </div>
      </div>
      <div class="field">
        <label for="beats">Beats per bar</label>
        <select id="beats" disabled=${fixed} onChange=${(event) => onChange({ beatsPerBar: number(event) })}>
          ${BEATS.map((beats) => html`<option key=${beats} value=${beats} selected=${beats === setup.beatsPerBar}>${beats}</option>`)}
        </select>
      </div>
      <div class="field">
        <label for="bars">Bars at a time</label>
        <select id="bars" disabled=${fixed} onChange=${(event) => onChange({ barsPerChunk: number(event) })}>
          ${BARS.map((bars) => html`<option key=${bars} value=${bars} selected=${bars === setup.barsPerChunk}>${bars}</option>`)}
        </select>
      </div>
      <p class="hint" id="bpm-source">${[source, delayOf(setup)].filter(Boolean).join(" ")}</p>
    </div>
  `;
}

function delayOf(setup) {
  const bars = barsUntilHeard(setup);
  if (!Number.isFinite(bars * barSeconds(setup))) return "";
  return `A turn of a knob is heard within ${bars} bars, ${Math.round(bars * barSeconds(setup))} s.`;
}

/** A tap counts when the finger comes down, not when it leaves. */
function TapButton({ fixed, onTempo }) {
  const tempo = useRef(new TapTempo());
  const [taps, setTaps] = useState(0);
  const pressed = useRef(false);
  const tap = (event) => {
    if (fixed) return;
    const bpm = tempo.current.tap(event.timeStamp);
    setTaps(taps + 1);
    if (bpm !== null) onTempo(bpm);
  };
  const onKeyDown = (event) => {
    if (event.repeat || ![" ", "Enter"].includes(event.key)) return;
    pressed.current = true;
    tap(event);
  };
  const onPointerDown = (event) => {
    pressed.current = true;
    tap(event);
  };
  const onClick = (event) => {
    if (!pressed.current) tap(event); // by a screen reader, which presses no key
    pressed.current = false;
  };
  return html`
    <button type="button" class="tap" aria-label="Tap the tempo" data-taps=${taps % 2} aria-disabled=${fixed ? "true" : "false"} ...${{ onKeyDown, onPointerDown, onClick }}>
      Tap
    </button>
  `;
}
