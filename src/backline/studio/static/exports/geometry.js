/** Where the crop window and the ellipse may lie. All in pixels of the film as it is shown. */

const LEAST = 16; // pixels of the shorter side
const TENTH = 10;

/** @typedef {{x: number, y: number, width: number, height: number}} Window - x, y: its top left corner */
/** @typedef {{width: number, height: number}} Size */

/** The largest window of a shape, in the middle. @param {Size} film @param {number} shape - width by height */
export function widest(film, shape) {
  const width = Math.min(film.width, film.height * shape);
  const height = width / shape;
  return tidy({ x: (film.width - width) / 2, y: (film.height - height) / 2, width, height }, film, shape);
}

/** A window of another shape, or for another film, around the same middle. */
export function reshaped(window, film, shape) {
  const width = Math.sqrt(window.width * window.height * shape);
  return around(window, width, film, shape);
}

/** @param {Window} window @param {number} width - that it shall have, around the same middle */
export function around(window, width, film, shape) {
  const wide = Math.min(Math.max(width, leastWidth(shape)), film.width, film.height * shape);
  const x = window.x + window.width / 2 - wide / 2;
  const y = window.y + window.height / 2 - wide / shape / 2;
  return tidy({ x, y, width: wide, height: wide / shape }, film, shape);
}

/** @returns {Window} moved, as far as the film goes */
export function moved(window, right, down, film) {
  return tidy({ ...window, x: window.x + right, y: window.y + down }, film, window.width / window.height);
}

/**
 * Pulled at a corner; the one across stays.
 *
 * @param {Window} window @param {string} corner - `nw`, `ne`, `sw`, `se`
 * @param {number} right @param {number} down - by how much
 */
export function pulled(window, corner, right, down, film, shape) {
  const west = corner.includes("w");
  const north = corner.includes("n");
  const fixedX = west ? window.x + window.width : window.x;
  const fixedY = north ? window.y + window.height : window.y;
  const wanted = window.width + (west ? -right : right);
  const tall = (window.height + (north ? -down : down)) * shape;
  const room = Math.min(west ? fixedX : film.width - fixedX, (north ? fixedY : film.height - fixedY) * shape);
  const width = Math.min(Math.max(wanted, tall, leastWidth(shape)), room);
  const height = width / shape;
  return tidy({ x: west ? fixedX - width : fixedX, y: north ? fixedY - height : fixedY, width, height }, film, shape);
}

/** @returns {{x: number, y: number, radiusX: number, radiusY: number}} an ellipse for a player in the middle */
export function middleEllipse(film) {
  return { x: round(film.width / 2), y: round(film.height / 2), radiusX: round(film.width / 12), radiusY: round(film.height / 5) };
}

/** An ellipse whose centre is in the film, and which is neither a point nor larger than the film. */
export function tidyEllipse({ x, y, radiusX, radiusY }, film) {
  return {
    x: round(within(x, 0, film.width)),
    y: round(within(y, 0, film.height)),
    radiusX: round(within(radiusX, LEAST / 2, film.width)),
    radiusY: round(within(radiusY, LEAST / 2, film.height)),
  };
}

/** A window inside of the film. Sizes are not rounded up: it could then reach out of it. */
function tidy({ x, y, width, height }, film, shape) {
  const wide = Math.floor(Math.min(width, film.width, film.height * shape) * TENTH) / TENTH;
  const high = Math.min(Math.round((wide / shape) * TENTH) / TENTH, film.height);
  return {
    x: round(within(x, 0, film.width - wide)),
    y: round(within(y, 0, film.height - high)),
    width: wide,
    height: high,
  };
}

function leastWidth(shape) {
  return Math.max(LEAST, LEAST * shape);
}

function within(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

function round(value) {
  return Math.round(value * TENTH) / TENTH;
}
