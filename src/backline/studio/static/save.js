/** Saving a file of one's own: its address is asked for at the click, since it is good for a while only. */

import { getJson } from "./api.js";

/** @param {string} id - of one of `/api/files` */
export async function saveFile(id) {
  const { url, name } = await getJson(`/api/files/${encodeURIComponent(id)}`);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
