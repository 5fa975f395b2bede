/** Styles as chips, each with its weight. */

import { html, useRef, useState } from "../html.js";
import { HIGHEST_WEIGHT, LONGEST_STYLE, MOST_STYLES, stylesIn } from "./controls.js";

const OFFERED = ["acid house", "dub techno", "lo-fi hip hop", "drum and bass", "bossa nova", "afrobeat", "ambient", "funk", "synthwave", "warm", "busy"];

/**
 * @param {object} props
 * @param {{words: string, weight: number}[]} props.styles
 * @param {(styles: {words: string, weight: number}[]) => void} props.onChange
 */
export function Styles({ styles, onChange }) {
  const [typed, setTyped] = useState("");
  const input = useRef();
  const has = (words) => styles.some((style) => style.words.toLowerCase() === words.toLowerCase());
  const add = (text) => {
    const fresh = stylesIn(text).filter((words, i, all) => !has(words) && all.indexOf(words) === i);
    onChange([...styles, ...fresh.map((words) => ({ words, weight: 1 }))].slice(0, MOST_STYLES));
    setTyped("");
  };
  const remove = (words) => {
    onChange(styles.filter((style) => style.words !== words));
    input.current.focus(); // the button that had it goes
  };
  const turn = (words, weight) => onChange(styles.map((style) => (style.words === words ? { words, weight } : style)));
  const full = styles.length >= MOST_STYLES;
  const onSubmit = (event) => {
    event.preventDefault();
    add(typed);
  };
  return html`
    <div class="styles">
      <form class="field" onSubmit=${onSubmit}>
        <label for="style">Styles</label>
        <div class="row">
          <input
            id="style"
            ref=${input}
            maxlength=${LONGEST_STYLE}
            autocomplete="off"
            placeholder=${full ? "Sixteen are enough" : "acid house, warm"}
            readonly=${full}
            value=${typed}
            onInput=${(event) => setTyped(event.target.value)}
          />
          <button type="submit" aria-disabled=${typed.trim() ? "false" : "true"}>Add</button>
        </div>
      </form>
      <ul class="chips" aria-label="Styles that are played">
        ${styles.map((style) => html`<${Chip} key=${style.words} style=${style} onTurn=${turn} onRemove=${remove} />`)}
      </ul>
      <ul class="examples" aria-label="Styles to add">
        ${OFFERED.filter((words) => !has(words)).map(
          (words) => html`<li key=${words}><button type="button" aria-disabled=${full ? "true" : "false"} onClick=${() => add(words)}>${words}</button></li>`,
        )}
      </ul>
    </div>
  `;
}

function Chip({ style: { words, weight }, onTurn, onRemove }) {
  return html`
    <li class="chip" data-style=${words} data-off=${weight ? "false" : "true"}>
      <span class="chip-words">${words}</span>
      <input
        type="range"
        min="0"
        max=${HIGHEST_WEIGHT}
        step="0.1"
        value=${weight}
        aria-label=${`Weight of ${words}`}
        onInput=${(event) => onTurn(words, event.target.valueAsNumber)}
      />
      <span class="value" aria-hidden="true">${weight.toFixed(1)}</span>
      <button type="button" aria-label=${`Remove ${words}`} onClick=${() => onRemove(words)}>×</button>
    </li>
  `;
}
