/** What happens to one job, as it happens: over a socket, which browsers allow by the hundred; of streams of events they
 * allow six. It goes on after the last event that came, however often the line is cut. */

import { socketUrl } from "../api.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const OVER = 1000; // closed by the server: there is nothing more
const REFUSED = 4000; // and above: not let in; asking again would change nothing, but for 4429

/**
 * @param {string} id
 * @param {number} after - number of the last event that is known
 * @param {(event: {seq: number, kind: string, data: object}) => void} onEvent
 * @returns {() => void} stops it
 */
export function followJob(id, after, onEvent) {
  let socket = null;
  let timer = null;
  let stopped = false;
  let wait = FIRST_WAIT_MS;
  let last = after;

  const again = () => {
    if (stopped) return;
    timer = setTimeout(open, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  };
  const open = async () => {
    try {
      const url = await socketUrl(`/ws/jobs/${encodeURIComponent(id)}`);
      if (stopped) return;
      url.searchParams.set("after", last);
      socket = new WebSocket(url);
    } catch {
      return again();
    }
    socket.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.type !== "event") return;
      wait = FIRST_WAIT_MS;
      last = event.seq;
      onEvent(event);
    };
    socket.onclose = ({ code }) => {
      if (code !== OVER && (code < REFUSED || code === 4429)) again();
    };
  };
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket?.close();
  };
}
