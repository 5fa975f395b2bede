/** The sound as it is made, drawn; also the slider that moves the playhead. */

import { html, useEffect, useRef } from "../html.js";
import { eachFrame } from "./frames.js";
import { spoken } from "./seconds.js";

const BAR_PIXELS = 3;
const GAP_PIXELS = 2;
const SHORTEST_SECONDS = 4; // a short sound does not fill the strip while it grows
const GROWTH = 1.5; // a full strip is made this much longer, so that bars do not shimmer all the time
const STEP_SECONDS = 1; // of the arrow keys

/** @param {{take: import("./take.js").Take | null}} props */
export function Waveform({ take }) {
  const slider = useRef();
  const canvas = useRef();
  const strip = useRef();
  useEffect(() => {
    strip.current = new Strip(canvas.current, take);
    const redraw = () => {
      if (!slider.current) return; // the page was left; what ends this comes a moment later
      strip.current.draw();
      describe(slider.current, take);
    };
    const stopFrames = take ? eachFrame(take, redraw) : () => {};
    const stopRedraw = onNewLook(canvas.current, redraw);
    return () => {
      stopFrames();
      stopRedraw();
    };
  }, [take]);

  const seekTo = (event) => {
    const { left } = slider.current.getBoundingClientRect();
    take.seek((event.clientX - left) * strip.current.secondsPerPixel);
  };
  const scrub = {
    onPointerDown: (event) => {
      slider.current.setPointerCapture(event.pointerId);
      seekTo(event);
    },
    onPointerMove: (event) => slider.current.hasPointerCapture(event.pointerId) && seekTo(event),
    onKeyDown: (event) => onKey(event, take),
  };
  return html`
    <div
      class="waveform"
      ref=${slider}
      role="slider"
      tabindex="0"
      aria-label="Position in the sound"
      aria-valuemin="0"
      aria-disabled=${take ? "false" : "true"}
      ...${take ? scrub : {}}
    >
      <canvas ref=${canvas} aria-hidden="true"></canvas>
    </div>
  `;
}

function onKey(event, take) {
  const { position, endSeconds } = take.player;
  const target = {
    ArrowRight: position + STEP_SECONDS,
    ArrowUp: position + STEP_SECONDS,
    ArrowLeft: position - STEP_SECONDS,
    ArrowDown: position - STEP_SECONDS,
    Home: 0,
    End: endSeconds,
  }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  take.seek(target);
}

/** Tells a screen reader where the playhead is, in whole seconds: a focused slider reads every change aloud. */
function describe(slider, take) {
  const now = Math.floor(take?.player.position ?? 0);
  const made = take?.madeSeconds ?? 0;
  const text = take ? `${spoken(now)} of ${spoken(made)}` : "nothing yet";
  if (slider.getAttribute("aria-valuetext") === text) return;
  slider.setAttribute("aria-valuenow", now);
  slider.setAttribute("aria-valuemax", Math.max(now, Math.ceil(made)));
  slider.setAttribute("aria-valuetext", text);
}

/** Calls back at once, and when the element's size or the colour scheme changes. Returns what ends it. */
function onNewLook(element, callback) {
  const sizes = new ResizeObserver(callback);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  sizes.observe(element);
  scheme.addEventListener("change", callback);
  return () => {
    sizes.disconnect();
    scheme.removeEventListener("change", callback);
  };
}

class Strip {
  secondsPerPixel = 1;
  #canvas;
  #take;
  #spanSeconds = SHORTEST_SECONDS;

  constructor(canvas, take) {
    this.#canvas = canvas;
    this.#take = take;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio;
    if (this.#canvas.width !== Math.round(width * ratio) || this.#canvas.height !== Math.round(height * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    const context = this.#canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.secondsPerPixel = this.#span() / width;
    const look = colours(this.#canvas);
    if (this.#take) this.#drawWord(context, look, height);
    this.#drawBars(context, look, width, height);
    if (this.#take?.heard) this.#drawPlayhead(context, look, height);
  }

  /** Seconds that the whole width stands for. */
  #span() {
    const made = this.#take?.madeSeconds ?? 0;
    if (made && this.#take.phase !== "making") return made;
    while (this.#spanSeconds < made) this.#spanSeconds *= GROWTH;
    return this.#spanSeconds;
  }

  #drawBars(context, look, width, height) {
    const pitch = BAR_PIXELS + GAP_PIXELS;
    const count = Math.floor(width / pitch);
    const heights = this.#take?.outline.bars(count, pitch * this.secondsPerPixel) ?? [];
    const played = (this.#take?.player.position ?? 0) / this.secondsPerPixel;
    for (let bar = 0; bar < count; bar++) {
      const x = bar * pitch;
      const length = bar < heights.length ? Math.max(BAR_PIXELS, heights[bar] ** 0.75 * (height - 12)) : BAR_PIXELS;
      context.fillStyle = bar >= heights.length ? look.empty : x < played ? look.played : look.rest;
      context.beginPath();
      context.roundRect(x, (height - length) / 2, BAR_PIXELS, length, BAR_PIXELS / 2);
      context.fill();
    }
  }

  #drawWord(context, look, height) {
    const { timeline, player, heard } = this.#take;
    const word = heard && timeline.stretches[timeline.indexAt(player.position)];
    if (!word) return;
    context.fillStyle = look.band;
    const x = word.startSeconds / this.secondsPerPixel;
    const length = (word.endSeconds - word.startSeconds) / this.secondsPerPixel;
    context.beginPath();
    context.roundRect(x - 1, 0, length + 2, height, 5);
    context.fill();
  }

  #drawPlayhead(context, look, height) {
    const x = this.#take.player.position / this.secondsPerPixel;
    context.fillStyle = look.played;
    context.fillRect(x - 1, 0, 2, height);
  }
}

function colours(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name);
  return { empty: read("--line"), rest: read("--wave"), played: read("--accent"), band: read("--accent-soft") };
}
