/** The files page: what one has, how much room it takes up, and uploads. */

import { html, useEffect, useRef, useState } from "../html.js";
import { getJson, send } from "../api.js";
import { useSession } from "../account/session.js";
import { addressOf } from "../route.js";
import { saveFile } from "../save.js";
import { size, when } from "../units.js";
import { DropZone } from "./drop.js";
import { UploadList } from "./upload_list.js";
import { useUploads } from "./uploads.js";

const ROWS = 50;
const REFRESH_MS = 10_000; // for results of jobs; only while the page is seen

/** @param {{query: URLSearchParams}} props - `before`: the cursor of an older page */
export function FilesPage({ query }) {
  const { user } = useSession();
  const uploads = useUploads();
  const [problem, setProblem] = useState(null);
  const before = query.get("before");
  const [list, trouble, refresh] = useList(before, user?.id, uploads);
  const yours = useRef(null);
  const trying = async (work) => {
    setProblem(null);
    try {
      await work();
    } catch (error) {
      setProblem(error.message);
    }
  };
  const remove = (file) =>
    confirm(`Delete ${file.name}? It cannot be brought back.`) &&
    trying(async () => {
      await send("DELETE", `/api/files/${encodeURIComponent(file.id)}`);
      yours.current.focus(); // the button that had it goes
      await refresh();
    });
  return html`
    <main class="sheet">
      <h1>Files</h1>
      ${list && html`<${Quota} used=${list.used_bytes} quota=${list.quota_bytes} />`}
      <${DropZone} onFiles=${(files) => trying(() => uploads.add(files))} onProblem=${setProblem} />
      <p class="problem" role="alert">${problem ?? trouble}</p>
      <p class="visually-hidden" role="status">${uploads.news}</p>
      <${UploadList} uploads=${uploads} />
      <h2 ref=${yours} tabindex="-1">Yours</h2>
      ${list?.files.length === 0 && html`<p class="hint">${before ? "There are no older ones." : "No files yet."}</p>`}
      <ul class="cards" aria-label="Files">
        ${list?.files.map(
          (file) => html`<${FileRow} key=${file.id} file=${file} onSave=${() => trying(() => saveFile(file.id))} onDelete=${() => remove(file)} />`,
        )}
      </ul>
      <nav class="tabs" aria-label="Older and newer">
        ${before && html`<a href="#files">Newest</a>`}
        ${list?.next_cursor && html`<a href=${addressOf("files", { before: list.next_cursor })}>Older</a>`}
      </nav>
    </main>
  `;
}

/** A page of the list, why there is none, and how to ask for it anew. It is asked for by itself now and then, and when an
 * upload has taken or left room. */
function useList(before, owner, uploads) {
  const [list, setList] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const load = async (signal) => {
    const cursor = before ? `&cursor=${encodeURIComponent(before)}` : "";
    setList(await getJson(`/api/files?limit=${ROWS}${cursor}`, signal));
    setTrouble(null);
  };
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const failed = (error) => {
      if (error.name === "AbortError") return;
      setTrouble(error.message);
      if (error.status === 401 || error.status === 403) clearInterval(timer); // until somebody signs in
    };
    const ask = () => document.visibilityState === "visible" && load(signal).catch(failed);
    const timer = setInterval(ask, REFRESH_MS);
    addEventListener("visibilitychange", ask, { signal });
    uploads.addEventListener("settled", ask, { signal });
    uploads.remember().catch(() => {}); // what is not told now is told with the next visit
    setList(null);
    ask();
    return () => {
      leaving.abort();
      clearInterval(timer);
    };
  }, [before, owner]);
  return [list, trouble, load];
}

function Quota({ used, quota }) {
  const text = `${size(used)} of ${size(quota)} used`;
  return html`
    <div class="quota calm">
      <progress max=${Math.max(quota, 1)} value=${Math.min(used, quota)} aria-label="Room" aria-valuetext=${text}></progress>
      <p class="quiet" data-quota=${used}>${text}</p>
    </div>
  `;
}

function FileRow({ file, onSave, onDelete }) {
  const title = `file-${file.id}`;
  const facts = [
    size(file.size_bytes),
    file.content_type,
    file.source ? "made by a job" : "uploaded",
    file.expires_at && `kept until ${when(file.expires_at)}`,
  ];
  return html`
    <li class="card file" data-file=${file.id}>
      <div class="card-head">
        <h3 id=${title}>${file.name}</h3>
        <time class="quiet" datetime=${file.created_at}>${when(file.created_at)}</time>
      </div>
      <p class="quiet">${facts.filter(Boolean).join(" · ")}</p>
      <div class="card-actions">
        <button type="button" aria-describedby=${title} onClick=${onSave}>Download</button>
        <button type="button" aria-describedby=${title} onClick=${onDelete}>Delete</button>
      </div>
    </li>
  `;
}
