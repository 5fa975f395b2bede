/** Lists of keyframes, in the order of their times: what they are in between, and how they are changed. */

import { Track } from "./tracks.js";

const DIGITS = 1e6; // microseconds

/** @typedef {{time: number} & Object<string, number>} Keyframe */

/** A moment as it is sent. What is shown at it is the frame that is meant: the server allows for half a tick. */
export function exactly(time) {
  return Math.max(0, Math.round(time * DIGITS) / DIGITS);
}

/** A moment as it is sent, from which on the frame at that time is meant. */
export function from(time) {
  return Math.max(0, Math.floor(time * DIGITS) / DIGITS);
}

/** A moment as it is sent, up to which the frame at that time is meant. */
export function upTo(time) {
  return Math.ceil(time * DIGITS) / DIGITS;
}

/** @param {number} time @param {number} rate - frames a second @returns {number} the time of the nearest frame */
export function snapped(time, rate) {
  return exactly(Math.round(time * rate) / rate);
}

/**
 * @param {Keyframe[]} keyframes - at least one
 * @param {string[]} fields - those that move
 * @param {number} time
 * @param {import("./tracks.js").Interpolation} interpolation
 * @returns {Object<string, number>} the fields at that time
 */
export function valuesAt(keyframes, fields, time, interpolation) {
  const values = keyframes.map((one) => fields.map((field) => one[field]));
  const now = new Track(keyframes.map((one) => one.time), values, interpolation).at(time);
  return Object.fromEntries(fields.map((field, i) => [field, now[i]]));
}

/** @returns {number} which keyframe is at that time, to half a frame; -1: none */
export function indexAt(keyframes, time, rate) {
  return keyframes.findIndex((one) => Math.abs(one.time - time) < 0.5 / rate);
}

/** The list with one more, or with another one in the place of that which is there. */
export function withKeyframe(keyframes, keyframe, rate) {
  const there = indexAt(keyframes, keyframe.time, rate);
  if (there >= 0) return keyframes.map((one, i) => (i === there ? { ...keyframe, time: one.time } : one));
  return [...keyframes, { ...keyframe, time: snapped(keyframe.time, rate) }].sort((a, b) => a.time - b.time);
}

/** The list with one at another time, but not at or behind its neighbours: it keeps its number. */
export function withTime(keyframes, index, time, rate, seconds) {
  const lowest = index > 0 ? keyframes[index - 1].time + 1 / rate : 0;
  const highest = index < keyframes.length - 1 ? keyframes[index + 1].time - 1 / rate : seconds;
  if (highest < lowest) return keyframes;
  const moved = snapped(Math.min(Math.max(time, lowest), highest), rate);
  return keyframes.map((one, i) => (i === index ? { ...one, time: moved } : one));
}

/** The list without one. */
export function without(keyframes, index) {
  return keyframes.filter((_, i) => i !== index);
}
