/** The language of a text, as far as its letters tell: for fonts, hyphenation and screen readers on the page. */

const SCRIPTS = [
  ["te", /\p{Script=Telugu}/u],
  ["hi", /\p{Script=Devanagari}/u],
  ["ta", /\p{Script=Tamil}/u],
  ["bn", /\p{Script=Bengali}/u],
  ["gu", /\p{Script=Gujarati}/u],
  ["kn", /\p{Script=Kannada}/u],
  ["ml", /\p{Script=Malayalam}/u],
  ["pa", /\p{Script=Gurmukhi}/u],
  ["or", /\p{Script=Oriya}/u],
  ["ur", /\p{Script=Arabic}/u],
  ["si", /\p{Script=Sinhala}/u],
];

/**
 * @param {string} text
 * @param {string} chosen - a language code, or `auto`
 * @returns {string} a value for `lang`
 */
export function languageTag(text, chosen) {
  if (chosen !== "auto") return chosen;
  const start = text.slice(0, 200);
  return SCRIPTS.find(([, letters]) => letters.test(start))?.[0] ?? "en";
}
