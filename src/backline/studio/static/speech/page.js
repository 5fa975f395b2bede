/** The speech page: text in, sound and words out, while it is made. */

import { html, useEffect, useReducer, useRef, useState } from "../html.js";
import { choosePlayer } from "../player/choose.js";
import { fetchOffer } from "./api.js";
import { useChoices } from "./choices.js";
import { countCodePoints } from "./code_points.js";
import { Composer, MAX_CHARACTERS } from "./composer.js";
import { Download } from "./download.js";
import { examples } from "./examples.js";
import { chooseLanguage, chooseVoice, speakingEngines, voicesFor, whySilent } from "./offer.js";
import { Reading } from "./reading.js";
import { spoken } from "./seconds.js";
import { Stage } from "./stage.js";
import { Take } from "./take.js";

const playerName = choosePlayer(new URLSearchParams(location.search).get("player"));

export function SpeechPage() {
  const [offer, setOffer] = useState({ engines: [], formats: [] });
  const [text, setText] = useState(examples[0].text);
  const [choices, choose] = useChoices();
  const [problem, setProblem] = useState(null);
  const [note, setNote] = useState("");
  const [take, setTake] = useCurrentTake();

  useEffect(() => {
    fetchOffer().then(
      (health) => {
        setOffer({ engines: speakingEngines(health), formats: health.formats });
        setProblem(whySilent(health));
      },
      (error) => setProblem(error.message),
    );
  }, []);

  const { speed, format, readingOpen } = choices; // another server's language or voice may be remembered
  const language = chooseLanguage(offer.engines, choices.language);
  const voice = chooseVoice(voicesFor(offer.engines, language), choices.voice);
  const speak = (event) => {
    const refused = refusal(text);
    setNote("");
    setProblem(refused);
    if (refused) return;
    setTake(new Take({ text: text.toWellFormed?.() ?? text, voice, language, speed }, playerName, event.timeStamp));
  };
  const canStop = Boolean(take && (take.phase === "making" || take.player.playing));
  useKeys({ speak, stop: () => canStop && take.stop() });

  return html`
    <main class="speech">
      <h1 class="visually-hidden">Speech</h1>
      <section class="composer" aria-label="What to say">
        <${Composer}
          text=${text}
          onText=${setText}
          manner=${{ language, voice, speed }}
          onChoice=${choose}
          engines=${offer.engines}
          canStop=${canStop}
          onSpeak=${speak}
          onStop=${() => take.stop()}
        >
          <p class="problem" role="alert">${problem ?? take?.problem}</p>
          <p class="status" role="status">${note || describe(take)}</p>
        <//>
      </section>
      <${Stage} take=${take}>
        <${Download}
          take=${take}
          formats=${offer.formats}
          played=${playerName}
          chosen=${format}
          onChoose=${(chosen) => choose({ format: chosen })}
          onStatus=${setNote}
          onProblem=${setProblem}
        />
      <//>
      <${Reading}
        text=${text}
        language=${language}
        open=${readingOpen}
        onOpen=${(open) => choose({ readingOpen: open })}
      />
    </main>
  `;
}

/** The take that is heard now. A new one silences the one before; the page follows its phases. */
function useCurrentTake() {
  const [take, setTake] = useState(null);
  const [, render] = useReducer((count) => count + 1, 0);
  const current = useRef(null);
  const replace = (next) => {
    current.current?.dispose();
    current.current = next;
    let seen = "";
    next?.addEventListener("change", () => {
      const now = [next.phase, next.heard, next.ended, next.player.playing].join();
      if (now === seen) return;
      seen = now;
      render();
    });
    setTake(next);
  };
  useEffect(() => () => current.current?.dispose(), []);
  return [take, replace];
}

/** Ctrl or Cmd with Enter speaks, Escape stops, wherever the focus is. */
function useKeys(actions) {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKey = (event) => {
      if (event.repeat || event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        latest.current.speak(event);
      } else if (event.key === "Escape") {
        latest.current.stop();
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function refusal(text) {
  if (!text.trim()) return "Write a text first.";
  const surplus = countCodePoints(text) - MAX_CHARACTERS;
  return surplus > 0 ? `The text is ${surplus.toLocaleString("en")} characters too long.` : null;
}

/** What a screen reader says when something happens. */
function describe(take) {
  if (!take || take.phase === "failed") return "";
  if (take.phase === "stopped") return `Stopped after ${spoken(take.madeSeconds)} were made.`;
  if (!take.heard) return "Waiting for the first sound.";
  if (take.ended) return `Finished. ${spoken(take.madeSeconds)} of sound.`;
  if (!take.player.playing) return "Paused.";
  return "Speaking.";
}
