/** Times for people. */

/** @param {number} seconds @returns {string} `0:08.4`, `12:03.0` */
export function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return `${Math.floor(tenths / 600)}:${rest}`;
}

/** @param {number} seconds @returns {string} for a screen reader: `8.4 seconds`, `2 minutes 3 seconds` */
export function spoken(seconds) {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} seconds`;
  const whole = Math.floor(seconds);
  const minutes = Math.floor(whole / 60);
  return `${minutes} ${minutes === 1 ? "minute" : "minutes"} ${whole % 60} seconds`;
}

/** @param {number} milliseconds @returns {string} `84 ms`, `1.25 s` */
export function duration(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
