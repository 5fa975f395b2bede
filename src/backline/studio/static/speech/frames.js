/** Drawing in step with the screen. */

import { useEffect, useReducer } from "../html.js";

/**
 * Calls `draw` in the next frame, after every change of the take, and in every frame while it plays.
 *
 * @param {import("./take.js").Take} take
 * @param {() => void} draw
 * @returns {() => void} ends it
 */
export function eachFrame(take, draw) {
  let pending = 0;
  const schedule = () => {
    pending ||= requestAnimationFrame(frame);
  };
  const frame = () => {
    pending = 0;
    draw();
    if (take.player.playing) schedule();
  };
  take.addEventListener("change", schedule);
  schedule();
  return () => {
    take.removeEventListener("change", schedule);
    cancelAnimationFrame(pending);
  };
}

/** Renders the calling component again when the take has changed, at most once a frame. */
export function useTake(take) {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    if (!take) return undefined;
    let pending = 0;
    const schedule = () => {
      pending ||= requestAnimationFrame(() => {
        pending = 0;
        render();
      });
    };
    take.addEventListener("change", schedule);
    schedule();
    return () => {
      take.removeEventListener("change", schedule);
      cancelAnimationFrame(pending);
    };
  }, [take]);
}
