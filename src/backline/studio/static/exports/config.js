/** From the draft to the body of `POST /api/exports`: what the preview shows is what is asked for. */

import { tagsOf } from "./annotate.js";
import { blankFraming } from "./draft.js";
import { shaped } from "./framing.js";
import { widest } from "./geometry.js";
import { shapeOf, sidesOf } from "./sizes.js";
import { asConfig, joinedLength, lengthOf, spansOf } from "./spans.js";

const NUMBER_BITS = 53; // of a project's number: as many as JSON can carry

/** @typedef {{width: number, height: number, duration_seconds: number}} FilmInfo */

/**
 * @param {string} type - `framing`, `overlay`, `annotate` or `multi_clip`
 * @param {import("./draft.js").Draft} draft
 * @param {string} name - of the film, or the first
 * @param {FilmInfo | null} info - what the film is; each clip of `multi_clip` knows its own
 * @returns {object} the body
 */
export function bodyOf(type, draft, name, info) {
  const made = CONFIGS[type](draft, info);
  const films = type === "multi_clip" ? draft.joined.clips.map((clip) => clip.film) : [draft.film];
  return {
    project_id: numberOf([...new Set(films)].join("+")),
    project_name: name.replace(/\.[^.]*$/, "").slice(0, 200) || "Film",
    type,
    config: { ...optionsOf(draft.options), ...made },
  };
}

/** @returns {string | null} what is missing before it can be exported */
export function missingOf(type, draft) {
  const edits = draft.films[draft.film] ?? {};
  if (type === "multi_clip") return draft.joined.clips.length ? null : "Add a film first.";
  if (!draft.film) return "Choose a film first.";
  if (type === "overlay" && !edits.overlay?.regions.length) return "Add a spotlight first.";
  if (type === "annotate" && !edits.marks?.length) return "Add a clip first.";
  return null;
}

/** @returns {number} seconds of the finished film, which is what is paid for; 0 while it is not known */
export function secondsOf(type, draft, info) {
  const edits = draft.films[draft.film] ?? {};
  const seconds = info?.duration_seconds ?? 0;
  if (type === "framing") return edits.framing ? lengthOf(spansOf(edits.framing.cutting, seconds)) : seconds;
  if (type === "overlay") return seconds;
  if (type === "annotate") return (edits.marks ?? []).reduce((sum, { start, end }) => sum + end - start, 0);
  const { clips, transition, seconds: fade } = draft.joined;
  return joinedLength(clips.map((clip) => lengthOf(spansOf(clip.cutting, clip.info.duration_seconds))), transition === "crossfade" ? fade : 0);
}

const CONFIGS = {
  framing(draft, info) {
    const framing = draft.films[draft.film]?.framing ?? blankFraming();
    return { ...framingOf(framing, draft, info), input_key: keyOf(draft.film), ...targetOf(draft) };
  },
  overlay(draft) {
    const { effect, regions } = draft.films[draft.film].overlay;
    const words = ({ start, end, keyframes }) => ({ start_time: start, end_time: end, keyframes });
    return { input_key: keyOf(draft.film), highlight_effect_type: effect, highlight_regions: regions.map(words) };
  },
  annotate(draft) {
    const words = ({ start, end, name, notes, rating, tags }) => ({
      start_time: start,
      end_time: end,
      name: name.trim(),
      notes: notes.trim(),
      tags: tagsOf(tags),
      ...(rating && { rating }),
    });
    return { input_key: keyOf(draft.film), clips: draft.films[draft.film].marks.map(words) };
  },
  multi_clip(draft) {
    const { clips, transition, seconds } = draft.joined;
    const words = (clip) => ({
      input_key: keyOf(clip.film),
      name: clip.name.slice(0, 200),
      ...(clip.whole ? cuttingOf(clip, clip.info) : framingOf(clip, draft, clip.info)),
    });
    return { clips: clips.map(words), transition: { type: transition, seconds }, ...targetOf(draft) };
  },
};

function framingOf(framing, { options }, info) {
  const shape = shapeOf(options.size);
  const keyframes = framing.keyframes.length ? shaped(framing.keyframes, info, shape) : [{ time: 0, ...widest(info, shape) }];
  return { keyframes: keyframes.map(({ time, x, y, width, height }) => ({ time, x, y, width, height })), ...cuttingOf(framing, info) };
}

function cuttingOf({ cutting }, info) {
  const segments = asConfig(cutting, info.duration_seconds);
  return segments ? { segments } : {};
}

function targetOf({ options }) {
  const { width, height } = sidesOf(options.size);
  return { target_width: width, target_height: height };
}

function optionsOf({ fps, audio, mode, interpolation }) {
  return { include_audio: audio, export_mode: mode, interpolation, ...(fps && { target_fps: Number(fps) }) };
}

function keyOf(film) {
  return `files/${film}`;
}

/** The same films are the same project: a number by which the server knows it (FNV-1a). */
function numberOf(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return Number(BigInt.asUintN(NUMBER_BITS, hash));
}
