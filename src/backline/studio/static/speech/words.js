/** The text, read along: words can be clicked as soon as they are made, and light up when they are said. */

import { html, useEffect, useRef } from "../html.js";
import { eachFrame } from "./frames.js";

const BLOCK_LENGTH = 600; // the browser lays out only the blocks in view, so a long paragraph is cut in several
const LONG_BLOCKS = 20;
const HANDS_OFF_MS = 3000; // after the reader scrolled, the page does not

/** @param {{take: import("./take.js").Take, language: string | undefined}} props */
export function Words({ take, language }) {
  const container = useRef();
  useEffect(() => {
    const view = new WordsView(container.current, take);
    const stopFrames = eachFrame(take, () => view.update());
    return () => {
      stopFrames();
      view.dispose();
    };
  }, [take]);
  return html`<div class="words" ref=${container} lang=${language} role="group" aria-label="The text, word by word"></div>`;
}

/** Written by hand instead of rendered: a long text has ten thousand words, and one of them changes at a time. */
class WordsView {
  #container;
  #take;
  #words = []; // elements, one a stretch of the timeline
  #blocks;
  #block = 0; // the one that the next word is in
  #lit = -1;
  #scrolledMs = -HANDS_OFF_MS;
  #listening = new AbortController();

  constructor(container, take) {
    this.#container = container;
    this.#take = take;
    this.#blocks = cutBlocks(take.wishes.text);
    container.classList.toggle("long", this.#blocks.length > LONG_BLOCKS);
    container.replaceChildren(...this.#blocks.map(({ element }) => element));
    const { signal } = this.#listening;
    container.addEventListener("click", (event) => this.#seek(event.target), { signal });
    container.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    for (const type of ["wheel", "touchmove"]) {
      const note = () => (this.#scrolledMs = performance.now());
      container.addEventListener(type, note, { signal, passive: true });
    }
  }

  update() {
    const { stretches } = this.#take.timeline;
    this.#container.classList.toggle("untimed", this.#take.phase !== "making" && !stretches.length);
    while (this.#words.length < stretches.length) this.#add(stretches[this.#words.length]);
    if (this.#take.heard) this.#light(this.#take.timeline.indexAt(this.#take.player.position));
  }

  dispose() {
    this.#listening.abort();
  }

  #add({ start, end, spoken }) {
    while (start >= this.#blocks[this.#block].end) this.#block += 1;
    const block = this.#blocks[this.#block];
    const word = document.createElement("span");
    word.className = "word";
    word.setAttribute("role", "button");
    word.tabIndex = this.#words.length ? -1 : 0; // one stop for the Tab key, arrows go on from there
    word.dataset.index = this.#words.length;
    const rest = block.rest.splitText(start - block.at);
    block.rest = rest.splitText(Math.min(end, block.end) - start);
    block.at = Math.min(end, block.end);
    rest.replaceWith(word);
    word.append(rest);
    if (spoken !== rest.data) word.title = spoken;
    this.#words.push(word);
  }

  #light(index) {
    if (index === this.#lit) return;
    const [from, to] = index > this.#lit ? [this.#lit, index] : [index, this.#lit];
    for (let i = Math.max(from, 0); i <= to; i++) this.#words[i].classList.toggle("said", i < index);
    this.#words[this.#lit]?.classList.remove("lit");
    this.#words[index]?.classList.add("lit");
    this.#lit = index;
    if (!this.#container.contains(document.activeElement)) this.#makeTabStop(Math.max(index, 0));
    this.#follow(this.#words[index]);
  }

  /** Keeps the lit word in view, inside the box only. */
  #follow(word) {
    if (!word || performance.now() - this.#scrolledMs < HANDS_OFF_MS) return;
    const box = this.#container.getBoundingClientRect();
    const { top, bottom } = word.getBoundingClientRect();
    if (top >= box.top && bottom <= box.bottom) return;
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
    this.#container.scrollBy({ top: top - box.top - box.height / 4, behavior });
  }

  #seek(target) {
    const word = target.closest(".word");
    if (word) this.#take.seek(this.#take.timeline.stretches[word.dataset.index].startSeconds);
  }

  #onKey(event) {
    const index = Number(event.target.dataset.index);
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: this.#words.length - 1 }[event.key];
    if (next !== undefined) this.#makeTabStop(next)?.focus();
    else if ((event.key === "Enter" || event.key === " ") && !event.ctrlKey && !event.metaKey) this.#seek(event.target);
    else return;
    event.preventDefault();
  }

  #makeTabStop(index) {
    const word = this.#words[index];
    if (!word) return null;
    this.#container.querySelector('.word[tabindex="0"]')?.setAttribute("tabindex", "-1");
    word.tabIndex = 0;
    return word;
  }
}

/** Lines, the long ones cut after a sentence or a word. `rest` is the text node that holds no words yet. */
function cutBlocks(text) {
  const line = `[^\\n]{1,${BLOCK_LENGTH}}`;
  const block = new RegExp(`(?:${line}(?:[.!?।॥]\\s|$)|${line}(?:\\s|$)|${line})\\n*|\\n+`, "gmu");
  return Array.from(text.matchAll(block), ({ 0: piece, index }) => {
    const element = document.createElement("p");
    const rest = document.createTextNode(piece);
    element.append(rest);
    return { element, rest, at: index, end: index + piece.length };
  });
}
