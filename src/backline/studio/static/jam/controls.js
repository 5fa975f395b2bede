/** What can be turned while it plays: styles with their weights, and four knobs. */

export const MOST_STYLES = 16;
export const LONGEST_STYLE = 200;
export const HIGHEST_WEIGHT = 2; // of a style, in this page; only how they stand to each other counts

/**
 * A knob, and the slider that turns it.
 *
 * @typedef {object} Knob
 * @property {string} name - of the field
 * @property {string} title
 * @property {string} hint
 * @property {{min: number, max: number, step: number}} slider
 */

/** @type {Knob[]} */
export const KNOBS = [
  {
    name: "loop_weight",
    title: "Loop",
    hint: "how much of the loop itself is heard",
    slider: { min: 0, max: 10, step: 0.1 },
  },
  {
    name: "guidance_weight",
    title: "Style",
    hint: "how strictly the styles are followed",
    slider: { min: 0, max: 10, step: 0.1 },
  },
  {
    name: "temperature",
    title: "Daring",
    hint: "how far it strays from what is likely",
    slider: { min: 0, max: 4, step: 0.1 },
  },
  {
    name: "topk",
    title: "Choice",
    hint: "among how many continuations",
    slider: { min: 0, max: 100, step: 1 },
  },
];

const TOPK_DOUBLINGS = 10; // 1 to 1024

/** Where the slider of a knob stands. The number of continuations is felt in doublings. */
export function toSlider(name, value) {
  return name === "topk" ? Math.round((Math.log2(value) / TOPK_DOUBLINGS) * 100) : value;
}

/** The value of a knob whose slider stands there. */
export function fromSlider(name, position) {
  return name === "topk" ? Math.round(2 ** ((position / 100) * TOPK_DOUBLINGS)) : position;
}

/**
 * @typedef {object} Controls
 * @property {{words: string, weight: number}[]} styles
 * @property {number} loop_weight
 * @property {number} guidance_weight
 * @property {number} temperature
 * @property {number} topk
 */

/** @type {Controls} */
export const USUAL = { styles: [], loop_weight: 1, guidance_weight: 1.1, temperature: 1.1, topk: 40 };

/** What a person typed, as styles: parted at commas, since a comma parts them for the server too. */
export function stylesIn(text) {
  return text
    .split(",")
    .map((words) => words.trim().replace(/\s+/g, " ").slice(0, LONGEST_STYLE))
    .filter(Boolean);
}

/** The styles that are heard: one without weight is left out. */
function heard(styles) {
  return styles.filter(({ weight }) => weight > 0);
}

/** @param {Controls} controls @returns {Object<string, string>} fields of `POST /jam/start` */
export function fieldsOf(controls) {
  const styles = heard(controls.styles);
  const knobs = KNOBS.map(({ name }) => [name, String(controls[name])]);
  return {
    styles: styles.map(({ words }) => words).join(","),
    style_weights: styles.map(({ weight }) => weight).join(","),
    ...Object.fromEntries(knobs),
  };
}

/**
 * @param {Controls | null} known - what the server plays by; null: nobody knows
 * @param {Controls} wanted
 * @returns {object | null} fields of an update, only those that differ; null: none does
 */
export function difference(known, wanted) {
  const knobs = KNOBS.filter(({ name }) => known?.[name] !== wanted[name]).map(({ name }) => [name, wanted[name]]);
  const all = { ...styleDifference(known && heard(known.styles), heard(wanted.styles)), ...Object.fromEntries(knobs) };
  return Object.keys(all).length ? all : null;
}

function styleDifference(known, wanted) {
  const words = wanted.map((style) => style.words);
  const weights = wanted.map((style) => style.weight);
  const same = (a, b) => a.length === b.length && a.every((one, i) => one === b[i]);
  const sameWords = known && same(known.map((style) => style.words), words);
  if (sameWords && same(known.map((style) => style.weight), weights)) return {};
  if (!words.length) return { clear_styles: true };
  return sameWords ? { style_weights: weights } : { styles: words, style_weights: weights };
}
