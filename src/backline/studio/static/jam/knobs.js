/** What is turned while it plays, and what is set before. */

import { html } from "../html.js";
import { fromSlider, KNOBS, toSlider, USUAL } from "./controls.js";

const LOUDNESS = { auto: "As loud as the loop", lufs: "By loudness (LUFS)", rms: "By energy (RMS)", none: "As it comes" };

/**
 * @param {object} props
 * @param {import("./controls.js").Controls} props.controls
 * @param {(news: Partial<import("./controls.js").Controls>) => void} props.onTurn
 */
export function Knobs({ controls, onTurn }) {
  return html`
    <div class="knobs">
      ${KNOBS.map(({ name, title, hint, slider }) => {
        const value = controls[name];
        return html`
          <div class="field" key=${name} onDblClick=${() => onTurn({ [name]: USUAL[name] })}>
            <div class="field-head">
              <label for=${name}>${title}</label>
              <span class="value" aria-hidden="true">${name === "topk" ? value : value.toFixed(1)}</span>
            </div>
            <input
              id=${name}
              type="range"
              ...${slider}
              value=${toSlider(name, value)}
              aria-valuetext=${String(value)}
              aria-describedby=${`${name}-hint`}
              onInput=${(event) => onTurn({ [name]: fromSlider(name, event.target.valueAsNumber) })}
            />
            <p class="hint" id=${`${name}-hint`}>${hint}</p>
          </div>
        `;
      })}
    </div>
  `;
}

/**
 * @param {object} props
 * @param {import("./setup.js").Setup} props.setup
 * @param {boolean} props.fixed - it plays: nothing of this can be changed
 * @param {(news: Partial<import("./setup.js").Setup>) => void} props.onChange
 */
export function More({ setup, fixed, onChange }) {
  return html`
    <details class="more">
      <summary>Loudness and seed</summary>
      <div class="time">
        <div class="field">
          <label for="loudness">Loudness</label>
          <select id="loudness" disabled=${fixed} onChange=${(event) => onChange({ loudness: event.target.value })}>
            ${Object.entries(LOUDNESS).map(([mode, title]) => html`<option key=${mode} value=${mode} selected=${mode === setup.loudness}>${title}</option>`)}
          </select>
        </div>
        <div class="field">
          <label for="headroom">Headroom, dB</label>
          <input
            id="headroom"
            type="number"
            min="0"
            max="24"
            step="0.5"
            readonly=${fixed}
            value=${setup.headroomDb}
            onChange=${(event) => onChange({ headroomDb: event.target.valueAsNumber })}
          />
        </div>
        <div class="field">
          <label for="seed">Seed</label>
          <input
            id="seed"
            inputmode="numeric"
            placeholder="another each time"
            readonly=${fixed}
            value=${setup.seed}
            onChange=${(event) => onChange({ seed: event.target.value.trim() })}
          />
        </div>
      </div>
    </details>
  `;
}
