/** Where files come in: chosen, or dropped anywhere on the page. */

import { html, useEffect, useRef, useState } from "../html.js";

/**
 * @param {object} props
 * @param {(files: File[]) => void} props.onFiles
 * @param {(problem: string) => void} props.onProblem
 */
export function DropZone({ onFiles, onProblem }) {
  const input = useRef(null);
  const over = useDrop(onFiles, onProblem);
  const choose = (event) => {
    onFiles([...event.target.files]);
    event.target.value = ""; // so that the same file may be chosen again
  };
  return html`
    <div class="drop" data-over=${over ? "true" : "false"}>
      <button type="button" class="primary" onClick=${() => input.current.click()}>Choose files</button>
      <p class="hint">or drop them anywhere on this page. An upload that is cut off goes on where it was.</p>
      <input ref=${input} type="file" multiple hidden aria-label="Files to upload" onChange=${choose} />
    </div>
  `;
}

/** @returns {boolean} whether files are held over the page */
export function useDrop(onFiles, onProblem) {
  const [over, setOver] = useState(false);
  const latest = useRef();
  latest.current = { onFiles, onProblem };
  useEffect(() => {
    const leaving = new AbortController();
    const listen = (name, act) =>
      addEventListener(
        name,
        (event) => {
          if (!event.dataTransfer?.types.includes("Files")) return;
          event.preventDefault();
          act(event);
        },
        { signal: leaving.signal },
      );
    listen("dragover", () => setOver(true));
    listen("dragleave", (event) => event.relatedTarget || setOver(false));
    listen("drop", ({ dataTransfer }) => {
      setOver(false);
      const { files, folders } = dropped(dataTransfer);
      if (folders) latest.current.onProblem("A folder cannot be uploaded. Drop the files in it instead.");
      if (files.length) latest.current.onFiles(files);
    });
    return () => leaving.abort();
  }, []);
  return over;
}

function dropped({ items }) {
  const held = [...items].filter(({ kind }) => kind === "file");
  const files = held.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory);
  return { files: files.map((item) => item.getAsFile()), folders: held.length - files.length };
}
