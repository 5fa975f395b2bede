/** Spotlight: who is looked at, for as long as it is wanted. */

import { html, useState } from "../html.js";
import { newKey } from "./draft.js";
import { EllipseFields, EllipseFrame } from "./ellipse_frame.js";
import { Neighbours } from "./framing.js";
import { middleEllipse } from "./geometry.js";
import { from, indexAt, upTo, valuesAt, withKeyframe, withTime, without } from "./keyframes.js";
import { Preview, drawWindow } from "./preview.js";
import { EFFECTS, OPACITY, drawSpotlights } from "./spotlight.js";
import { Stage, Transport } from "./stage.js";
import { Strip } from "./strip.js";
import { useChanges } from "./use_film.js";
import { clock } from "./words.js";

const FIELDS = ["x", "y", "radiusX", "radiusY", "opacity"];
const NEW_SECONDS = 2;
const LEAST_SECONDS = 0.1;
const COLOUR = "#ffffff";

/**
 * @param {object} props
 * @param {import("./film.js").Film} props.film
 * @param {{effect: string, regions: import("./draft.js").Region[]}} props.overlay
 * @param {import("./tracks.js").Interpolation} props.interpolation
 * @param {(overlay: {effect: string, regions: import("./draft.js").Region[]}) => void} props.onChange
 */
export function OverlayEditor({ film, overlay, interpolation, onChange }) {
  useChanges(film, "frame");
  const [chosen, setChosen] = useState(null);
  const { info, time } = film;
  const { effect, regions } = overlay;
  film.range = { start: 0, end: Infinity, speedAt: () => 1 };
  const seen = regions.filter(({ start, end }) => time >= start && time <= end);
  const region = seen.find(({ id }) => id === chosen) ?? seen[0];
  const change = (news) => onChange({ ...overlay, ...news });
  const put = (next) => change({ regions: regions.map((one) => (one.id === next.id ? next : one)) });
  const begin = () => {
    const start = from(Math.min(film.time, Math.max(0, info.duration_seconds - LEAST_SECONDS)));
    const end = upTo(Math.min(start + NEW_SECONDS, info.duration_seconds));
    const first = { time: start, ...middleEllipse(info), opacity: OPACITY[effect], color: COLOUR };
    const made = { id: newKey(), start, end, keyframes: [first] };
    setChosen(made.id);
    change({ regions: [...regions, made].sort((a, b) => a.start - b.start) });
  };
  const here = region?.keyframes[indexAt(region.keyframes, time, info.rate)];
  const ellipse = region && valuesAt(region.keyframes, FIELDS, here?.time ?? time, interpolation);
  const keep = (next) => {
    film.video.pause();
    const keyframe = { color: region.keyframes[0].color, ...ellipse, ...next, time: film.time };
    put({ ...region, keyframes: withKeyframe(region.keyframes, keyframe, info.rate) });
  };
  return html`
    <div class="desk">
      <div class="desk-film">
        <${Stage} film=${film}>${region && html`<${EllipseFrame} film=${info} ellipse=${ellipse} onChange=${keep} />`}<//>
        <${Transport} film=${film} />
        <${Strip}
          film=${film}
          bands=${regions.map(({ start, end, id }) => ({ start, end, tone: id === region?.id ? "lit" : "plain", title: "" }))}
          points=${region ? pointsOf(region, film, put) : []}
          edges=${region ? edgesOf(region, film, put) : []}
        />
        <div class="tools" role="group" aria-label="Spotlights">
          <button type="button" onClick=${begin}>Add a spotlight here</button>
          ${region && html`<button type="button" onClick=${() => change({ regions: regions.filter(({ id }) => id !== region.id) })}>Delete this spotlight</button>`}
          ${region && html`<${KeyframeTools} film=${film} region=${region} onAdd=${() => keep(ellipse)} onChange=${put} />`}
        </div>
        <${Regions} film=${film} regions=${regions} current=${region} onChoose=${(one) => {
          setChosen(one.id);
          film.seek(one.start);
        }} />
        ${region && html`<${EllipseFields} film=${info} ellipse=${ellipse} onChange=${keep} />`}
        <${Look}
          effect=${effect}
          region=${region}
          ellipse=${ellipse}
          onEffect=${(next) => change(withEffect(regions, effect, next))}
          onKeep=${keep}
          onColour=${(color) => put({ ...region, keyframes: region.keyframes.map((one) => ({ ...one, color })) })}
        />
      </div>
      <${Preview}
        film=${film}
        shape=${info.width / info.height}
        draw=${(context) => {
          drawWindow(context, film, { x: 0, y: 0, width: info.width, height: info.height });
          drawSpotlights(context, info, regions, effect, film.time, interpolation);
        }}
      />
    </div>
  `;
}

