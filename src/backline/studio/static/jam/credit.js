/** What the session costs, while it runs down. */

import { html, useEffect, useRef, useState } from "../html.js";
import { minutes } from "./words.js";

const LOOK_MS = 250;

/** @param {{jam: import("./jam.js").jam}} props */
export function Credit({ jam }) {
  const left = useRemaining(jam);
  const { status, warning } = jam;
  const open = status && jam.phase !== "off";
  return html`
    <div class="credit" data-warning=${open && warning ? warning : undefined}>
      <dt>credit left</dt>
      <dd data-credit=${open && left !== null ? Math.floor(left) : ""}>${open ? (left === null ? "not metered" : minutes(left)) : "–"}</dd>
    </div>
    <div>
      <dt>warm for</dt>
      <dd data-figure="billed">${open && status.billable_elapsed_seconds !== null ? minutes(elapsed(status)) : "–"}</dd>
    </div>
  `;
}

/** Seconds of credit: what the server told, and less by what passed since, as fast as it fell before. */
function useRemaining({ status, phase }) {
  const [, look] = useState(0);
  const told = useRef({ seconds: null, atMs: 0, perMs: 0.001 });
  useEffect(() => {
    const timer = setInterval(() => look((count) => count + 1), LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  if (!status || status.credits_remaining === null) return null;
  const seconds = Number(status.credits_remaining);
  const { current } = told;
  if (current.atMs !== status.atMs) {
    const fell = (current.seconds - seconds) / (status.atMs - current.atMs);
    const perMs = current.seconds !== null && fell > 0 ? fell : current.perMs;
    told.current = { seconds, atMs: status.atMs, perMs };
  }
  const running = ["playing", "stopping", "ready"].includes(phase);
  return Math.max(0, seconds - (running ? (performance.now() - status.atMs) * told.current.perMs : 0));
}

function elapsed({ billable_elapsed_seconds: seconds, atMs }) {
  return seconds + (performance.now() - atMs) / 1000;
}
