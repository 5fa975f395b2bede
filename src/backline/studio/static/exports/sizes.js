/** Sizes that a film can be given. */

export const SIZES = {
  "1080x1920": "Portrait, 1080×1920",
  "720x1280": "Portrait, 720×1280",
  "1080x1350": "Portrait 4:5, 1080×1350",
  "1080x1080": "Square, 1080×1080",
  "1920x1080": "Landscape, 1920×1080",
  "1280x720": "Landscape, 1280×720",
};

/** @param {string} size - of `SIZES` @returns {{width: number, height: number}} */
export function sidesOf(size) {
  const [width, height] = size.split("x").map(Number);
  return { width, height };
}

/** @param {string} size - of `SIZES` @returns {number} width by height */
export function shapeOf(size) {
  const { width, height } = sidesOf(size);
  return width / height;
}
