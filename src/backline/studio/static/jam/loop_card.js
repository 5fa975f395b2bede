/** The loop: chosen, dropped or recorded; seen against its bars, and heard. */

import { html, useEffect, useRef, useState } from "../html.js";
import { useDrop } from "../files/drop.js";
import { demoLoop } from "./demo.js";
import { hearLoop } from "./loop.js";
import { LoopPicture } from "./loop_picture.js";
import { Recorder } from "./recorder.js";
import { barSeconds } from "./setup.js";
import { barsOf, factsOf } from "./words.js";
import { clock } from "../speech/seconds.js";

/**
 * @param {object} props
 * @param {import("./loop.js").Loop | null} props.loop
 * @param {import("./setup.js").Setup} props.setup
 * @param {boolean} props.silent - whether it must not be heard by itself, since music plays
 * @param {(file: File) => void} props.onFile
 * @param {(problem: string | null) => void} props.onProblem
 * @param {object} props.children - what else can be done with it
 */
export function LoopCard({ loop, setup, silent, onFile, onProblem, children }) {
  const input = useRef();
  const [recording, toggleRecording] = useRecorder(onFile, onProblem);
  const [hearing, toggleHearing] = useHearing(loop, silent);
  const over = useDrop(([file]) => onFile(file), onProblem);
  const choose = ({ target }) => {
    if (target.files.length) onFile(target.files[0]);
    target.value = ""; // so that the same file may be chosen again
  };
  return html`
    <div class="loop" data-over=${over ? "true" : "false"}>
      ${loop ? html`<${LoopPicture} loop=${loop} setup=${setup} />` : html`<p class="hint">Drop a loop anywhere on this page: WAV, FLAC, MP3, Ogg or M4A.</p>`}
      ${loop && html`<${Facts} loop=${loop} setup=${setup} />`}
      <div class="loop-actions">
        <button type="button" class=${loop ? "" : "primary"} onClick=${() => input.current.click()}>Choose a loop</button>
        <button type="button" aria-pressed=${recording ? "true" : "false"} class="record" onClick=${toggleRecording}>
          ${recording ? `Stop recording, ${clock(recording.seconds)}` : "Record"}
        </button>
        ${loop?.buffer &&
        html`<button type="button" aria-pressed=${hearing ? "true" : "false"} aria-disabled=${silent ? "true" : "false"} onClick=${toggleHearing}>
          ${hearing ? "Stop hearing it" : "Hear it"}
        </button>`}
        ${!loop && html`<button type="button" onClick=${() => onFile(demoLoop())}>Take the demo</button>`}
        ${children}
      </div>
      ${recording && html`<meter class="level" min="0" max="1" high="0.98" value=${recording.level} aria-label="Level of the recording"></meter>`}
      <input ref=${input} type="file" hidden accept="audio/*" aria-label="Loop" onChange=${choose} />
    </div>
  `;
}

function Facts({ loop, setup }) {
  const length = loop.seconds === null ? [] : [`${loop.seconds.toFixed(2)} s`, barsOf(loop.seconds / barSeconds(setup))];
  return html`
    <p class="loop-facts">
      <b>${loop.name}</b> <span class="quiet" data-loop-facts>${[...length, ...factsOf(loop.heard)].join(" · ")}</span>
    </p>
  `;
}

/** @returns {[Recorder | null, () => void]} the recorder while it records, and what begins and ends it */
function useRecorder(onFile, onProblem) {
  const [recorder, setRecorder] = useState(null);
  const [, setFrames] = useState(0);
  const current = useRef(null);
  const latest = useRef();
  latest.current = { onFile, onProblem };
  const finish = async () => {
    const recorded = current.current;
    current.current = null;
    setRecorder(null);
    const file = await recorded?.finish();
    if (file) latest.current.onFile(file);
    else if (recorded) latest.current.onProblem("Nothing came in to be recorded.");
  };
  const begin = async () => {
    onProblem(null);
    try {
      current.current = await Recorder.open(() => {
        setFrames(current.current?.seconds);
        if (current.current?.full) finish();
      });
      setRecorder(current.current);
    } catch (error) {
      onProblem(error.message);
    }
  };
  useEffect(() => () => current.current?.close(), []);
  return [recorder, () => (recorder ? finish() : begin())];
}

/** @returns {[boolean, () => void]} whether the loop is heard by itself, and what begins and ends that */
function useHearing(loop, silent) {
  const [hearing, setHearing] = useState(false);
  useEffect(() => (hearing && loop && !silent ? hearLoop(loop) : undefined), [hearing, loop, silent]);
  useEffect(() => setHearing(false), [loop, silent]);
  return [hearing, () => !silent && setHearing(!hearing)];
}
