/** What is heard, as a picture that moves on: time to the left, pitch upwards, bar lines with their numbers. */

import { html, useEffect, useRef } from "../html.js";

const PIXELS_PER_SECOND = 48;
const LOWEST_HZ = 40;
const HIGHEST_HZ = 16_000;
const STILL_MS = 500; // between two pictures for whoever wants less motion
const COLOURS = ["--surface", "--accent-soft", "--accent", "--ink"];

/** @param {{player: import("./player.js").JamPlayer | null, barFrames: number | null}} props */
export function Spectrogram({ player, barFrames }) {
  const picture = useRef();
  const lines = useRef();
  useEffect(() => {
    if (!player) return undefined;
    const roll = new Roll(picture.current, lines.current, player, barFrames);
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    let pending = 0;
    let drawnMs = 0;
    const frame = (nowMs) => {
      if (!picture.current) return; // the page was left; what ends this comes a moment later
      pending = requestAnimationFrame(frame);
      if (!player.playing || nowMs - drawnMs < (still.matches ? STILL_MS : 0)) return;
      roll.draw(drawnMs && nowMs - drawnMs < 1000 ? nowMs - drawnMs : 0);
      drawnMs = nowMs;
    };
    pending = requestAnimationFrame(frame);
    return () => cancelAnimationFrame(pending);
  }, [player, barFrames]);
  return html`
    <div class="spectrogram" role="img" aria-label="Spectrogram of what is heard">
      <canvas ref=${picture}></canvas>
      <canvas ref=${lines}></canvas>
    </div>
  `;
}

class Roll {
  #picture;
  #lines;
  #player;
  #barFrames;
  #levels;
  #rows = []; // first and last bin of each row of pixels
  #colours = [];
  #look = "";
  #rest = 0; // of a pixel
  #bars = []; // {bar, x}: those in sight
  #column = null;

  constructor(picture, lines, player, barFrames) {
    this.#picture = picture;
    this.#lines = lines;
    this.#player = player;
    this.#barFrames = barFrames;
    this.#levels = new Uint8Array(player.analyser.frequencyBinCount);
  }

  /** @param {number} elapsedMs - since the last time */
  draw(elapsedMs) {
    this.#fit();
    const way = (elapsedMs / 1000) * PIXELS_PER_SECOND * devicePixelRatio + this.#rest;
    const pixels = Math.floor(way);
    this.#rest = way - pixels;
    if (pixels) this.#move(pixels);
    this.#drawLines();
  }

  /** Follows the size and the colours. What was drawn stays, but when the height is another one. */
  #fit() {
    const { clientWidth, clientHeight } = this.#picture;
    const width = Math.round(clientWidth * devicePixelRatio);
    const height = Math.round(clientHeight * devicePixelRatio);
    const style = getComputedStyle(this.#picture);
    const look = [width, height, ...COLOURS.map((name) => style.getPropertyValue(name))].join();
    if (look === this.#look) return;
    this.#look = look;
    this.#resize(width, height);
    this.#rows = rowsOf(height, this.#levels.length, this.#player.rateHz);
    this.#colours = gradient(COLOURS.map((name) => style.getPropertyValue(name)));
    this.#column = new ImageData(1, height);
  }

  #resize(width, height) {
    const picture = this.#picture;
    const right = width - picture.width;
    const same = picture.height === height && picture.width > 0;
    const kept = same && new OffscreenCanvas(picture.width, height);
    if (same) kept.getContext("2d").drawImage(picture, 0, 0);
    for (const canvas of [picture, this.#lines]) Object.assign(canvas, { width, height });
    if (same) picture.getContext("2d").drawImage(kept, right, 0);
    this.#bars = same ? this.#bars.map(({ bar, x }) => ({ bar, x: x + right })) : [];
  }

  #move(pixels) {
    const { width, height } = this.#picture;
    const context = this.#picture.getContext("2d");
    context.drawImage(this.#picture, -pixels, 0);
    this.#player.analyser.getByteFrequencyData(this.#levels);
    const { data } = this.#column;
    this.#rows.forEach(([from, to], row) => {
      let level = 0;
      for (let bin = from; bin <= to; bin++) level = Math.max(level, this.#levels[bin]);
      data.set(this.#colours[level], 4 * row);
    });
    for (let x = width - pixels; x < width; x++) context.putImageData(this.#column, x, 0);
    this.#note(pixels);
  }

  #note(pixels) {
    for (const line of this.#bars) line.x -= pixels;
    if (this.#bars[0]?.x < -100) this.#bars.shift();
    const { position } = this.#player;
    if (position === null || !this.#barFrames) return;
    const bar = Math.floor(position / this.#barFrames);
    if (this.#bars.at(-1)?.bar !== bar) this.#bars.push({ bar, x: this.#picture.width });
  }

  #drawLines() {
    const context = this.#lines.getContext("2d");
    const style = getComputedStyle(this.#lines);
    context.clearRect(0, 0, this.#lines.width, this.#lines.height);
    context.font = `${11 * devicePixelRatio}px ${style.fontFamily}`;
    context.textBaseline = "top";
    for (const { bar, x } of this.#bars) {
      context.fillStyle = style.getPropertyValue("--control");
      context.fillRect(x, 0, devicePixelRatio, this.#lines.height);
      context.fillStyle = style.getPropertyValue("--quiet");
      context.fillText(String(bar + 1), x + 4 * devicePixelRatio, 3 * devicePixelRatio);
    }
  }
}

/** Pitch is heard in octaves, so each has the same height. */
function rowsOf(height, bins, rateHz) {
  const highest = Math.min(HIGHEST_HZ, rateHz / 2);
  const binAt = (row) => ((LOWEST_HZ * (highest / LOWEST_HZ) ** (1 - row / height)) / (rateHz / 2)) * bins;
  return Array.from({ length: height }, (_, row) => {
    const from = Math.floor(binAt(row + 1));
    return [from, Math.min(bins - 1, Math.max(from, Math.ceil(binAt(row)) - 1))];
  });
}

/** @param {string[]} colours - evenly spread @returns {Uint8ClampedArray[]} 256 of them, red, green, blue, alpha */
function gradient(colours) {
  const context = new OffscreenCanvas(256, 1).getContext("2d", { willReadFrequently: true });
  const fill = context.createLinearGradient(0, 0, 256, 0);
  colours.forEach((colour, i) => fill.addColorStop(i / (colours.length - 1), colour.trim()));
  context.fillStyle = fill;
  context.fillRect(0, 0, 256, 1);
  const { data } = context.getImageData(0, 0, 256, 1);
  return Array.from({ length: 256 }, (_, i) => data.slice(4 * i, 4 * i + 4));
}
