/** The usage page: what was used by day and product, and every movement of the account. */

import { html, useEffect, useState } from "../html.js";
import { getJson } from "../api.js";
import { useSession } from "../account/session.js";
import { UsageChart } from "./chart.js";

const DAYS = 30;

export function UsagePage() {
  const { user, balance } = useSession();
  const [usage, setUsage] = useState(null);
  const [history, setHistory] = useState({ entries: [], next: null });
  const [problem, setProblem] = useState(null);
  const owner = user?.id;
  const posted = balance?.balance_seconds;
  useEffect(() => {
    const leaving = new AbortController();
    const load = async () => {
      setUsage(await getJson(`/credits/usage?days=${DAYS}`, leaving.signal));
      setHistory(await fetchHistory(null, leaving.signal));
      setProblem(null);
    };
    load().catch((error) => error.name !== "AbortError" && setProblem(error.message));
    return () => leaving.abort();
  }, [owner, posted]);
  const more = async () => {
    try {
      const { entries, next } = await fetchHistory(history.next);
      setHistory({ entries: [...history.entries, ...entries], next });
    } catch (error) {
      setProblem(error.message);
    }
  };
  return html`
    <main class="sheet">
      <h1>Usage</h1>
      <p class="problem" role="alert">${problem}</p>
      ${balance && !balance.billed && html`<p class="hint">Nothing is charged on your own machine. Sign in to try out what a user sees.</p>`}
      ${usage && html`<${UsageChart} usage=${usage} />`}
      <h2>Movements</h2>
      ${history.entries.length
        ? html`<${HistoryTable} entries=${history.entries} />`
        : html`<p class="hint">Nothing has moved yet.</p>`}
      ${history.next && html`<button type="button" onClick=${more}>Show more</button>`}
    </main>
  `;
}

async function fetchHistory(cursor, signal) {
  const page = await getJson(`/credits/history?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`, signal);
  return { entries: page.entries, next: page.next_cursor };
}

function HistoryTable({ entries }) {
  return html`
    <div class="scroll">
      <table>
        <thead>
          <tr><th scope="col">when</th><th scope="col">what</th><th scope="col">for</th><th scope="col" class="number">seconds</th></tr>
        </thead>
        <tbody>
          ${entries.map(
            (entry) => html`
              <tr key=${entry.id}>
                <td>${new Date(entry.created_at).toLocaleString()}</td>
                <td>${entry.kind}</td>
                <td>${entry.product ?? ""}</td>
                <td class="number">${entry.seconds}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </div>
  `;
}
