/** The jam page: a loop in, and music that goes on from it, for as long as one likes. */

import { html, useEffect, useRef, useState } from "../html.js";
import { USUAL } from "./controls.js";
import { jam } from "./jam.js";
import { Knobs, More } from "./knobs.js";
import { Loop } from "./loop.js";
import { LoopCard } from "./loop_card.js";
import { rememberChoices, rememberedChoices } from "./memory.js";
import { rateFor, USUAL_SETUP, wrongWith } from "./setup.js";
import { Stage } from "./stage.js";
import { Styles } from "./styles.js";
import { Time } from "./time.js";
import { useJam } from "./use_jam.js";
import { describe, warningOf } from "./words.js";

const SPLICE_BARS = 2;
const CONTROL_KEY = /Mac|iPad|iPhone/.test(navigator.platform) ? "⌘" : "Ctrl";
const IDLE = ["off", "ready", "found"];
const FIXED = ["playing", "stopping", "closing", "starting", "warming"]; // phases in which the time cannot be changed

export function JamPage() {
  const { phase, loop, playedLoop, warning, player } = useJam();
  const [{ setup, controls }, { changeSetup, turn, now }] = useChoices();
  const [problem, setProblem] = useState(null);
  const [source, setSource] = useState("");
  const chosenBpm = useRef(false); // by hand, since the loop was chosen
  const open = useLoopOpener(setProblem, (bpm, clarity) => {
    if (chosenBpm.current) return;
    changeSetup({ bpm });
    setSource(clarity < 0.3 ? "Hardly to be heard in the loop: tap it, or type it." : "Heard in the loop.");
  });
  const fixed = FIXED.includes(phase);
  const start = (event) => {
    if (!IDLE.includes(phase)) return;
    const { setup, controls } = now(); // what was typed until the click may not be rendered yet
    const refused = loop ? wrongWith(setup) : "Choose a loop first, record one, or take the demo.";
    setProblem(refused);
    if (refused) return;
    jam.start({ loop, setup, controls, rateHz: rateFor(loop.heard?.sample_rate) }, event.timeStamp);
  };
  const canStop = ["warming", "starting", "playing"].includes(phase);
  const canEnd = ["found", "playing", "stopping", "ready"].includes(phase);
  useKeys({ start, stop: () => canStop && jam.stop() });

  return html`
    <main class="speech jam" data-played=${player ? "true" : "false"}>
      <h1 class="visually-hidden">Jam</h1>
      <section class="composer" aria-label="What to play">
        <${LoopCard} loop=${loop} setup=${setup} silent=${fixed} onFile=${(file) => {
          chosenBpm.current = false;
          open(file);
        }} onProblem=${setProblem}>
          ${phase === "playing" && loop && loop !== playedLoop && html`<${SwitchButtons} />`}
        <//>
        <${Time}
          setup=${setup}
          source=${source}
          fixed=${fixed}
          onChange=${(news, from) => {
            changeSetup(news);
            if (!from) return;
            chosenBpm.current = true;
            setSource(from === "tapped" ? "Tapped." : "");
          }}
        />
        <${Styles} styles=${controls.styles} onChange=${(styles) => turn({ styles })} />
        <${Knobs} controls=${controls} onTurn=${turn} />
        <${More} setup=${setup} fixed=${fixed} onChange=${changeSetup} />
      </section>
      <${Stage} jam=${jam} setup=${setup}>
        <div class="actions">
          <${MainButton} jam=${jam} controls=${controls} onStart=${start} />
          <button type="button" aria-keyshortcuts="Escape" aria-disabled=${canStop ? "false" : "true"} onClick=${() => canStop && jam.stop()}>Stop</button>
          <button type="button" aria-disabled=${canEnd ? "false" : "true"} onClick=${() => canEnd && jam.close()}>End the session</button>
          <p class="keys"><kbd>${CONTROL_KEY}</kbd> <kbd>Enter</kbd> plays, <kbd>Esc</kbd> stops</p>
          <p class="problem" role="alert" data-problem>${problem ?? jam.problem}</p>
          <p class="problem" role="alert" data-credit-warning>${phase === "off" ? "" : warningOf(warning)}</p>
          <p class="status" role="status">${describe(jam)}</p>
        </div>
      <//>
    </main>
  `;
}

function MainButton({ jam: { phase, player }, controls, onStart }) {
  if (phase === "playing" && !player.allowed)
    return html`<button type="button" class="primary" onClick=${() => player.allow()}>Let it sound</button>`;
  if (phase === "found")
    return html`<button type="button" class="primary" onClick=${(event) => jam.resume(controls, event.timeStamp)}>Take it up again</button>`;
  const idle = IDLE.includes(phase);
  return html`
    <button type="button" class="primary" aria-keyshortcuts="Control+Enter" aria-disabled=${idle ? "false" : "true"} onClick=${onStart}>Play on</button>
  `;
}

function SwitchButtons() {
  return html`
    <button type="button" class="primary" onClick=${() => jam.switchLoop(SPLICE_BARS)}>Splice it in</button>
    <button type="button" onClick=${() => jam.switchLoop(0)}>Switch to it at once</button>
  `;
}

/** What was chosen, kept for the next visit; what can be turned while it plays is told to the jam. */
function useChoices() {
  const [choices, setChoices] = useState(() => {
    const { setup, controls } = rememberedChoices() ?? {};
    return { setup: { ...USUAL_SETUP, ...setup, ...jam.setup }, controls: { ...USUAL, ...controls } };
  });
  const latest = useRef(choices);
  const change = (next) => {
    latest.current = next;
    setChoices(next);
    rememberChoices(next);
  };
  const changeSetup = (news) => change({ ...latest.current, setup: { ...latest.current.setup, ...news } });
  const turn = (news) => {
    change({ ...latest.current, controls: { ...latest.current.controls, ...news } });
    jam.turn(latest.current.controls);
  };
  return [choices, { changeSetup, turn, now: () => latest.current }];
}

/** Opens the file that was chosen last, and lets the server listen to it. While music plays its tempo stays. */
function useLoopOpener(onProblem, onTempo) {
  const newest = useRef(new AbortController());
  const latest = useRef();
  latest.current = { onProblem, onTempo };
  useEffect(() => () => newest.current.abort(), []);
  return async (file) => {
    newest.current.abort();
    const { signal } = (newest.current = new AbortController());
    latest.current.onProblem(null);
    try {
      const loop = await Loop.open(file);
      if (signal.aborted) return;
      jam.choose(loop);
      await loop.listen(signal);
      if (signal.aborted) return;
      jam.choose(loop);
      if (loop.heard.bpm && IDLE.includes(jam.phase)) latest.current.onTempo(Number(loop.heard.bpm.toFixed(2)), loop.heard.clarity);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status >= 400 && error.status < 500) jam.choose(null); // a session that nothing can be played in costs credit
      latest.current.onProblem(error.message);
    }
  };
}

/** Ctrl or Cmd with Enter plays, Escape stops, wherever the focus is. */
function useKeys(actions) {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKey = (event) => {
      if (event.repeat || event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        latest.current.start(event);
      } else if (event.key === "Escape") {
        latest.current.stop();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}
