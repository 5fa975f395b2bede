/** What to say, and how. */

import { html } from "../html.js";
import { countCodePoints } from "./code_points.js";
import { examples } from "./examples.js";
import { languagesOf, voicesFor } from "./offer.js";
import { languageTag } from "./script.js";

export const MAX_CHARACTERS = 50000;

const CONTROL_KEY = /Mac|iPad|iPhone/.test(navigator.platform) ? "⌘" : "Ctrl";

/** The slider of the speed is logarithmic, in tenths of a doubling: 0.25 to 4. */
const toSlider = (speed) => Math.round(Math.log2(speed) * 10);
const toSpeed = (slider) => Number((2 ** (slider / 10)).toFixed(2));

/**
 * @param {object} props
 * @param {string} props.text
 * @param {(text: string) => void} props.onText
 * @param {{language: string, voice: string | null, speed: number}} props.manner
 * @param {(change: object) => void} props.onChoice
 * @param {import("./offer.js").Engine[]} props.engines
 * @param {boolean} props.canStop
 * @param {(event: Event) => void} props.onSpeak
 * @param {() => void} props.onStop
 * @param {object} props.children - what is to be told beside the buttons
 */
export function Composer({ text, onText, manner, onChoice, engines, canStop, onSpeak, onStop, children }) {
  const characters = countCodePoints(text);
  const tooLong = characters > MAX_CHARACTERS;
  return html`
    <div class="field">
      <div class="field-head">
        <label for="text">Text</label>
        <span id="count" class=${tooLong ? "count over" : "count"}>
          ${characters.toLocaleString("en")} <span class="of">of ${MAX_CHARACTERS.toLocaleString("en")} characters</span>
        </span>
      </div>
      <textarea
        id="text"
        rows="5"
        spellcheck="false"
        aria-describedby="count"
        aria-invalid=${tooLong ? "true" : undefined}
        lang=${languageTag(text, manner.language)}
        value=${text}
        onInput=${(event) => onText(event.target.value)}
      ></textarea>
    </div>
    <${Examples} onChoose=${(example) => {
      onText(example.text);
      onChoice({ language: "auto" });
    }} />
    <${Manner} ...${manner} onChoice=${onChoice} engines=${engines} />
    <div class="actions">
      <button type="button" class="primary" aria-keyshortcuts="Control+Enter" onClick=${onSpeak}>Speak</button>
      <button
        type="button"
        aria-keyshortcuts="Escape"
        aria-disabled=${canStop ? "false" : "true"}
        onClick=${() => canStop && onStop()}
      >
        Stop
      </button>
      <p class="keys"><kbd>${CONTROL_KEY}</kbd> <kbd>Enter</kbd> speaks, <kbd>Esc</kbd> stops</p>
      ${children}
    </div>
  `;
}

function Examples({ onChoose }) {
  return html`
    <ul class="examples" aria-label="Examples in English, Hindi and Telugu">
      ${examples.map(
        (example) => html`
          <li key=${example.title}>
            <button type="button" lang=${example.language} onClick=${() => onChoose(example)}>${example.title}</button>
          </li>
        `,
      )}
    </ul>
  `;
}

function Manner({ language, voice, speed, onChoice, engines }) {
  return html`
    <div class="manner">
      <div class="field">
        <label for="language">Language</label>
        <select id="language" onChange=${(event) => onChoice({ language: event.target.value })}>
          <option value="auto" selected=${language === "auto"}>From the text</option>
          ${languagesOf(engines).map(
            ({ code, name }) => html`<option key=${code} value=${code} selected=${language === code}>${name}</option>`,
          )}
        </select>
      </div>
      <div class="field">
        <label for="voice">Voice</label>
        <select id="voice" onChange=${(event) => onChoice({ voice: event.target.value })}>
          ${voicesFor(engines, language).map(({ engine, voices }) => html`
            <optgroup key=${engine} label=${engine}>
              ${voices.map(({ id, name }) => html`
                <option key=${id} value=${id} selected=${id === voice}>${name}</option>
              `)}
            </optgroup>
          `)}
        </select>
      </div>
      <div class="field">
        <div class="field-head">
          <label for="speed">Speed</label>
          <span class="value" aria-hidden="true">${speed}×</span>
        </div>
        <input
          id="speed"
          type="range"
          min="-20"
          max="20"
          value=${toSlider(speed)}
          aria-valuetext=${`${speed} times`}
          onInput=${(event) => onChoice({ speed: toSpeed(event.target.valueAsNumber) })}
        />
      </div>
    </div>
  `;
}
