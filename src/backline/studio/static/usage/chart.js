/** Seconds used by day, a column a day, stacked by product. */

import { html } from "../html.js";

const WIDTH = 900;
const HEIGHT = 200;
const GAP = 4;

/** @param {{usage: {days: {date: string, products: Object<string, string>}[]}}} props */
export function UsageChart({ usage }) {
  const days = usage.days.map(({ date, products }) => ({
    date,
    parts: Object.entries(products).map(([product, seconds]) => ({ product, seconds: Number(seconds) })),
  }));
  const products = [...new Set(days.flatMap(({ parts }) => parts.map(({ product }) => product)))].sort();
  const totals = days.map(({ parts }) => parts.reduce((sum, { seconds }) => sum + seconds, 0));
  const most = Math.max(...totals, 1);
  const step = WIDTH / Math.max(days.length, 1);
  return html`
    <figure class="usage">
      <figcaption>
        <span>Seconds used by day, the last ${days.length} days. Most on one day: ${most > 1 ? plain(most) : 0}.</span>
        <ul class="legend">
          ${products.map((product, index) => html`<li key=${product}><i class=${`series-${index % 4}`}></i>${product}</li>`)}
        </ul>
      </figcaption>
      <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT + 22}`} role="img" aria-label=${describe(days, totals)}>
        <line class="floor" x1="0" x2=${WIDTH} y1=${HEIGHT} y2=${HEIGHT} />
        ${days.map(({ date, parts }, day) => {
          let top = HEIGHT;
          return html`
            <g key=${date}>
              <title>${`${date}: ${plain(totals[day])} s`}</title>
              <rect class="reach" x=${day * step} y="0" width=${step} height=${HEIGHT} />
              ${parts.map(({ product, seconds }) => {
                const height = (seconds / most) * (HEIGHT - 8);
                top -= height;
                const series = `series-${products.indexOf(product) % 4}`;
                return html`<rect class=${series} x=${day * step + GAP / 2} y=${top} width=${step - GAP} height=${height} />`;
              })}
            </g>
          `;
        })}
        ${[0, days.length - 1].map(
          (day) =>
            days[day] &&
            html`<text x=${day ? WIDTH : 0} y=${HEIGHT + 17} text-anchor=${day ? "end" : "start"}>${days[day].date}</text>`,
        )}
      </svg>
    </figure>
  `;
}

function plain(seconds) {
  return seconds.toLocaleString("en", { maximumFractionDigits: 1 });
}

/** What a screen reader says in place of the columns. */
function describe(days, totals) {
  const used = days.map(({ date }, day) => [date, totals[day]]).filter(([, total]) => total > 0);
  if (!used.length) return "Nothing was used.";
  return used.map(([date, total]) => `${date}: ${plain(total)} seconds`).join("; ");
}
