/** The jobs page: what takes longer than a request, as it goes on. */

import { html, useEffect, useReducer, useRef, useState } from "../html.js";
import { useSession } from "../account/session.js";
import { addressOf } from "../route.js";
import { JobFeed, SHOWN } from "./feed.js";
import { OrderForm } from "./order.js";
import { JobRow } from "./row.js";
import { isOver } from "./words.js";

const TITLES = { all: "All", going: "Active", over: "Finished" };
const EMPTY = { all: "No jobs yet.", going: "No job is active.", over: "No job has finished yet." };

/** @param {{query: URLSearchParams}} props - `show`: of `SHOWN`; `before`: the cursor of an older page */
export function JobsPage({ query }) {
  const { user } = useSession();
  const show = query.get("show") in SHOWN ? query.get("show") : "all";
  const before = query.get("before");
  const feed = useFeed(show, before, user?.id);
  const now = useClock(feed?.jobs?.some((job) => !isOver(job)));
  const made = (job) => {
    if (show === "all" && !before) feed?.made(job);
    else location.hash = "jobs"; // where it is seen
  };
  return html`
    <main class="sheet">
      <h1>Jobs</h1>
      <details class="card new-order">
        <summary>Read a long text aloud</summary>
        <${OrderForm} onMade=${made} />
      </details>
      <nav class="tabs" aria-label="Which jobs">
        ${Object.entries(TITLES).map(
          ([name, title]) => html`
            <a key=${name} href=${addressOf("jobs", { show: name === "all" ? null : name })} aria-current=${name === show ? "true" : undefined}>${title}</a>
          `,
        )}
      </nav>
      <p class="problem" role="alert">${feed?.problem}</p>
      <p class="visually-hidden" role="status">${feed?.news}</p>
      ${feed?.jobs?.length === 0 && html`<p class="hint">${before ? "There are no older ones." : EMPTY[show]}</p>`}
      <ul class="cards" aria-label="Jobs">
        ${feed?.jobs?.map((job) => html`<${JobRow} key=${job.id} job=${job} name=${feed.names.get(job.id)} now=${now} onCancel=${() => feed.cancel(job.id)} />`)}
      </ul>
      <nav class="tabs" aria-label="Older and newer">
        ${before && html`<a href=${addressOf("jobs", { show: query.get("show") })}>Newest</a>`}
        ${feed?.next && html`<a href=${addressOf("jobs", { show: query.get("show"), before: feed.next })}>Older</a>`}
      </nav>
    </main>
  `;
}

/** The feed of this page and this user, and a new look at it whenever it changes. */
function useFeed(show, before, owner) {
  const [, render] = useReducer((count) => count + 1, 0);
  const feed = useRef(null);
  useEffect(() => {
    feed.current = new JobFeed(show, before);
    feed.current.addEventListener("change", render);
    feed.current.start();
    render(); // without what the page before had
    return () => feed.current.stop();
  }, [show, before, owner]);
  return feed.current;
}

/** Milliseconds; goes on by the second while something does. */
function useClock(going) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    if (!going) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [going]);
  return now;
}
