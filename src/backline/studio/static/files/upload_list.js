/** Files on their way, and those that were left half way. */

import { html, useState } from "../html.js";
import { percent, roughly, size } from "../units.js";

const STATES = { waiting: "Waiting", sending: "Uploading", trying: "Trying again", paused: "Paused", failed: "Failed" };
const TONES = { sending: "going", trying: "going", failed: "bad" };

/** @param {{uploads: import("./uploads.js").uploads}} props */
export function UploadList({ uploads }) {
  if (!uploads.all.length && !uploads.unfinished.length) return null;
  return html`
    <section aria-labelledby="uploads-title">
      <h2 id="uploads-title">On their way</h2>
      <ul class="cards" aria-label="Uploads">
        ${uploads.all.map((upload) => html`<${Row} key=${upload.id} upload=${upload} uploads=${uploads} />`)}
        ${uploads.unfinished.map((one) => html`<${Unfinished} key=${one.key} one=${one} onGiveUp=${() => uploads.giveUp(one)} />`)}
      </ul>
    </section>
  `;
}

function Row({ upload, uploads }) {
  const { id, file, state, sent, problem, resumedAt, secondsLeft } = upload;
  const [trouble, setTrouble] = useState(null);
  const share = upload.size ? sent / upload.size : 0;
  const facts = [
    `${size(sent)} of ${size(upload.size)}`,
    secondsLeft !== null && `about ${roughly(secondsLeft)} left`,
    resumedAt > 0 && `went on from ${size(resumedAt)}`,
  ];
  const remove = () => uploads.remove(upload).catch(() => setTrouble("The server does not answer. Try again."));
  return html`
    <li class="card" data-upload=${file.name} data-state=${state}>
      <div class="card-head">
        <h3 id=${id}>${file.name}</h3>
        <span class="badge" data-tone=${TONES[state] ?? "calm"}>${STATES[state]}</span>
      </div>
      <${Bar} share=${share} label=${id} />
      <p class="quiet">${facts.filter(Boolean).join(" · ")}</p>
      <p class="problem" role="alert">${trouble ?? problem}</p>
      <div class="card-actions">
        ${upload.active && html`<button type="button" aria-describedby=${id} onClick=${() => uploads.pause(upload)}>Pause</button>`}
        ${(state === "paused" || state === "failed") &&
        html`<button type="button" aria-describedby=${id} onClick=${() => uploads.goOn(upload)}>${state === "paused" ? "Resume" : "Try again"}</button>`}
        <button type="button" aria-describedby=${id} onClick=${remove}>Give up</button>
      </div>
    </li>
  `;
}

function Unfinished({ one, onGiveUp }) {
  const [trouble, setTrouble] = useState(null);
  return html`
    <li class="card" data-unfinished=${one.name}>
      <div class="card-head">
        <h3 id=${one.key}>${one.name}</h3>
        <span class="badge" data-tone="calm">Cut off</span>
      </div>
      <${Bar} share=${one.sent / one.size} label=${one.key} />
      <p class="quiet">${size(one.sent)} of ${size(one.size)} · choose the same file again, and it goes on from here</p>
      <p class="problem" role="alert">${trouble}</p>
      <div class="card-actions">
        <button type="button" aria-describedby=${one.key} onClick=${() => onGiveUp().catch((error) => setTrouble(error.message))}>Give up</button>
      </div>
    </li>
  `;
}

function Bar({ share, label }) {
  return html`
    <div class="bar">
      <progress max="1" value=${share} aria-labelledby=${label} aria-valuetext=${percent(share)}></progress>
      <span class="value" aria-hidden="true">${percent(share)}</span>
    </div>
  `;
}
