/** The loop as it looks, with its bars: whether the tempo fits is seen. */

import { html, useEffect, useRef } from "../html.js";
import { barSeconds } from "./setup.js";

const BAR_PIXELS = 2;
const GAP_PIXELS = 1;
const CLOSEST_PIXELS = 6; // between two lines; nearer ones would be a grey field

/** @param {{loop: import("./loop.js").Loop, setup: import("./setup.js").Setup}} props */
export function LoopPicture({ loop, setup }) {
  const canvas = useRef();
  const { bpm, beatsPerBar } = setup;
  useEffect(() => {
    const element = canvas.current;
    const redraw = () => draw(element, loop, setup);
    const sizes = new ResizeObserver(redraw);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    sizes.observe(element);
    scheme.addEventListener("change", redraw);
    return () => {
      sizes.disconnect();
      scheme.removeEventListener("change", redraw);
    };
  }, [loop, loop.seconds, bpm, beatsPerBar]);
  return html`<canvas class="loop-picture" ref=${canvas} role="img" aria-label=${`${loop.name}, drawn with its bars`}></canvas>`;
}

function draw(canvas, loop, setup) {
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  drawLines(context, loop, setup, style, width, height);
  const { outline } = loop;
  const count = Math.floor(width / (BAR_PIXELS + GAP_PIXELS));
  context.fillStyle = style.getPropertyValue("--wave");
  for (let bar = 0; bar < count && outline.length; bar++) {
    const from = Math.floor((bar * outline.length) / count);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * outline.length) / count));
    const length = Math.max(1, Math.max(...outline.subarray(from, to)) ** 0.75 * (height - 8));
    context.fillRect(bar * (BAR_PIXELS + GAP_PIXELS), (height - length) / 2, BAR_PIXELS, length);
  }
}

function drawLines(context, loop, setup, style, width, height) {
  if (!loop.seconds || !(setup.bpm > 0)) return;
  const beat = (barSeconds(setup) / setup.beatsPerBar / loop.seconds) * width;
  const step = beat >= CLOSEST_PIXELS ? 1 : setup.beatsPerBar;
  if (beat * step < CLOSEST_PIXELS) return;
  for (let at = 0; at * beat <= width + 0.5; at += step) {
    const isBar = at % setup.beatsPerBar === 0;
    context.fillStyle = style.getPropertyValue(isBar ? "--accent" : "--line");
    context.fillRect(Math.min(Math.round(at * beat), width - 1), 0, 1, height);
  }
}
