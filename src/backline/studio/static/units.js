/** Amounts for people. */

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** @param {number} bytes @returns {string} `812 bytes`, `20.4 MB`, `5 GB` */
export function size(bytes) {
  let unit = 0;
  let amount = bytes;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${amount.toLocaleString("en", { maximumFractionDigits: unit && amount < 100 ? 1 : 0 })} ${UNITS[unit]}`;
}

/** @param {number} share - 0 to 1 @returns {string} `42 %`; 100 only once all of it is there */
export function percent(share) {
  return `${Math.floor(Math.min(Math.max(share, 0), 1) * 100)} %`;
}

/** @param {number} seconds @returns {string} `12 s`, `3 min`, `2 h 5 min` */
export function roughly(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

/** @param {string} moment - ISO 8601 @returns {string} in the reader's own manner, to the minute */
export function when(moment) {
  return new Date(moment).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
