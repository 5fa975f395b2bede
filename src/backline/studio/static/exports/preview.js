/** What will be rendered, as it is edited. */

import { html, useRef } from "../html.js";
import { moved } from "./geometry.js";
import { useFrames } from "./use_film.js";

/**
 * @param {object} props
 * @param {import("./film.js").Film} props.film
 * @param {number} props.shape - of the output, width by height
 * @param {(context: CanvasRenderingContext2D, width: number, height: number) => void} props.draw - the picture at the playhead
 * @param {any} [props.children] - what lies on it
 */
export function Preview({ film, shape, draw, children }) {
  const canvas = useRef(null);
  useFrames(film, () => {
    if (!canvas.current || film.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const width = Math.max(1, Math.round(canvas.current.clientWidth * devicePixelRatio));
    const height = Math.max(1, Math.round(width / shape));
    if (canvas.current.width !== width || canvas.current.height !== height) Object.assign(canvas.current, { width, height });
    const context = canvas.current.getContext("2d");
    context.imageSmoothingQuality = "high";
    draw(context, width, height);
  });
  return html`
    <figure class="preview">
      <div class="preview-picture" style=${{ aspectRatio: `${shape}`, maxWidth: `calc(58vh * ${shape})` }}>
        <canvas ref=${canvas} role="img" aria-label="Preview of the result"></canvas>
        ${children}
      </div>
      <figcaption class="hint">Preview of the result</figcaption>
    </figure>
  `;
}

/** The window of the film on all of the canvas, as the renderer's warp does it. A smooth way between keyframes may lead
 * out of the film by a little; there, what is next to it is shown. */
export function drawWindow(context, film, window) {
  const inside = moved(window, 0, 0, film.info);
  if (inside.x !== window.x || inside.y !== window.y) draw(context, film, inside);
  draw(context, film, window);
}

function draw(context, film, { x, y, width, height }) {
  const scale = film.video.videoWidth / film.info.width;
  const { width: wide, height: high } = context.canvas;
  context.drawImage(film.video, x * scale, y * scale, width * scale, height * scale, 0, 0, wide, high);
}

/** All of the film, with black bars where its shape is another. */
export function drawWhole(context, film) {
  const { width: wide, height: high } = context.canvas;
  const scale = Math.min(wide / film.info.width, high / film.info.height);
  const [width, height] = [film.info.width * scale, film.info.height * scale];
  context.fillStyle = "#000";
  context.fillRect(0, 0, wide, high);
  context.drawImage(film.video, (wide - width) / 2, (high - height) / 2, width, height);
}
