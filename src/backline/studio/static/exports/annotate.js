/** Annotated clips: the parts of a film that are worth a word, one after the other. */

import { html, useRef, useState } from "../html.js";
import { newKey } from "./draft.js";
import { exactly } from "./keyframes.js";
import { Preview, drawWindow } from "./preview.js";
import { Stage, Transport } from "./stage.js";
import { Strip } from "./strip.js";
import { useChanges } from "./use_film.js";
import { clock } from "./words.js";

export const MARKS = { 1: "??", 2: "?", 3: "!?", 4: "!", 5: "!!" };
const NEW_SECONDS = 5;
const LEAST_SECONDS = 0.1;
const NOTES_DRAWN = 100; // characters

/** @param {string} tags - with commas between @returns {string[]} */
export function tagsOf(tags) {
  return tags.split(",").map((tag) => tag.trim()).filter(Boolean);
}

/**
 * @param {object} props
 * @param {import("./film.js").Film} props.film
 * @param {import("./draft.js").Mark[]} props.marks - in the order in which they are shown
 * @param {(marks: import("./draft.js").Mark[]) => void} props.onChange
 */
export function AnnotateEditor({ film, marks, onChange }) {
  useChanges(film, "frame");
  const [chosen, setChosen] = useState(null);
  const { info } = film;
  const mark = marks.find(({ id }) => id === chosen) ?? marks[0];
  film.range = { start: mark?.start ?? 0, end: mark?.end ?? Infinity, speedAt: () => 1 };
  const put = (news) => onChange(marks.map((one) => (one.id === mark.id ? { ...one, ...news } : one)));
  const begin = () => {
    const start = exactly(Math.min(film.time, Math.max(0, info.duration_seconds - LEAST_SECONDS)));
    const made = { id: newKey(), start, end: exactly(Math.min(start + NEW_SECONDS, info.duration_seconds)), name: "", notes: "", rating: null, tags: "" };
    setChosen(made.id);
    onChange([...marks, made]);
  };
  const choose = (one) => {
    setChosen(one.id);
    film.video.pause();
    film.seek(one.start);
  };
  return html`
    <div class="desk">
      <div class="desk-film">
        <${Stage} film=${film} />
        <${Transport} film=${film} />
        <${Strip}
          film=${film}
          bands=${marks.map((one, i) => ({ start: one.start, end: one.end, title: `${i + 1}`, tone: one.id === mark?.id ? "lit" : "plain" }))}
          points=${[]}
          edges=${mark ? edgesOf(mark, film, put) : []}
        />
        <div class="tools" role="group" aria-label="Clips">
          <button type="button" onClick=${begin}>Add a clip here</button>
          ${mark && html`<button type="button" onClick=${() => film.time < mark.end - LEAST_SECONDS && put({ start: exactly(film.time) })}>Begin here</button>`}
          ${mark && html`<button type="button" onClick=${() => film.time > mark.start + LEAST_SECONDS && put({ end: exactly(film.time) })}>End here</button>`}
        </div>
        <${ClipList}
          clips=${marks}
          current=${mark}
          titleOf=${(one, i) => `${i + 1}: ${one.name || "Clip"}, ${clock(one.start)} – ${clock(one.end)}`}
          empty="Play to what is worth a word, and add a clip."
          onChoose=${choose}
          onChange=${onChange}
        />
        ${mark && html`<${MarkForm} key=${mark.id} mark=${mark} onChange=${put} />`}
      </div>
      <${Preview}
        film=${film}
        shape=${info.width / info.height}
        draw=${(context) => drawWindow(context, film, { x: 0, y: 0, width: info.width, height: info.height })}
      >
        ${mark && film.time >= mark.start && film.time <= mark.end && html`<${LabelPicture} mark=${mark} />`}
      <//>
    </div>
  `;
}

/**
 * Clips in their order; the current one can be moved and deleted.
 *
 * @param {object} props
 * @param {{id: string}[]} props.clips
 * @param {{id: string} | undefined} props.current
 */
