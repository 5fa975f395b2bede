/** The light on a player, as `engines/video/spotlight.py` draws it: ellipses with a soft edge. */

import { Track } from "./tracks.js";

const SOFT = 0.1; // the edge reaches from 1 - SOFT to 1 + SOFT radii
const STOPS = 16; // of the gradient along the edge

export const EFFECTS = { dark_overlay: "Dim the rest", brightness_boost: "Brighten", original: "Colour" };

/** How strong an effect is when nobody says. */
export const OPACITY = { dark_overlay: 0.6, brightness_boost: 0.15, original: 0.15 };

/**
 * @param {CanvasRenderingContext2D} context - that shows all of the film
 * @param {{width: number, height: number}} film - its size
 * @param {{start: number, end: number, keyframes: any[]}[]} regions
 * @param {"dark_overlay" | "brightness_boost" | "original"} effect
 * @param {number} time
 * @param {import("./tracks.js").Interpolation} interpolation
 */
export function drawSpotlights(context, film, regions, effect, time, interpolation) {
  for (const { start, end, keyframes } of regions) {
    if (time < start || time > end) continue;
    const track = new Track(keyframes.map((one) => one.time), keyframes.map(valuesOf), interpolation);
    const [x, y, radiusX, radiusY, opacity, ...rgb] = track.at(time);
    const { width, height } = context.canvas;
    const across = width / film.width;
    const down = height / film.height;
    const place = [radiusX * across, 0, 0, radiusY * down, x * across, y * down];
    DRAW[effect](context, place, Math.min(Math.max(opacity, 0), 1), rgb.map(Math.round));
  }
}

const DRAW = {
  dark_overlay(context, place, strength) {
    fill(context, place, [0, 0, 0], (light) => strength * (1 - light));
  },
  original(context, place, strength, rgb) {
    fill(context, place, rgb, (light) => strength * light);
  },
  /** What is lit is added to itself. */
  brightness_boost(context, place, strength) {
    const { width, height } = context.canvas;
    const lit = new OffscreenCanvas(width, height).getContext("2d");
    lit.drawImage(context.canvas, 0, 0);
    lit.globalCompositeOperation = "destination-in";
    fill(lit, place, [0, 0, 0], (light) => strength * light);
    context.globalCompositeOperation = "lighter";
    context.drawImage(lit.canvas, 0, 0);
    context.globalCompositeOperation = "source-over";
  },
};

/** All of the canvas in one colour. alphaOf: from how lit a place is, 0 to 1. */
function fill(context, place, rgb, alphaOf) {
  const reach = 1 + SOFT;
  const gradient = context.createRadialGradient(0, 0, 0, 0, 0, reach);
  const stop = (distance, light) => gradient.addColorStop(distance / reach, `rgb(${rgb.join(" ")} / ${alphaOf(light)})`);
  stop(0, 1);
  for (let i = 0; i <= STOPS; i++) stop(1 - SOFT + (2 * SOFT * i) / STOPS, smoothstep(1 - i / STOPS));
  const { width, height } = context.canvas;
  const [radiusX, , , radiusY, x, y] = place;
  context.save();
  context.setTransform(...place);
  context.fillStyle = gradient;
  context.fillRect(-x / radiusX, -y / radiusY, width / radiusX, height / radiusY);
  context.restore();
}

function smoothstep(t) {
  return t * t * (3 - 2 * t);
}

function valuesOf({ x, y, radiusX, radiusY, opacity, color }) {
  const rgb = [1, 3, 5].map((place) => parseInt(color.slice(place, place + 2), 16));
  return [x, y, radiusX, radiusY, opacity, ...rgb];
}
