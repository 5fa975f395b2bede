/** Which parts of the film are played, and how fast. */

import { html } from "../html.js";
import { exactly } from "./keyframes.js";
import { joinedAt, lengthOf, segmentsOf, spansOf, splitAt, uncut } from "./spans.js";
import { clock } from "./words.js";

const SPEEDS = [0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4, 8];
const LEAST_SECONDS = 0.1; // of what is left

/** The segments for the timeline; what is trimmed away is dim. */
export function bandsOf(cutting, seconds) {
  const { start, end } = cutting.trim ?? { start: 0, end: seconds };
  const segments = segmentsOf(cutting, seconds).map((one, i) => ({
    ...one,
    tone: i % 2 ? "lit" : "plain",
    title: one.speed === 1 ? "" : `${one.speed}×`,
  }));
  const away = [
    { start: 0, end: start },
    { start: end, end: seconds },
  ].filter((one) => one.end > one.start);
  return [...segments, ...away.map((one) => ({ ...one, tone: "dim", title: "" }))];
}

/** Where what is played begins and ends, and where segments meet. */
export function trimEdges(film, cutting, onChange) {
  const seconds = film.info.duration_seconds;
  const { start, end } = cutting.trim ?? { start: 0, end: seconds };
  const trim = (from, to) => onChange({ ...cutting, trim: from <= 0 && to >= seconds ? null : { start: from, end: to } });
  const edges = [
    {
      name: "Start of what is played",
      time: start,
      onMove: (to) => {
        const moved = exactly(Math.min(to, end - LEAST_SECONDS));
        trim(moved, end);
        return moved;
      },
    },
    {
      name: "End of what is played",
      time: end,
      onMove: (to) => {
        const moved = Math.min(exactly(Math.max(to, start + LEAST_SECONDS)), seconds);
        trim(start, moved);
        return moved;
      },
    },
  ];
  const cuts = cutting.cuts.filter((cut) => cut < seconds);
  return [
    ...edges,
    ...cuts.map((time, i) => ({
      name: `Cut ${i + 1}`,
      time,
      onMove: (to) => {
        const low = (cuts[i - 1] ?? 0) + LEAST_SECONDS;
        const high = (cuts[i + 1] ?? seconds) - LEAST_SECONDS;
        const moved = exactly(Math.min(Math.max(to, low), high));
        onChange({ ...cutting, cuts: cutting.cuts.map((cut, j) => (j === i ? moved : cut)) });
        return moved;
      },
    })),
  ];
}

/**
 * @param {object} props
 * @param {import("./film.js").Film} props.film
 * @param {import("./spans.js").Cutting} props.cutting
 * @param {(cutting: import("./spans.js").Cutting) => void} props.onChange
 */
export function Cutter({ film, cutting, onChange }) {
  const seconds = film.info.duration_seconds;
  const segments = segmentsOf(cutting, seconds);
  const trimmed = cutting.trim ?? { start: 0, end: seconds };
  const changed = cutting.trim || cutting.cuts.length || cutting.speeds.some((speed) => speed !== 1);
  const begin = () => {
    const start = exactly(film.time);
    if (start < trimmed.end - LEAST_SECONDS) onChange({ ...cutting, trim: { start, end: trimmed.end } });
  };
  const end = () => {
    const stop = exactly(film.time);
    if (stop > trimmed.start + LEAST_SECONDS) onChange({ ...cutting, trim: { start: trimmed.start, end: stop } });
  };
  const split = () => {
    const at = exactly(film.time);
    if (at > LEAST_SECONDS && at < seconds - LEAST_SECONDS) onChange(splitAt(cutting, at));
  };
  const speed = (index, value) => onChange({ ...cutting, speeds: segments.map((one, i) => (i === index ? value : one.speed)) });
  return html`
    <details class="cutter" open=${Boolean(changed)}>
      <summary>Parts and speeds <span class="quiet">${clock(lengthOf(spansOf(cutting, seconds)))} of film</span></summary>
      <div class="tools" role="group" aria-label="Parts">
        <button type="button" onClick=${begin}>Begin here</button>
        <button type="button" onClick=${end}>End here</button>
        <button type="button" onClick=${split}>Split here</button>
        <button type="button" aria-disabled=${changed ? "false" : "true"} onClick=${() => onChange(uncut())}>All of it again</button>
      </div>
      <ul class="segments" aria-label="Segments">
        ${segments.map(
          (one, i) => html`
            <li key=${i}>
              <span>${clock(one.start)} – ${clock(one.end)}</span>
              <select aria-label=${`Speed from ${clock(one.start)}`} onChange=${({ target }) => speed(i, Number(target.value))}>
                ${SPEEDS.map((value) => html`<option key=${value} value=${value} selected=${value === one.speed}>${value}×</option>`)}
              </select>
              ${i < segments.length - 1 &&
              html`
                <button type="button" aria-label=${`Join with the next, at ${clock(one.end)}`} onClick=${() => onChange(joinedAt(cutting, i))}>
                  Join with next
                </button>
              `}
            </li>
          `,
        )}
      </ul>
    </details>
  `;
}