export function ClipList({ clips, current, titleOf, empty, onChoose, onChange }) {
  const list = useRef(null);
  if (!clips.length) return html`<p class="hint">${empty}</p>`;
  const at = clips.findIndex(({ id }) => id === current?.id);
  const swap = (with_) => {
    if (!clips[with_]) return;
    const next = [...clips];
    [next[at], next[with_]] = [next[with_], next[at]];
    onChange(next);
  };
  const remove = () => {
    onChange(clips.filter(({ id }) => id !== current.id));
    list.current.focus(); // the button that had it may go
  };
  return html`
    <ul class="choices" aria-label="All clips" ref=${list} tabindex="-1">
      ${clips.map(
        (one, i) => html`
          <li key=${one.id}>
            <button type="button" aria-pressed=${one.id === current?.id ? "true" : "false"} onClick=${() => onChoose(one)}>${titleOf(one, i)}</button>
          </li>
        `,
      )}
    </ul>
    <div class="tools" role="group" aria-label="The chosen clip">
      <button type="button" aria-disabled=${at > 0 ? "false" : "true"} onClick=${() => swap(at - 1)}>Earlier</button>
      <button type="button" aria-disabled=${at < clips.length - 1 ? "false" : "true"} onClick=${() => swap(at + 1)}>Later</button>
      <button type="button" onClick=${remove}>Delete clip</button>
    </div>
  `;
}

function MarkForm({ mark, onChange }) {
  const field = (name, label, hint, most) => html`
    <div class="field">
      <label for=${`mark-${name}`}>${label}</label>
      <input id=${`mark-${name}`} value=${mark[name]} maxlength=${most} placeholder=${hint} onInput=${({ target }) => onChange({ [name]: target.value })} />
    </div>
  `;
  return html`
    <div class="mark-form">
      ${field("name", "Name", "What happens", 200)} ${field("notes", "Notes", `The first ${NOTES_DRAWN} characters are drawn`, 10_000)}
      ${field("tags", "Tags", "with commas between", 400)}
      <fieldset class="ratings">
        <legend>Rating</legend>
        ${[null, 1, 2, 3, 4, 5].map(
          (rating) => html`
            <label key=${rating} data-rating=${rating}>
              <input type="radio" name="rating" checked=${mark.rating === rating} onChange=${() => onChange({ rating })} />
              <span>${rating ? MARKS[rating] : "None"}<span class="visually-hidden">${rating ? `, ${rating} of 5` : ""}</span></span>
            </label>
          `,
        )}
      </fieldset>
    </div>
  `;
}

/** About what the renderer writes; its letters are its own. */
function LabelPicture({ mark: { name, notes, rating, tags } }) {
  const list = tagsOf(tags);
  if (!name && !notes && !rating && !list.length) return null;
  return html`
    <div class="label-picture" data-rating=${rating} aria-hidden="true">
      ${rating && html`<b>${MARKS[rating]}</b>`}
      <div>
        ${name && html`<strong>${name}</strong>`}
        ${notes && html`<span>${[...notes].length > NOTES_DRAWN ? `${[...notes].slice(0, NOTES_DRAWN - 1).join("")}…` : notes}</span>`}
        ${list.length > 0 && html`<span class="tags">${list.map((tag) => html`<i key=${tag}>${tag}</i>`)}</span>`}
      </div>
    </div>
  `;
}

function edgesOf(mark, film, put) {
  return [
    {
      name: "Start of the clip",
      time: mark.start,
      onMove: (to) => {
        const start = exactly(Math.min(to, mark.end - LEAST_SECONDS));
        put({ start });
        return start;
      },
    },
    {
      name: "End of the clip",
      time: mark.end,
      onMove: (to) => {
        const end = Math.min(exactly(Math.max(to, mark.start + LEAST_SECONDS)), film.info.duration_seconds);
        put({ end });
        return end;
      },
    },
  ];
}
