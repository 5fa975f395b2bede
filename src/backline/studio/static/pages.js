/** The pages of the studio. A new one is a module and a line here. */

import { SpeechPage } from "./speech/page.js";

/** @typedef {{id: string, title: string, Page: import("./html.js").Component}} PageEntry */

/** @type {PageEntry[]} */
export const pages = [{ id: "speech", title: "Speech", Page: SpeechPage }];