function KeyframeTools({ film, region, onAdd, onChange }) {
  const here = indexAt(region.keyframes, film.time, film.info.rate);
  const last = region.keyframes.length === 1;
  const remove = () => here >= 0 && !last && onChange({ ...region, keyframes: without(region.keyframes, here) });
  return html`
    <button type="button" aria-disabled=${here >= 0 ? "true" : "false"} onClick=${onAdd}>Add keyframe</button>
    <button type="button" aria-disabled=${here < 0 || last ? "true" : "false"} onClick=${remove}>Delete keyframe</button>
    <${Neighbours} film=${film} keyframes=${region.keyframes} />
  `;
}

function Regions({ film, regions, current, onChoose }) {
  if (!regions.length) return html`<p class="hint">Play to where the player should be seen, and add a spotlight.</p>`;
  return html`
    <ul class="choices" aria-label="All spotlights">
      ${regions.map(
        (one, i) => html`
          <li key=${one.id}>
            <button type="button" aria-pressed=${one.id === current?.id ? "true" : "false"} onClick=${() => onChoose(one)}>
              ${i + 1}: ${clock(one.start)} – ${clock(Math.min(one.end, film.info.duration_seconds))}
            </button>
          </li>
        `,
      )}
    </ul>
  `;
}

function Look({ effect, region, ellipse, onEffect, onKeep, onColour }) {
  return html`
    <div class="numbers">
      <div class="field">
        <label for="effect">Effect</label>
        <select id="effect" onChange=${({ target }) => onEffect(target.value)}>
          ${Object.entries(EFFECTS).map(([name, title]) => html`<option key=${name} value=${name} selected=${name === effect}>${title}</option>`)}
        </select>
      </div>
      ${region &&
      html`
        <div class="field">
          <div class="field-head"><label for="opacity">Strength</label><span class="value">${Math.round(ellipse.opacity * 100)} %</span></div>
          <input id="opacity" type="range" min="0" max="1" step="0.01" value=${ellipse.opacity} onInput=${({ target }) => onKeep({ opacity: target.valueAsNumber })} />
        </div>
      `}
      ${region &&
      effect === "original" &&
      html`
        <div class="field">
          <label for="colour">Colour</label>
          <input id="colour" type="color" value=${region.keyframes[0].color} onInput=${({ target }) => onColour(target.value)} />
        </div>
      `}
    </div>
  `;
}

/** Another effect; where nobody has chosen another strength, with the one that suits it. */
function withEffect(regions, before, effect) {
  const suited = (one) => (one.opacity === OPACITY[before] ? { ...one, opacity: OPACITY[effect] } : one);
  return { effect, regions: regions.map((one) => ({ ...one, keyframes: one.keyframes.map(suited) })) };
}

function pointsOf(region, film, put) {
  const { keyframes } = region;
  return keyframes.map((one, i) => ({
    time: one.time,
    name: `Keyframe ${i + 1} of ${keyframes.length}`,
    onMove: (to) => {
      const inside = Math.min(Math.max(to, region.start), region.end);
      const next = withTime(keyframes, i, inside, film.info.rate, film.lastTime);
      put({ ...region, keyframes: next });
      return next[i].time;
    },
    onDelete: () => keyframes.length > 1 && put({ ...region, keyframes: without(keyframes, i) }),
  }));
}

function edgesOf(region, film, put) {
  return [
    {
      name: "Start of the spotlight",
      time: region.start,
      onMove: (to) => {
        const start = from(Math.min(to, region.end - LEAST_SECONDS));
        put({ ...region, start });
        return start;
      },
    },
    {
      name: "End of the spotlight",
      time: region.end,
      onMove: (to) => {
        const end = Math.min(upTo(Math.max(to, region.start + LEAST_SECONDS)), film.info.duration_seconds);
        put({ ...region, end });
        return end;
      },
    },
  ];
}
