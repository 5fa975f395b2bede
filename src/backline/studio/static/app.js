/** The frame around the pages: name, navigation, and the page that the address asks for (`/studio#speech`). */

import { AccountPanel } from "./account/panel.js";
import { html, render, useEffect, useState } from "./html.js";
import { pages } from "./pages.js";

function currentPage() {
  return pages.find((page) => page.id === location.hash.slice(1)) ?? pages[0];
}

function App() {
  const [page, setPage] = useState(currentPage);
  useEffect(() => {
    const onHashChange = () => setPage(currentPage());
    addEventListener("hashchange", onHashChange);
    return () => removeEventListener("hashchange", onHashChange);
  }, []);
  return html`
    <header class="masthead">
      <p class="wordmark"><img src="/studio/static/mark.svg" alt="" width="26" height="26" /> Backline</p>
      <nav aria-label="Pages">
        <ul>
          ${pages.map(
            ({ id, title }) => html`
              <li key=${id}><a href=${`#${id}`} aria-current=${id === page.id ? "page" : undefined}>${title}</a></li>
            `,
          )}
        </ul>
      </nav>
      <${AccountPanel} />
    </header>
    <${page.Page} key=${page.id} />
  `;
}

render(html`<${App} />`, document.getElementById("app"));
