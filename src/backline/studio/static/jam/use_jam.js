/** The jam of this tab in a page. */

import { useEffect, useReducer } from "../html.js";
import { jam } from "./jam.js";

/** The jam, and a new look at it whenever it changes, at most once a frame. */
export function useJam() {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    let pending = 0;
    const schedule = () => {
      pending ||= requestAnimationFrame(() => {
        pending = 0;
        render();
      });
    };
    jam.addEventListener("change", schedule);
    return () => {
      jam.removeEventListener("change", schedule);
      cancelAnimationFrame(pending);
    };
  }, []);
  return jam;
}
