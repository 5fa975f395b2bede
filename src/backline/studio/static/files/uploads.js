/** The uploads of this tab: they go on while other pages of the studio are looked at. */

import { useEffect, useReducer } from "../html.js";
import { session } from "../account/session.js";
import { percent } from "../units.js";
import { fingerprintOf, giveUp, isOf, unfinishedOf } from "./memory.js";
import { FileUpload } from "./upload.js";

const AT_ONCE = 2;
const LOCAL = "local"; // whoever uses their own machine without an account

/** Events: `change`; `settled` when the room that files take up may be another than before. */
class Uploads extends EventTarget {
  /** @type {FileUpload[]} in the order in which they were chosen */
  all = [];
  /** @type {import("./memory.js").Unfinished[]} begun before this page was loaded */
  unfinished = [];
  /** What happened last, for a screen reader. */
  news = "";

  #owner = null;
  #tus = null;
  #told = new Map();

  constructor() {
    super();
    session.addEventListener("change", () => this.#changeOwner());
  }

  /** @param {Iterable<File>} files */
  async add(files) {
    const tus = await this.#library();
    const owner = ownerNow();
    for (const file of files) {
      const known = this.all.find((upload) => upload.fingerprint === fingerprintOf(file, owner));
      if (known) {
        if (!known.active) known.wait();
        continue;
      }
      const onRoom = () => this.dispatchEvent(new Event("settled"));
      this.all.push(new FileUpload(file, owner, tus, (upload) => this.#onChange(upload), onRoom));
    }
    this.#forgetRunning();
    this.#pump();
  }

  /** @param {FileUpload} upload */
  goOn(upload) {
    upload.wait();
    this.#pump();
  }

  /** @param {FileUpload} upload */
  pause(upload) {
    upload.pause();
    this.#pump();
  }

  /** Give it up: what is on the server of it is removed. @param {FileUpload} upload */
  async remove(upload) {
    await upload.stop();
    this.all = this.all.filter((one) => one !== upload);
    this.#pump();
    this.dispatchEvent(new Event("settled"));
  }

  /** @param {import("./memory.js").Unfinished} one */
  async giveUp(one) {
    await giveUp((await this.#library()).defaultOptions.urlStorage, one);
    this.unfinished = this.unfinished.filter(({ key }) => key !== one.key);
    this.#changed();
    this.dispatchEvent(new Event("settled"));
  }

  /** Looks for what was begun before. */
  async remember() {
    if (!session.balance) return; // nobody knows yet who is asking
    const owner = ownerNow();
    const found = await unfinishedOf((await this.#library()).defaultOptions.urlStorage, owner);
    if (owner !== ownerNow()) return;
    this.unfinished = found;
    this.#forgetRunning();
    this.#changed();
  }

  #forgetRunning() {
    this.unfinished = this.unfinished.filter((one) => !this.all.some(({ fingerprint }) => isOf(one, fingerprint)));
  }

  #pump() {
    let free = AT_ONCE - this.all.filter((upload) => upload.active).length;
    for (const upload of this.all) {
      if (free <= 0) break;
      if (upload.state !== "waiting") continue;
      upload.start();
      free -= 1;
    }
    this.#changed();
  }

  #onChange(upload) {
    this.#tell(upload);
    if (upload.state === "done") this.all = this.all.filter((one) => one !== upload); // it is among the files now
    if (upload.state === "done" || upload.state === "failed") {
      this.#pump();
      this.dispatchEvent(new Event("settled"));
    }
    this.#changed();
  }

  /** Quarters of the way only, and what ends it: more would be noise. */
  #tell({ id, file, state, sent, size }) {
    const quarter = size ? Math.floor((sent / size) * 4) / 4 : 0;
    const said = {
      sending: quarter ? `${file.name}: ${percent(quarter)} is there.` : `${file.name} is being uploaded.`,
      done: `${file.name} is there.`,
      paused: `${file.name} is paused.`,
    };
    const news = said[state]; // a problem is told where it is shown
    if (!news || this.#told.get(id) === news) return;
    this.#told.set(id, news);
    this.news = news;
  }

  #changeOwner() {
    const owner = ownerNow();
    if (owner === this.#owner) return;
    if (this.#owner !== null) {
      for (const upload of this.all) if (upload.active) upload.pause();
      this.all = [];
      this.unfinished = [];
    }
    this.#owner = owner;
    this.remember().catch(() => {}); // it is asked for again with the page
    this.#changed();
  }

  async #library() {
    if (!this.#tus) {
      await import("../vendor/tus/tus.js");
      this.#tus = globalThis.tus;
    }
    return this.#tus;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function ownerNow() {
  return session.user?.id ?? LOCAL;
}

export const uploads = new Uploads();

/** The uploads, and a new look at them whenever they change. */
export function useUploads() {
  const [, render] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    uploads.addEventListener("change", render);
    return () => uploads.removeEventListener("change", render);
  }, []);
  return uploads;
}
