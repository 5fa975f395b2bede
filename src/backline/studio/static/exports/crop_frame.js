/** The window that is cut out of the picture: moved by its middle, pulled at its corners, or by keys. */

import { html } from "../html.js";
import { arrowOf, drag } from "./dragging.js";
import { around, moved, pulled } from "./geometry.js";

const CORNERS = ["nw", "ne", "sw", "se"];
const GROWTH = 1.02; // with each press of + or -

/**
 * @param {object} props
 * @param {{width: number, height: number}} props.film - its size
 * @param {import("./geometry.js").Window} props.window
 * @param {number} props.shape - width by height
 * @param {(window: import("./geometry.js").Window) => void} props.onChange
 */
export function CropFrame({ film, window, shape, onChange }) {
  const begin = (event, to) => {
    const { width } = event.currentTarget.closest(".stage-film").getBoundingClientRect();
    const scale = film.width / width;
    drag(event, (right, down) => onChange(to(right * scale, down * scale)));
  };
  const onKeyDown = (event) => {
    const arrow = arrowOf(event);
    const grown = { "+": GROWTH, "=": GROWTH, "-": 1 / GROWTH }[event.key]; // plus without Shift, too
    const next = arrow ? moved(window, ...arrow, film) : grown && around(window, window.width * grown, film, shape);
    if (!next) return;
    event.preventDefault();
    onChange(next);
  };
  const share = (length, whole) => `${(100 * length) / whole}%`;
  return html`
    <div
      class="crop-frame"
      role="application"
      aria-roledescription="movable frame"
      aria-label="Crop frame"
      aria-describedby="crop-where crop-how"
      tabindex="0"
      style=${{
        left: share(window.x, film.width),
        top: share(window.y, film.height),
        width: share(window.width, film.width),
        height: share(window.height, film.height),
      }}
      onPointerDown=${(event) => begin(event, (right, down) => moved(window, right, down, film))}
      onKeyDown=${onKeyDown}
    >
      ${CORNERS.map(
        (corner) => html`
          <i
            key=${corner}
            class="corner"
            data-corner=${corner}
            onPointerDown=${(event) => begin(event, (right, down) => pulled(window, corner, right, down, film, shape))}
          ></i>
        `,
      )}
    </div>
  `;
}

/** The same in numbers. */
export function CropFields({ film, window, shape, onChange }) {
  const field = (name, label, change) => html`
    <div class="field">
      <label for=${`crop-${name}`}>${label}</label>
      <input
        id=${`crop-${name}`}
        type="number"
        step="0.1"
        value=${Math.round(window[name] * 10) / 10}
        onChange=${({ target }) => Number.isFinite(target.valueAsNumber) && onChange(change(target.valueAsNumber))}
      />
    </div>
  `;
  return html`
    <div class="numbers">
      ${field("x", "From the left", (x) => moved(window, x - window.x, 0, film))}
      ${field("y", "From the top", (y) => moved(window, 0, y - window.y, film))}
      ${field("width", "Width", (width) => around(window, width, film, shape))}
    </div>
    <p class="visually-hidden" id="crop-where">
      ${window.width} by ${window.height} pixels, ${window.x} from the left, ${window.y} from the top.
    </p>
    <p class="visually-hidden" id="crop-how">Arrow keys move it, with Shift further. Plus and minus change its size.</p>
  `;
}
