/** The frame around the pages: name, navigation, and the page that the address asks for (`/studio#speech`). */

import { AccountPanel } from "./account/panel.js";
import { html, render } from "./html.js";
import { pages } from "./pages.js";
import { useRoute } from "./route.js";

function App() {
  const route = useRoute();
  const page = pages.find(({ id }) => id === route.page) ?? pages[0];
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
    <${page.Page} key=${page.id} query=${route.query} />
  `;
}

render(html`<${App} />`, document.getElementById("app"));
