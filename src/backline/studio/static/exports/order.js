/** Ordering the export: its size and manner, what it costs, and the button. */

import { html, useState } from "../html.js";
import { sendJson } from "../api.js";
import { useSession } from "../account/session.js";
import { bodyOf, missingOf, secondsOf } from "./config.js";
import { remember } from "./orders.js";
import { SIZES } from "./sizes.js";
import { clock } from "./words.js";

const RATES = { "": "As the film has", 24: "24", 25: "25", 29.97: "29.97", 30: "30", 50: "50", 60: "60" };
const MODES = { quality: "Best quality", FAST: "Fast" };
const WAYS = { linear: "Straight", catmull_rom: "Smooth" };

/**
 * @param {object} props
 * @param {string} props.type
 * @param {import("./draft.js").Draft} props.draft
 * @param {string} props.name - of the film
 * @param {import("./config.js").FilmInfo | null} props.info
 * @param {(options: Partial<import("./draft.js").Draft["options"]>) => void} props.onOptions
 * @param {() => void} props.onKeep - the draft must outlive what comes next
 * @param {(item: import("./words.js").ExportItem) => void} props.onMade
 */
export function OrderForm({ type, draft, name, info, onOptions, onKeep, onMade }) {
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const missing = missingOf(type, draft);
  const seconds = secondsOf(type, draft, info);
  const order = async (event) => {
    event.preventDefault();
    if (busy) return;
    setProblem(missing);
    if (missing || (type !== "multi_clip" && !info)) return;
    setBusy(true);
    onKeep(); // its key too: should the answer be lost, the same order gets the same export
    try {
      const body = bodyOf(type, draft, name, info);
      const item = await sendJson("POST", "/api/exports", body, undefined, { "Idempotency-Key": draft.key });
      remember(item.job_id, body);
      onMade(item);
    } catch (error) {
      setProblem(error.message);
    }
    setBusy(false);
  };
  return html`
    <form class="export-order" onSubmit=${order}>
      <${Options} type=${type} options=${draft.options} onChange=${onOptions} />
      <p class="problem" role="alert">${problem}</p>
      <div class="order-actions">
        <button type="submit" class="primary" aria-disabled=${busy ? "true" : "false"} aria-describedby="export-price">${busy ? "Sending" : "Export"}</button>
        <${Price} seconds=${missing ? 0 : seconds} />
      </div>
    </form>
  `;
}

/** Before, not after: what it will cost, and what is there. */
function Price({ seconds }) {
  const { balance } = useSession();
  const length = seconds > 0 && `${clock(seconds)} of film`;
  const cost = seconds * Number(balance?.prices.exports ?? 1);
  const price = !balance?.billed
    ? "not metered here"
    : `about ${Math.ceil(cost)} s of credit, of the ${Math.floor(Number(balance.available_seconds))} s that you have`;
  const short = balance?.billed && Number(balance.available_seconds) < cost;
  return html`
    <p class="hint" id="export-price" data-short=${short ? "true" : "false"}>
      ${length ? html`<span data-seconds=${seconds.toFixed(3)}>${length}</span> · ${price}. ` : ""}It goes on when you close this page.
    </p>
  `;
}

function Options({ type, options, onChange }) {
  const choice = (name, label, all, value) => html`
    <div class="field">
      <label for=${`export-${name}`}>${label}</label>
      <select id=${`export-${name}`} onChange=${({ target }) => onChange({ [name]: target.value })}>
        ${Object.entries(all).map(([one, title]) => html`<option key=${one} value=${one} selected=${one === value}>${title}</option>`)}
      </select>
    </div>
  `;
  const shaped = type === "framing" || type === "multi_clip";
  return html`
    <div class="numbers">
      ${shaped && choice("size", "Size", SIZES, options.size)}
      ${choice("fps", "Frames a second", RATES, options.fps)}
      ${choice("mode", "Manner", MODES, options.mode)}
      ${type !== "annotate" && choice("interpolation", "Way between keyframes", WAYS, options.interpolation)}
      <label class="check">
        <input type="checkbox" checked=${options.audio} onChange=${({ target }) => onChange({ audio: target.checked })} />
        With sound
      </label>
    </div>
  `;
}
