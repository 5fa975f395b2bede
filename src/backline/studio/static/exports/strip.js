/** The film from left to right: the playhead, keyframes to pull along, parts with an end to pull at. */

import { html, useRef, useState } from "../html.js";
import { drag } from "./dragging.js";
import { useChanges, useFrames } from "./use_film.js";
import { clock, spokenClock } from "./words.js";

const ZOOMS = [1, 2, 4, 8, 16, 32];

/**
 * @typedef {object} Point - a keyframe
 * @property {number} time
 * @property {string} name
 * @property {(time: number) => number} onMove - answers how far it went
 * @property {() => void} onDelete
 *
 * @typedef {object} Edge - where a part begins or ends
 * @property {string} name
 * @property {number} time
 * @property {(time: number) => number} onMove - answers how far it went
 *
 * @typedef {object} Band - a part
 * @property {number} start
 * @property {number} end
 * @property {string} title
 * @property {"plain" | "lit" | "dim"} tone
 */

/**
 * @param {object} props
 * @param {import("./film.js").Film} props.film
 * @param {Band[]} props.bands
 * @param {Point[]} props.points
 * @param {Edge[]} props.edges
 */
export function Strip({ film, bands, points, edges }) {
  const [zoom, setZoom] = useState(0);
  const track = useRef(null);
  const seconds = film.info.duration_seconds;
  const at = (time) => `${(100 * Math.min(time, seconds)) / seconds}%`;
  const timeAt = (clientX) => {
    const { left, width } = track.current.getBoundingClientRect();
    return ((clientX - left) / width) * seconds;
  };
  const scrub = (event) => {
    const { clientX } = event;
    film.video.pause();
    film.seek(timeAt(clientX));
    drag(event, (right) => film.seek(timeAt(clientX + right)));
  };
  const shared = { film, at, timeAt };
  const zoomed = (step) => setZoom(Math.min(Math.max(zoom + step, 0), ZOOMS.length - 1));
  return html`
    <div class="strip">
      <div class="strip-scroll">
        <div class="strip-track" ref=${track} style=${{ width: `${100 * ZOOMS[zoom]}%` }}>
          ${bands.map(
            ({ start, end, title, tone }, i) => html`
              <span key=${`band-${i}`} class="band" data-tone=${tone} style=${{ left: at(start), width: `${(100 * (end - start)) / seconds}%` }}>${title}</span>
            `,
          )}
          <${Playhead} ...${shared} onScrub=${scrub} />
          ${edges.map((edge) => html`<${EdgeHandle} key=${edge.name} edge=${edge} ...${shared} />`)}
          ${points.map((point, i) => html`<${PointHandle} key=${`point-${i}`} point=${point} ...${shared} />`)}
        </div>
      </div>
      <div class="strip-zoom" role="group" aria-label="Size of the timeline">
        <button type="button" aria-label="Smaller" aria-disabled=${zoom ? "false" : "true"} onClick=${() => zoomed(-1)}>−</button>
        <button type="button" aria-label="Larger" aria-disabled=${zoom < ZOOMS.length - 1 ? "false" : "true"} onClick=${() => zoomed(1)}>+</button>
      </div>
    </div>
  `;
}

function Playhead({ film, at, onScrub }) {
  const slider = useRef(null);
  const line = useRef(null);
  useFrames(film, () => {
    if (!slider.current) return; // the page was left
    line.current.style.left = at(film.time);
    slider.current.setAttribute("aria-valuenow", Math.floor(film.time));
    slider.current.setAttribute("aria-valuetext", spokenClock(film.time));
  });
  return html`
    <div
      class="playhead"
      ref=${slider}
      role="slider"
      tabindex="0"
      aria-label="Position in the film"
      aria-valuemin="0"
      aria-valuemax=${Math.ceil(film.info.duration_seconds)}
      onPointerDown=${onScrub}
      onKeyDown=${(event) => onTimeKey(event, film.time, film, (time) => film.seek(time))}
    >
      <i ref=${line}></i>
    </div>
  `;
}

function PointHandle({ point, film, at, timeAt }) {
  useChanges(film, "frame");
  const here = Math.abs(point.time - film.time) < 0.5 / film.info.rate;
  const begin = (event) => {
    const { clientX } = event;
    film.video.pause();
    film.seek(point.time);
    const apart = point.time - timeAt(clientX);
    drag(event, (right) => Math.abs(right) > 2 && carry(point, film, timeAt(clientX + right) + apart));
  };
  const onKeyDown = (event) => {
    if (event.key === "Delete" || event.key === "Backspace") point.onDelete();
    else if (event.key === "Enter" || event.key === " ") film.seek(point.time);
    else return onTimeKey(event, point.time, film, (time) => carry(point, film, time));
    event.preventDefault();
    return undefined;
  };
  return html`
    <button
      type="button"
      class="point"
      role="slider"
      aria-label=${point.name}
      aria-valuemin="0"
      aria-valuemax=${Math.ceil(film.info.duration_seconds)}
      aria-valuenow=${point.time}
      aria-valuetext=${spokenClock(point.time)}
      aria-current=${here ? "true" : undefined}
      title=${`${point.name}, ${clock(point.time)}`}
      style=${{ left: at(point.time) }}
      onPointerDown=${begin}
      onKeyDown=${onKeyDown}
    ></button>
  `;
}

function EdgeHandle({ edge, film, at, timeAt }) {
  const begin = (event) => {
    const { clientX } = event;
    drag(event, (right) => carry(edge, film, timeAt(clientX + right)));
  };
  return html`
    <div
      class="edge"
      role="slider"
      tabindex="0"
      aria-label=${edge.name}
      aria-valuemin="0"
      aria-valuemax=${Math.ceil(film.info.duration_seconds)}
      aria-valuenow=${edge.time}
      aria-valuetext=${spokenClock(edge.time)}
      title=${`${edge.name}, ${clock(edge.time)}`}
      style=${{ left: at(edge.time) }}
      onPointerDown=${begin}
      onKeyDown=${(event) => onTimeKey(event, edge.time, film, (time) => carry(edge, film, time))}
    ></div>
  `;
}

/** The playhead goes along, so that one sees what is there. */
function carry(handle, film, time) {
  const inside = Math.min(Math.max(time, 0), film.info.duration_seconds);
  film.seek(handle.onMove(inside));
}

/** Arrow keys by a frame, with Shift by ten, Page keys by a second. */
function onTimeKey(event, time, film, go) {
  const frame = (event.shiftKey ? 10 : 1) / film.info.rate;
  const target = {
    ArrowRight: time + frame,
    ArrowUp: time + frame,
    ArrowLeft: time - frame,
    ArrowDown: time - frame,
    PageUp: time + 1,
    PageDown: time - 1,
    Home: 0,
    End: film.info.duration_seconds,
  }[event.key];
  if (target === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  film.video.pause();
  go(target);
}
