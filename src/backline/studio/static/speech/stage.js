/** Where a take is heard and seen. */

import { html, useEffect, useRef } from "../html.js";
import { Figures } from "./figures.js";
import { eachFrame, useTake } from "./frames.js";
import { languageTag } from "./script.js";
import { clock } from "./seconds.js";
import { Waveform } from "./waveform.js";
import { Words } from "./words.js";

/**
 * @param {object} props
 * @param {import("./take.js").Take | null} props.take
 * @param {object} props.children - what stands beside the play button
 */
export function Stage({ take, children }) {
  const section = useRef();
  useTake(take);
  useEffect(() => {
    if (take) bringIntoView(section.current);
  }, [take]);
  return html`
    <section class="stage" ref=${section} aria-label="What is heard">
      <${Waveform} take=${take} />
      <${Transport} take=${take} />
      ${take
        ? html`<${Words} take=${take} language=${languageTag(take.wishes.text, take.wishes.language)} />`
        : html`<p class="words hint">The words appear here while they are made. Click one to hear it.</p>`}
      <${Figures} take=${take} />
      ${children}
    </section>
  `;
}

/** On a phone the stage is below the text. */
function bringIntoView(element) {
  if (element.getBoundingClientRect().top < innerHeight / 2) return;
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
  element.scrollIntoView({ block: "start", behavior });
}

function Transport({ take }) {
  const position = useRef();
  useEffect(() => {
    if (!take) return undefined;
    return eachFrame(take, () => {
      if (position.current) position.current.textContent = clock(take.player.position); // null once the page is left
    });
  }, [take]);
  const ready = Boolean(take?.heard);
  const playing = Boolean(take?.player.playing);
  return html`
    <div class="transport">
      <button
        type="button"
        class=${playing ? "play playing" : "play"}
        aria-label=${playing ? "Pause" : "Play"}
        aria-disabled=${ready ? "false" : "true"}
        onClick=${() => ready && take.toggle()}
      ></button>
      <p class="clock"><span ref=${position}>0:00.0</span> <span class="of">/ ${clock(take?.madeSeconds ?? 0)}</span></p>
    </div>
  `;
}
