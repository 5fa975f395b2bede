/** Ordering a long speech: a text of up to a million characters becomes a job. */

import { html, useEffect, useRef, useState } from "../html.js";
import { getJson, sendJson } from "../api.js";
import { countCodePoints } from "../speech/code_points.js";
import { chooseVoice, formatTitle, speakingEngines, voicesFor } from "../speech/offer.js";
import { languageTag } from "../speech/script.js";
import { useDraft } from "./draft.js";

const MAX_CHARACTERS = 1_000_000;
const MAX_FILE_BYTES = 4 * MAX_CHARACTERS; // of UTF-8

/** @param {{onMade: (job: import("./words.js").Job) => void}} props */
export function OrderForm({ onMade }) {
  const [draft, change, done] = useDraft();
  const [offer, setOffer] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    getJson("/v1/tts/health").then(setOffer, (error) => setProblem(error.message));
  }, []);
  const groups = offer ? voicesFor(speakingEngines(offer), "auto") : [];
  const voice = chooseVoice(groups, draft.voice);
  const characters = countCodePoints(draft.text);
  const order = async (event) => {
    event.preventDefault();
    if (busy) return;
    const wrong = whatIsWrong(draft.text, characters);
    setProblem(wrong);
    if (wrong) return;
    setBusy(true);
    try {
      onMade(await place(draft, voice));
      done();
    } catch (error) {
      setProblem(error.message);
    }
    setBusy(false);
  };
  const fill = async (file) => {
    if (file.size > MAX_FILE_BYTES) return setProblem("This file is too long for one job.");
    setProblem(null);
    change({ text: await file.text(), title: draft.title || file.name.replace(/\.[^.]*$/, "").slice(0, 150) });
  };
  return html`
    <form class="order" onSubmit=${order}>
      <${Text} draft=${draft} characters=${characters} onChange=${change} onFile=${fill} />
      <div class="manner">
        <div class="field">
          <label for="order-title">Title</label>
          <input id="order-title" maxlength="150" placeholder="What the files are called" value=${draft.title} onInput=${(event) => change({ title: event.target.value })} />
        </div>
        <div class="field">
          <label for="order-voice">Voice</label>
          <select id="order-voice" onChange=${(event) => change({ voice: event.target.value })}>
            ${groups.map(({ engine, voices }) => html`
              <optgroup key=${engine} label=${engine}>
                ${voices.map(({ id, name }) => html`<option key=${id} value=${id} selected=${id === voice}>${name}</option>`)}
              </optgroup>
            `)}
          </select>
        </div>
        <div class="field">
          <label for="order-format">File format</label>
          <select id="order-format" onChange=${(event) => change({ format: event.target.value })}>
            ${(offer?.formats ?? []).map(({ name }) => html`
              <option key=${name} value=${name} selected=${name === draft.format}>${formatTitle(name)}</option>
            `)}
          </select>
        </div>
      </div>
      <p class="problem" role="alert">${problem}</p>
      <div class="order-actions">
        <button type="submit" class="primary" aria-disabled=${busy ? "true" : "false"}>${busy ? "Sending" : "Start the job"}</button>
        <p class="hint">It goes on when you close this page.</p>
      </div>
    </form>
  `;
}

function Text({ draft, characters, onChange, onFile }) {
  const input = useRef(null);
  const tooLong = characters > MAX_CHARACTERS;
  const choose = (event) => {
    if (event.target.files[0]) onFile(event.target.files[0]);
    event.target.value = "";
  };
  return html`
    <div class="field">
      <div class="field-head">
        <label for="order-text">Text</label>
        <span id="order-count" class=${tooLong ? "count over" : "count"}>
          ${characters.toLocaleString("en")} <span class="of">of ${MAX_CHARACTERS.toLocaleString("en")} characters</span>
        </span>
      </div>
      <textarea
        id="order-text"
        rows="6"
        spellcheck="false"
        aria-describedby="order-count"
        aria-invalid=${tooLong ? "true" : undefined}
        lang=${languageTag(draft.text, "auto")}
        value=${draft.text}
        onInput=${(event) => onChange({ text: event.target.value })}
      ></textarea>
      <div>
        <button type="button" onClick=${() => input.current.click()}>Open a text file</button>
        <input ref=${input} type="file" accept=".txt,.md,text/plain" hidden aria-label="A text file" onChange=${choose} />
      </div>
    </div>
  `;
}

function whatIsWrong(text, characters) {
  if (!text.trim()) return "Write or paste a text first.";
  if (characters > MAX_CHARACTERS) return `A job takes ${MAX_CHARACTERS.toLocaleString("en")} characters at most. Make several of it.`;
  return null;
}

/** The same draft again gives the same job: an answer that was lost costs nothing. */
function place({ text, title, format, key }, voice) {
  const body = { text, voice, format, ...(title.trim() && { title: title.trim() }) };
  return sendJson("POST", "/v1/tts/jobs", body, undefined, { "Idempotency-Key": key });
}
