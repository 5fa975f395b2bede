/** The exports page: a film is framed, lit, annotated or joined, and rendered by the server. */

import { html, useEffect, useReducer, useRef, useState } from "../html.js";
import { useSession } from "../account/session.js";
import { addressOf } from "../route.js";
import { AnnotateEditor } from "./annotate.js";
import { FilmChooser, useFilms } from "./chooser.js";
import { blankFraming, newKey, useDraft } from "./draft.js";
import { ExportFeed } from "./feed.js";
import { probe } from "./film.js";
import { FramingEditor } from "./framing.js";
import { JoiningEditor } from "./joining.js";
import { OrderForm } from "./order.js";
import { OverlayEditor } from "./overlay.js";
import { ExportRow } from "./row.js";
import { shapeOf } from "./sizes.js";
import { useFilm } from "./use_film.js";

const TABS = { framing: "Framing", overlay: "Spotlight", annotate: "Annotate", multi_clip: "Join" };
const HINTS = {
  framing: "Cut a window out of the film that follows what matters, such as a portrait film out of a wide one.",
  overlay: "Show who to look at.",
  annotate: "Put the best moments together, each with a name, a rating and notes.",
  multi_clip: "Put several films together, each with its own window.",
};
const LOCAL = "local"; // whoever uses their own machine without an account

/** @param {{query: URLSearchParams}} props - `type`: of `TABS` */
export function ExportsPage({ query }) {
  const { user, balance } = useSession();
  const type = query.get("type") in TABS ? query.get("type") : "framing";
  return html`
    <main class="sheet exports">
      <h1>Exports</h1>
      ${balance && html`<${Desk} key=${user?.id ?? LOCAL} owner=${user?.id ?? LOCAL} type=${type} />`}
    </main>
  `;
}

/** Everything of one user. */
function Desk({ owner, type }) {
  const [draft, change, { keep, sent }] = useDraft(owner);
  const [problem, setProblem] = useState(null);
  const [clip, setClip] = useState(draft.joined.clips[0]?.id ?? null);
  const feed = useFeed();
  const [films, trouble, upload] = useFilms((id) => change(() => ({ film: id })));
  const joining = type === "multi_clip";
  const there = films?.some(({ id }) => id === draft.film) ? draft.film : null;
  const current = joining ? (draft.joined.clips.find(({ id }) => id === clip)?.film ?? null) : there;
  const [film, filmProblem] = useFilm(current);
  const nameOf = (id) => films?.find((one) => one.id === id)?.name ?? "";
  const add = async () => {
    setProblem(null);
    try {
      const info = await probe(there);
      const made = { ...blankFraming(), id: newKey(), film: there, name: nameOf(there), info };
      change(({ joined }) => ({ joined: { ...joined, clips: [...joined.clips, made] } }));
      setClip(made.id);
    } catch (error) {
      setProblem(error.message);
    }
  };
  const made = (item) => {
    sent();
    feed.current?.made(item);
  };
  return html`
    <nav class="tabs" aria-label="What to make">
      ${Object.entries(TABS).map(
        ([name, title]) => html`
          <a key=${name} href=${addressOf("exports", { type: name === "framing" ? null : name })} aria-current=${name === type ? "true" : undefined}>${title}</a>
        `,
      )}
    </nav>
    <p class="hint">${HINTS[type]}</p>
    <${FilmChooser} films=${films} current=${there} onChoose=${(id) => id !== there && change(() => ({ film: id }))} onFiles=${upload} onProblem=${setProblem}>
      ${joining && html`<button type="button" aria-disabled=${there ? "false" : "true"} onClick=${() => there && add()}>Add this film</button>`}
    <//>
    <p class="problem" role="alert">${problem ?? filmProblem ?? trouble}</p>
    ${current && !film && !filmProblem && html`<p class="hint" role="status">The film is being opened.</p>`}
    <section class="card workbench" aria-label=${TABS[type]} hidden=${!film && !joining}>
      <${Editor} key=${type} type=${type} draft=${draft} film=${film} clip=${clip} onClip=${setClip} onChange=${change} />
      <${OrderForm}
        type=${type}
        draft=${{ ...draft, film: there }}
        name=${joining ? (draft.joined.clips[0]?.name ?? "") : nameOf(there)}
        info=${film?.info ?? null}
        onOptions=${(news) => change(({ options }) => ({ options: { ...options, ...news } }))}
        onKeep=${keep}
        onMade=${made}
      />
    </section>
    <${ExportList} feed=${feed.current} />
  `;
}

function Editor({ type, draft, film, clip, onClip, onChange }) {
  const shape = shapeOf(draft.options.size);
  const { interpolation } = draft.options;
  if (type === "multi_clip") {
    const join = (news) => onChange(({ joined }) => ({ joined: { ...joined, ...news } }));
    const shown = { joined: draft.joined, current: clip, film, shape, interpolation };
    return html`<${JoiningEditor} ...${shown} onChoose=${onClip} onChange=${join} />`;
  }
  if (!film) return null;
  const edits = draft.films[film.id] ?? {};
  const edit = (news) =>
    onChange(({ films: { [film.id]: old, ...others } }) => ({ films: { ...others, [film.id]: { ...old, ...news } } }));
  if (type === "framing") {
    const framing = edits.framing ?? blankFraming();
    return html`<${FramingEditor} film=${film} framing=${framing} shape=${shape} interpolation=${interpolation} onChange=${(next) => edit({ framing: next })} />`;
  }
  if (type === "overlay") {
    const overlay = edits.overlay ?? { effect: "dark_overlay", regions: [] };
    return html`<${OverlayEditor} film=${film} overlay=${overlay} interpolation=${interpolation} onChange=${(next) => edit({ overlay: next })} />`;
  }
  return html`<${AnnotateEditor} film=${film} marks=${edits.marks ?? []} onChange=${(marks) => edit({ marks })} />`;
}

function ExportList({ feed }) {
  return html`
    <h2>Yours</h2>
    <p class="problem" role="alert">${feed?.problem}</p>
    <p class="visually-hidden" role="status" data-news>${feed?.news}</p>
    ${feed?.items?.length === 0 && html`<p class="hint">No exports yet.</p>`}
    <ul class="cards" aria-label="Exports">
      ${feed?.items?.map(
        (item) => html`
          <${ExportRow}
            key=${item.job_id}
            item=${item}
            fresh=${feed.fresh.has(item.job_id)}
            cut=${feed.cut.has(item.job_id)}
            left=${feed.left.get(item.job_id)}
            onCancel=${() => feed.cancel(item.job_id)}
            onAgain=${() => feed.again(item.job_id)}
          />
        `,
      )}
    </ul>
  `;
}

/** The feed of whoever is signed in, and a new look at it whenever it changes. */
function useFeed() {
  const [, render] = useReducer((count) => count + 1, 0);
  const feed = useRef(null);
  useEffect(() => {
    feed.current = new ExportFeed();
    feed.current.addEventListener("change", render);
    feed.current.start();
    return () => feed.current.stop();
  }, []);
  return feed;
}
