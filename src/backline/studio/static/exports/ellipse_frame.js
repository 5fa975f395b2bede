/** The ellipse of a spotlight: moved by its middle, pulled at its sides, or by keys. */

import { html } from "../html.js";
import { arrowOf, drag } from "./dragging.js";
import { tidyEllipse } from "./geometry.js";

const SIDES = ["n", "e", "s", "w"];
const GROWTH = 1.04; // with each press of + or -

/** @typedef {{x: number, y: number, radiusX: number, radiusY: number}} Ellipse */

/**
 * @param {object} props
 * @param {{width: number, height: number}} props.film - its size
 * @param {Ellipse} props.ellipse
 * @param {(ellipse: Ellipse) => void} props.onChange
 */
export function EllipseFrame({ film, ellipse, onChange }) {
  const { x, y, radiusX, radiusY } = ellipse;
  const begin = (event, to) => {
    const { width } = event.currentTarget.closest(".stage-film").getBoundingClientRect();
    const scale = film.width / width;
    drag(event, (right, down) => onChange(tidyEllipse(to(right * scale, down * scale), film)));
  };
  const pull = (side) => (right, down) => ({
    ...ellipse,
    radiusX: radiusX + ({ e: right, w: -right }[side] ?? 0),
    radiusY: radiusY + ({ s: down, n: -down }[side] ?? 0),
  });
  const sized = (factor) => ({ ...ellipse, radiusX: radiusX * factor, radiusY: radiusY * factor });
  const onKeyDown = (event) => {
    const arrow = arrowOf(event);
    const grown = { "+": GROWTH, "=": GROWTH, "-": 1 / GROWTH }[event.key]; // plus without Shift, too
    const next = arrow ? { ...ellipse, x: x + arrow[0], y: y + arrow[1] } : grown && sized(grown);
    if (!next) return;
    event.preventDefault();
    onChange(tidyEllipse(next, film));
  };
  const share = (length, whole) => `${(100 * length) / whole}%`;
  return html`
    <div
      class="ellipse-frame"
      role="application"
      aria-roledescription="movable ellipse"
      aria-label="Spotlight"
      aria-describedby="ellipse-where ellipse-how"
      tabindex="0"
      style=${{
        left: share(x - radiusX, film.width),
        top: share(y - radiusY, film.height),
        width: share(2 * radiusX, film.width),
        height: share(2 * radiusY, film.height),
      }}
      onPointerDown=${(event) => begin(event, (right, down) => ({ ...ellipse, x: x + right, y: y + down }))}
      onKeyDown=${onKeyDown}
    >
      ${SIDES.map((side) => html`<i key=${side} class="corner" data-side=${side} onPointerDown=${(event) => begin(event, pull(side))}></i>`)}
    </div>
  `;
}

/** The same in numbers. */
export function EllipseFields({ film, ellipse, onChange }) {
  const field = (name, label) => html`
    <div class="field">
      <label for=${`ellipse-${name}`}>${label}</label>
      <input
        id=${`ellipse-${name}`}
        type="number"
        step="0.1"
        value=${Math.round(ellipse[name] * 10) / 10}
        onChange=${({ target }) =>
          Number.isFinite(target.valueAsNumber) && onChange(tidyEllipse({ ...ellipse, [name]: target.valueAsNumber }, film))}
      />
    </div>
  `;
  return html`
    <div class="numbers">
      ${field("x", "Middle, from the left")} ${field("y", "Middle, from the top")} ${field("radiusX", "Half its width")}
      ${field("radiusY", "Half its height")}
    </div>
    <p class="visually-hidden" id="ellipse-where">
      Its middle is ${ellipse.x} pixels from the left and ${ellipse.y} from the top; ${2 * ellipse.radiusX} by ${2 * ellipse.radiusY} pixels.
    </p>
    <p class="visually-hidden" id="ellipse-how">Arrow keys move it, with Shift further. Plus and minus change its size.</p>
  `;
}
