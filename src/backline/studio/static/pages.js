/** The pages of the studio. A new one is a module and a line here. */

import { ExportsPage } from "./exports/page.js";
import { FilesPage } from "./files/page.js";
import { JamPage } from "./jam/page.js";
import { JobsPage } from "./jobs/page.js";
import { KeysPage } from "./keys/page.js";
import { SpeechPage } from "./speech/page.js";
import { UsagePage } from "./usage/page.js";

/** @typedef {{id: string, title: string, Page: import("./html.js").Component}} PageEntry */

/** @type {PageEntry[]} */
export const pages = [
  { id: "speech", title: "Speech", Page: SpeechPage },
  { id: "jam", title: "Jam", Page: JamPage },
  { id: "exports", title: "Exports", Page: ExportsPage },
  { id: "jobs", title: "Jobs", Page: JobsPage },
  { id: "files", title: "Files", Page: FilesPage },
  { id: "usage", title: "Usage", Page: UsagePage },
  { id: "keys", title: "Keys", Page: KeysPage },
];
