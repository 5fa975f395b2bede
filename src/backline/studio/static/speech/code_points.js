/** The server counts a text in Unicode code points, JavaScript in UTF-16 units: an emoji is one there and two here. */

/** @param {string} text */
export function countCodePoints(text) {
  let count = text.length;
  for (let i = 1; i < text.length; i++) if (isLow(text, i) && isHigh(text, i - 1)) count -= 1;
  return count;
}

/**
 * @param {string} text
 * @returns {Uint32Array} for each code point, and for the end, its index in `text`
 */
export function codePointIndexes(text) {
  const indexes = new Uint32Array(countCodePoints(text) + 1);
  let at = 0;
  for (let i = 0; i < text.length; i += isHigh(text, i) && isLow(text, i + 1) ? 2 : 1) indexes[at++] = i;
  indexes[at] = text.length;
  return indexes;
}

function isHigh(text, index) {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800;
}

function isLow(text, index) {
  return (text.charCodeAt(index) & 0xfc00) === 0xdc00;
}
