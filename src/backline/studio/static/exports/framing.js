/** Framing: a window that moves over the film, and which parts of it are played how fast. */

import { html } from "../html.js";
import { CropFields, CropFrame } from "./crop_frame.js";
import { Cutter, bandsOf, trimEdges } from "./cutter.js";
import { reshaped, widest } from "./geometry.js";
import { indexAt, valuesAt, withKeyframe, withTime, without } from "./keyframes.js";
import { Preview, drawWhole, drawWindow } from "./preview.js";
import { spansOf } from "./spans.js";
import { Stage, Transport } from "./stage.js";
import { Strip } from "./strip.js";
import { useChanges } from "./use_film.js";

const FIELDS = ["x", "y", "width", "height"];

/**
 * @param {object} props
 * @param {import("./film.js").Film} props.film
 * @param {import("./draft.js").Framing} props.framing
 * @param {number} props.shape - of the output, width by height
 * @param {import("./tracks.js").Interpolation} props.interpolation
 * @param {boolean} props.mayBeWhole - whether all of the picture with bars is a choice
 * @param {(framing: import("./draft.js").Framing) => void} props.onChange
 */
export function FramingEditor({ film, framing, shape, interpolation, mayBeWhole, onChange }) {
  useChanges(film, "frame");
  const { info } = film;
  const { whole, cutting } = framing;
  const keyframes = shaped(framing.keyframes, info, shape);
  const here = indexAt(keyframes, film.time, info.rate);
  const time = keyframes[here]?.time ?? film.time; // a frame's time has more digits than a keyframe's
  const window = windowAt(keyframes, info, shape, time, interpolation);
  const spans = spansOf(cutting, info.duration_seconds);
  film.range = {
    start: spans[0]?.start ?? 0,
    end: spans.at(-1)?.end ?? Infinity,
    speedAt: (moment) => (spans.find(({ end }) => moment < end) ?? spans.at(-1))?.speed ?? 1,
  };
  const change = (news) => onChange({ ...framing, ...news });
  const put = (next) => {
    film.video.pause();
    change({ keyframes: withKeyframe(keyframes, { ...next, time: film.time }, info.rate) });
  };
  const points = keyframes.map((one, i) => ({
    time: one.time,
    name: `Keyframe ${i + 1} of ${keyframes.length}`,
    onMove: (to) => {
      const next = withTime(keyframes, i, to, info.rate, film.lastTime);
      change({ keyframes: next });
      return next[i].time;
    },
    onDelete: () => change({ keyframes: without(keyframes, i) }),
  }));
  return html`
    <div class="desk">
      <div class="desk-film">
        <${Stage} film=${film}>${!whole && html`<${CropFrame} film=${info} window=${window} shape=${shape} onChange=${put} />`}<//>
        <${Transport} film=${film} />
        <${Strip}
          film=${film}
          bands=${bandsOf(cutting, info.duration_seconds)}
          points=${whole ? [] : points}
          edges=${trimEdges(film, cutting, (next) => change({ cutting: next }))}
        />
        ${mayBeWhole &&
        html`
          <label class="check">
            <input type="checkbox" checked=${whole} onChange=${({ target }) => change({ whole: target.checked })} />
            All of the picture, with black bars
          </label>
        `}
        ${!whole &&
        html`
          <div class="tools" role="group" aria-label="Keyframes">
            <button type="button" onClick=${() => put(window)} aria-disabled=${here >= 0 ? "true" : "false"}>Add keyframe</button>
            <button type="button" aria-disabled=${here < 0 ? "true" : "false"} onClick=${() => here >= 0 && points[here].onDelete()}>Delete keyframe</button>
            <${Neighbours} film=${film} keyframes=${keyframes} />
          </div>
          <${CropFields} film=${info} window=${window} shape=${shape} onChange=${put} />
        `}
        <${Cutter} film=${film} cutting=${cutting} onChange=${(next) => change({ cutting: next })} />
      </div>
      <${Preview} film=${film} shape=${shape} draw=${(context) => (whole ? drawWhole(context, film) : drawWindow(context, film, window))} />
    </div>
  `;
}

/** To the keyframe before, and to the one after. */
export function Neighbours({ film, keyframes }) {
  const near = 0.5 / film.info.rate;
  const before = keyframes.findLast(({ time }) => time < film.time - near);
  const after = keyframes.find(({ time }) => time > film.time + near);
  const go = (one, name) => html`
    <button type="button" aria-disabled=${one ? "false" : "true"} onClick=${() => one && film.seek(one.time)}>${name}</button>
  `;
  return html`${go(before, "Previous")}${go(after, "Next")}`;
}

/** The keyframes of a draft for a film and an output: their windows have its shape, and lie in the film. */
export function shaped(keyframes, film, shape) {
  return keyframes.map((one) =>
    Math.abs(one.width - one.height * shape) < 0.2 && one.x + one.width <= film.width && one.y + one.height <= film.height
      ? one
      : { time: one.time, ...reshaped(one, film, shape) },
  );
}

function windowAt(keyframes, film, shape, time, interpolation) {
  return keyframes.length ? valuesAt(keyframes, FIELDS, time, interpolation) : widest(film, shape);
}
