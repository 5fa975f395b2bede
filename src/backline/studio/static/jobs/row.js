/** One job of the list. */

import { html, useState } from "../html.js";
import { saveFile } from "../save.js";
import { percent, when } from "../units.js";
import { filesOf, isOver, kindOf, reasonOf, soundOf, stateOf, timesOf } from "./words.js";

/**
 * @param {object} props
 * @param {import("./words.js").Job} props.job
 * @param {string | null | undefined} props.name - of its files, where it has some
 * @param {number} props.now - ms
 * @param {() => Promise<void>} props.onCancel
 */
export function JobRow({ job, name, now, onCancel }) {
  const [problem, setProblem] = useState(null);
  const trying = async (work) => {
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem(error.message);
    }
  };
  const title = `job-${job.id}`;
  const facts = [
    name && kindOf(job),
    isOver(job) ? soundOf(job) : job.message,
    timesOf(job, now),
    job.attempt > 1 && `attempt ${job.attempt}`,
  ];
  return html`
    <li class="card job" data-job=${job.id} data-state=${job.state}>
      <div class="card-head">
        <h2 id=${title}>${name || kindOf(job)}</h2>
        <span class="badge" data-tone=${toneOf(job)}>${stateOf(job)}</span>
        <time class="quiet" datetime=${job.created}>${when(job.created)}</time>
      </div>
      ${!isOver(job) &&
      html`
        <div class="bar">
          <progress max="1" value=${job.progress} aria-labelledby=${title} aria-valuetext=${percent(job.progress)}></progress>
          <span class="value" aria-hidden="true">${percent(job.progress)}</span>
        </div>
      `}
      <p class="quiet">${facts.filter(Boolean).join(" · ")}</p>
      ${job.error && html`<p class="reason">${reasonOf(job)}</p>`}
      <p class="problem" role="alert">${problem}</p>
      <div class="card-actions">
        <${Cancel} job=${job} onCancel=${() => trying(onCancel)} />
        ${filesOf(job).map(
          ({ id, title: what }) => html`
            <button key=${id} type="button" aria-label=${`Download ${what}`} aria-describedby=${title} onClick=${() => trying(() => saveFile(id))}>
              <span aria-hidden="true">↓ </span>${what}
            </button>
          `,
        )}
      </div>
    </li>
  `;
}

/** Stays where it is once it was pressed, so that whoever came by keyboard does not lose their place. */
function Cancel({ job, onCancel }) {
  const [asked, setAsked] = useState("no");
  const over = isOver(job);
  if (over && asked === "no") return null;
  const busy = over || job.cancel_requested || asked === "asking";
  const press = async () => {
    if (busy) return;
    setAsked("asking");
    await onCancel();
    setAsked("asked");
  };
  const label = over ? (job.state === "cancelled" ? "Cancelled" : "It was over already") : busy ? "Cancelling…" : "Cancel";
  return html`
    <button type="button" aria-disabled=${busy ? "true" : "false"} aria-describedby=${`job-${job.id}`} onClick=${press}>
      ${label}
    </button>
  `;
}

function toneOf({ state }) {
  return { succeeded: "good", failed: "bad", running: "going" }[state] ?? "calm";
}
