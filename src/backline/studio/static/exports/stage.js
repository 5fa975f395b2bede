/** The film, what lies on it, and its buttons. */

import { html, useLayoutEffect, useRef } from "../html.js";
import { useChanges } from "./use_film.js";
import { clock } from "./words.js";

/** @param {{film: import("./film.js").Film, children: any}} props - children: what can be pulled about on the picture */
export function Stage({ film, children }) {
  const { width, height } = film.info;
  return html`
    <div class="stage-film" style=${{ aspectRatio: `${width} / ${height}`, maxWidth: `calc(58vh * ${width / height})` }}>
      <${Picture} film=${film} />
      ${children}
    </div>
  `;
}

function Picture({ film }) {
  const place = useRef(null);
  useLayoutEffect(() => {
    place.current.append(film.video);
    return () => film.video.remove();
  }, [film]);
  return html`<div class="picture" ref=${place}></div>`;
}

/** @param {{film: import("./film.js").Film}} props */
export function Transport({ film }) {
  useChanges(film, "change");
  return html`
    <div class="transport film-transport">
      <button
        type="button"
        class=${film.playing ? "play playing" : "play"}
        aria-label=${film.playing ? "Pause" : "Play"}
        onClick=${() => film.toggle()}
      ></button>
      <button type="button" aria-label="One frame back" onClick=${() => film.step(-1)}>‹</button>
      <button type="button" aria-label="One frame on" onClick=${() => film.step(1)}>›</button>
      <${Clock} film=${film} />
    </div>
  `;
}

function Clock({ film }) {
  useChanges(film, "frame");
  return html`<span class="clock" data-time=${film.time}>${clock(film.time)} <span class="of">of ${clock(film.info.duration_seconds)}</span></span>`;
}
