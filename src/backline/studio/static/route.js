/** The address says which page is seen, and what of it: `#jobs?show=over&before=job_1`. So a reload, a bookmark and the
 * button "back" keep it. */

import { useEffect, useState } from "./html.js";

/** @returns {{page: string, query: URLSearchParams}} */
function currentRoute() {
  const [page, query] = location.hash.slice(1).split("?");
  return { page, query: new URLSearchParams(query) };
}

/** The route, and a new look at it whenever it changes. */
export function useRoute() {
  const [route, setRoute] = useState(currentRoute);
  useEffect(() => {
    const onHashChange = () => setRoute(currentRoute());
    addEventListener("hashchange", onHashChange);
    return () => removeEventListener("hashchange", onHashChange);
  }, []);
  return route;
}

/**
 * @param {string} page
 * @param {Object<string, string | null | undefined>} parts - those without a value are left out
 * @returns {string} for a link
 */
export function addressOf(page, parts) {
  const query = new URLSearchParams(Object.entries(parts).filter(([, value]) => value));
  return `#${page}${query.size ? `?${query}` : ""}`;
}
