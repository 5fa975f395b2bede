/** The film that is edited, and new looks at it. */

import { useEffect, useReducer, useRef, useState } from "../html.js";
import { Film } from "./film.js";

/** @param {string | null} id - of the file @returns {[Film | null, string | null]} the film once it is known, and what is wrong */
export function useFilm(id) {
  const [state, setState] = useState({ film: null, problem: null });
  const changed = useChanges(state.film, "change");
  useEffect(() => {
    setState({ film: null, problem: null });
    if (!id) return undefined;
    const film = new Film(id);
    film.open().then(
      () => setState({ film, problem: null }),
      (error) => error.name !== "AbortError" && setState({ film: null, problem: error.message }),
    );
    return () => film.close();
  }, [id]);
  return [state.film?.id === id ? state.film : null, state.problem ?? (changed, state.film?.problem) ?? null];
}

/** Renders anew with each event of that name. @param {EventTarget | null} target @returns {number} how many there were */
export function useChanges(target, name) {
  const [count, render] = useReducer((before) => before + 1, 0);
  useEffect(() => {
    if (!target) return undefined;
    target.addEventListener(name, render);
    return () => target.removeEventListener(name, render);
  }, [target, name]);
  return count;
}

/** Calls back with each new frame, at most once for each picture on the screen; and with each rendering. */
export function useFrames(film, draw) {
  const latest = useRef(draw);
  latest.current = draw;
  useEffect(() => latest.current());
  useEffect(() => {
    if (!film) return undefined;
    let asked = 0;
    const ask = () => {
      asked ||= requestAnimationFrame(() => {
        asked = 0;
        latest.current();
      });
    };
    film.addEventListener("frame", ask);
    return () => {
      film.removeEventListener("frame", ask);
      cancelAnimationFrame(asked);
    };
  }, [film]);
}
