/** Keeping the sound as a file. */

import { html, useState } from "../html.js";
import { fetchFile } from "./api.js";
import { formatTitle } from "./offer.js";

const EXTENSIONS = { mp4: "m4a", mulaw: "ulaw" };
const NAME_WORDS = 5;
const NAME_LENGTH = 48;

/**
 * @param {object} props
 * @param {import("./take.js").Take | null} props.take
 * @param {{name: string, media_type: string}[]} props.formats
 * @param {string} props.played - the format that this page plays
 * @param {string | null} props.chosen - the format of the file; null: the one played
 * @param {(format: string) => void} props.onChoose
 * @param {(status: string) => void} props.onStatus
 * @param {(problem: string) => void} props.onProblem
 */
export function Download({ take, formats, played, chosen, onChoose, onStatus, onProblem }) {
  const [busy, setBusy] = useState(false);
  const names = formats.map(({ name }) => name);
  const format = names.includes(chosen) ? chosen : played;
  const again = format !== take?.player.format;
  const ready = take && !busy && (again || (take.phase !== "making" && take.pieces.length > 0));
  const save = async () => {
    if (!ready) return;
    setBusy(true);
    try {
      onStatus(again ? `Making it again as ${formatTitle(format)}.` : "Saving what was played.");
      saveFile(await (again ? makeAgain(take, format) : bytesOf(take)), fileName(take, format));
      onStatus(`Saved as ${formatTitle(format)}.`);
    } catch (error) {
      onProblem(error.message);
    }
    setBusy(false);
  };
  return html`
    <div class="download">
      <div class="field">
        <label for="format">File format</label>
        <select id="format" onChange=${(event) => onChoose(event.target.value)}>
          ${names.map((name) => html`
            <option key=${name} value=${name} selected=${name === format}>${formatTitle(name)}${name === played ? ", as played" : ""}</option>
          `)}
        </select>
      </div>
      <button type="button" aria-disabled=${ready ? "false" : "true"} onClick=${save}>
        ${busy ? "Making the file" : "Download"}
      </button>
      <p class="hint">${again ? "Made again in this format." : "Saved from what was played."}</p>
    </div>
  `;
}

function makeAgain({ wishes }, format) {
  return fetchFile({ ...wishes, format });
}

function bytesOf({ pieces, sound }) {
  return new Blob(pieces, { type: sound?.media_type });
}

function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // after the browser has read it
}

/** The first words of the text, such as any file system takes: `your-table-for-4-is.mp3`. */
function fileName({ wishes }, format) {
  const words = wishes.text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const stem = Array.from(words.slice(0, NAME_WORDS).join("-")).slice(0, NAME_LENGTH).join("") || "speech";
  return `${stem}.${EXTENSIONS[format] ?? format}`;
}
