/** How the pages are written: Preact's elements in htm's template strings, no build step. */

import htm from "./vendor/htm/htm.js";
import { h } from "./vendor/preact/preact.js";

export { render } from "./vendor/preact/preact.js";
export { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "./vendor/preact/hooks.js";

export const html = htm.bind(h);
