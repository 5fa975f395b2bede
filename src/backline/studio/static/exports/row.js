/** One export of the list. */

import { html, useState } from "../html.js";
import { getJson } from "../api.js";
import { saveFile } from "../save.js";
import { percent, when } from "../units.js";
import { orderOf } from "./orders.js";
import { factsOf, isOver, reasonOf, stateOf, titleOf } from "./words.js";

const CUT = "Connection lost; the export goes on. Trying to hear from it again.";

/**
 * @param {object} props
 * @param {import("./words.js").ExportItem} props.item
 * @param {boolean} props.fresh - it ended, and was not seen before
 * @param {boolean} props.cut - nothing is heard of it now
 * @param {number | undefined} props.left - seconds
 * @param {() => Promise<void>} props.onCancel
 * @param {() => Promise<void>} props.onAgain
 */
export function ExportRow({ item, fresh, cut, left, onCancel, onAgain }) {
  const [problem, setProblem] = useState(null);
  const [link, setLink] = useState(null);
  /** Whether it has worked. */
  const trying = async (work) => {
    setProblem(null);
    try {
      await work();
      return true;
    } catch (error) {
      setProblem(error.message);
      return false;
    }
  };
  const title = `export-${item.job_id}`;
  const play = async () => {
    const { output_url: url } = await getJson(`/api/exports/${encodeURIComponent(item.job_id)}`);
    if (!url) throw new Error("The film has been deleted.");
    setLink(url);
  };
  return html`
    <li class="card export" data-export=${item.job_id} data-status=${item.status}>
      <div class="card-head">
        <h3 id=${title}>${titleOf(item)}</h3>
        <span class="badge" data-tone=${toneOf(item)}>${stateOf(item)}</span>
        ${fresh && html`<span class="badge">New</span>`}
        <time class="quiet" datetime=${item.created_at}>${when(item.created_at)}</time>
      </div>
      ${!isOver(item) &&
      html`
        <div class="bar">
          <progress max="100" value=${item.progress} aria-labelledby=${title} aria-valuetext=${percent(item.progress / 100)}></progress>
          <span class="value" aria-hidden="true">${percent(item.progress / 100)}</span>
        </div>
      `}
      <p class="quiet">${factsOf(item, left ?? null).join(" · ")}</p>
      ${item.status === "error" && html`<p class="reason">${reasonOf(item)}</p>`}
      <p class="quiet line" role="status">${cut && !isOver(item) ? CUT : ""}</p>
      <p class="problem" role="alert">${problem}</p>
      ${link && html`<video class="result" src=${link} controls playsinline aria-label=${`${titleOf(item)}, the result`} autoplay></video>`}
      <div class="card-actions">
        <${Cancel} item=${item} title=${title} onPress=${() => trying(onCancel)} />
        ${item.output_video_id && !link && html`<button type="button" aria-describedby=${title} onClick=${() => trying(play)}>Play</button>`}
        ${item.output_video_id && html`<button type="button" aria-describedby=${title} onClick=${() => trying(() => saveFile(item.output_video_id))}>Download</button>`}
        ${item.status === "error" && orderOf(item.job_id) && html`<${Again} title=${title} onPress=${() => trying(onAgain)} />`}
      </div>
    </li>
  `;
}

/** Stays where it is once it was pressed, so that whoever came by keyboard does not lose their place. */
function Cancel({ item, title, onPress }) {
  const [asked, setAsked] = useState(false);
  const over = isOver(item);
  if (over && !asked) return null;
  const press = async () => {
    if (asked || over) return;
    setAsked(true);
    if (!(await onPress())) setAsked(false);
  };
  const label = over ? (item.status === "cancelled" ? "Cancelled" : "It was over already") : asked ? "Cancelling…" : "Cancel";
  return html`
    <button type="button" aria-disabled=${asked || over ? "true" : "false"} aria-describedby=${title} onClick=${press}>${label}</button>
  `;
}

function Again({ title, onPress }) {
  const [busy, setBusy] = useState(false);
  const press = async () => {
    if (busy) return;
    setBusy(true);
    await onPress();
    setBusy(false);
  };
  return html`
    <button type="button" aria-disabled=${busy ? "true" : "false"} aria-describedby=${title} onClick=${press}>${busy ? "Sending" : "Try again"}</button>
  `;
}

function toneOf({ status }) {
  return { complete: "good", error: "bad", processing: "going" }[status] ?? "calm";
}
