/** Joined clips: several films, each with its window, with cuts or crossfades between. */

import { html } from "../html.js";
import { ClipList } from "./annotate.js";
import { FramingEditor } from "./framing.js";

/**
 * @param {object} props
 * @param {import("./draft.js").Draft["joined"]} props.joined
 * @param {string | null} props.current - id of the clip that is framed
 * @param {import("./film.js").Film | null} props.film - that clip's
 * @param {number} props.shape
 * @param {import("./tracks.js").Interpolation} props.interpolation
 * @param {(id: string) => void} props.onChoose
 * @param {(news: Partial<import("./draft.js").Draft["joined"]>) => void} props.onChange
 */
export function JoiningEditor({ joined, current, film, shape, interpolation, onChoose, onChange }) {
  const { clips, transition, seconds } = joined;
  const clip = clips.find(({ id }) => id === current);
  return html`
    <${ClipList}
      clips=${clips}
      current=${clip}
      titleOf=${(one, i) => `${i + 1}: ${one.name}`}
      empty="Choose a film and add it; then the next one."
      onChoose=${({ id }) => onChoose(id)}
      onChange=${(next) => onChange({ clips: next })}
    />
    ${clips.length > 1 &&
    html`
      <div class="numbers">
        <div class="field">
          <label for="transition">From one to the next</label>
          <select id="transition" onChange=${({ target }) => onChange({ transition: target.value })}>
            <option value="cut" selected=${transition === "cut"}>Cut</option>
            <option value="crossfade" selected=${transition === "crossfade"}>Crossfade</option>
          </select>
        </div>
        ${transition === "crossfade" &&
        html`
          <div class="field">
            <label for="transition-seconds">Seconds of crossfade</label>
            <input
              id="transition-seconds"
              type="number"
              min="0.1"
              max="10"
              step="0.1"
              value=${seconds}
              onChange=${({ target }) => target.valueAsNumber > 0 && onChange({ seconds: Math.min(target.valueAsNumber, 10) })}
            />
          </div>
        `}
      </div>
    `}
    ${clip &&
    film &&
    html`
      <${FramingEditor}
        key=${clip.id}
        film=${film}
        framing=${clip}
        shape=${shape}
        interpolation=${interpolation}
        mayBeWhole=${true}
        onChange=${(next) => onChange({ clips: clips.map((one) => (one.id === clip.id ? { ...one, ...next } : one)) })}
      />
    `}
  `;
}
