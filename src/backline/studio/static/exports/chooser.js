/** Which film is edited: one of those that are there, or one that is uploaded now. */

import { html, useEffect, useRef, useState } from "../html.js";
import { getJson } from "../api.js";
import { DropZone } from "../files/drop.js";
import { UploadList } from "../files/upload_list.js";
import { useUploads } from "../files/uploads.js";

const ROWS = 100;
const PAGES = 10; // of files; whoever has more finds the newest
const FILM = /^video\//;
const FILM_NAME = /\.(mp4|m4v|mov|mkv|webm|avi|mts|m2ts|mpe?g|ogv|3gp)$/i;

/**
 * The films of whoever is signed in; null until they are known.
 *
 * @param {(id: string) => void} onArrived - one that was uploaded here is there now
 * @returns {[{id: string, name: string}[] | null, string | null, (files: File[]) => Promise<void>]} films, what is wrong, and how
 *   to upload
 */
export function useFilms(onArrived) {
  const uploads = useUploads();
  const [films, setFilms] = useState(null);
  const [problem, setProblem] = useState(null);
  const awaited = useRef(new Set()); // names
  const latest = useRef();
  latest.current = { films, onArrived };
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const load = async () => {
      const found = (await allFiles(signal)).filter(isFilm);
      const known = new Set(latest.current.films?.map(({ id }) => id));
      const arrived = found.find(({ id, name }) => !known.has(id) && awaited.current.has(name));
      setFilms(found);
      setProblem(null);
      if (!arrived) return;
      awaited.current.delete(arrived.name);
      latest.current.onArrived(arrived.id);
    };
    const ask = () => load().catch((error) => error.name !== "AbortError" && setProblem(error.message));
    uploads.addEventListener("settled", ask, { signal });
    addEventListener("online", ask, { signal });
    uploads.remember().catch(() => {}); // what is not told now is told with the next visit
    ask();
    return () => leaving.abort();
  }, []);
  const upload = async (files) => {
    for (const { name } of files) awaited.current.add(name);
    await uploads.add(files).catch((error) => setProblem(error.message));
  };
  return [films, problem, upload];
}

async function allFiles(signal) {
  const all = [];
  let cursor = "";
  for (let page = 0; page < PAGES; page++) {
    const { files, next_cursor: next } = await getJson(`/api/files?limit=${ROWS}${cursor}`, signal);
    all.push(...files);
    if (!next) break;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
  return all;
}

function isFilm({ content_type: type, name }) {
  return FILM.test(type) || FILM_NAME.test(name);
}

/**
 * @param {object} props
 * @param {{id: string, name: string}[] | null} props.films
 * @param {string | null} props.current - id of the one that is chosen
 * @param {(id: string) => void} props.onChoose
 * @param {(files: File[]) => void} props.onFiles
 * @param {(problem: string) => void} props.onProblem
 * @param {any} props.children - what else can be done with the chosen one
 */
export function FilmChooser({ films, current, onChoose, onFiles, onProblem, children }) {
  const uploads = useUploads();
  return html`
    <section class="chooser" aria-label="Which film">
      ${films?.length > 0 &&
      html`
        <div class="chosen">
          <div class="field">
            <label for="film">Film</label>
            <select id="film" onChange=${({ target }) => target.value && onChoose(target.value)}>
              ${!current && html`<option value="">Choose one</option>`}
              ${films.map(({ id, name }) => html`<option key=${id} value=${id} selected=${id === current}>${name}</option>`)}
            </select>
          </div>
          ${children}
        </div>
      `}
      <details open=${films?.length === 0}>
        <summary>Upload a film</summary>
        <${DropZone} onFiles=${onFiles} onProblem=${onProblem} />
      </details>
      <${UploadList} uploads=${uploads} />
    </section>
  `;
}
