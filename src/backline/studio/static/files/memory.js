/** Uploads that were begun in this browser and are not over: where they are on the server is kept until they are. */

import { send } from "../api.js";

const PREFIX = "backline";

/**
 * The same for the same file of the same person.
 *
 * @param {File} file
 * @param {string} owner
 */
export function fingerprintOf(file, owner) {
  return [PREFIX, owner, file.name, file.type, file.size, file.lastModified].join("|");
}

/**
 * @typedef {object} Unfinished
 * @property {string} key - of this browser's storage
 * @property {string} path - on the server
 * @property {string} name
 * @property {number} size
 * @property {number} sent - bytes that the server has
 */

/**
 * What this person began and did not end. What the server has forgotten is forgotten here too.
 *
 * @param {any} storage - tus-js-client's
 * @param {string} owner
 * @returns {Promise<Unfinished[]>}
 */
export async function unfinishedOf(storage, owner) {
  const known = (await storage.findAllUploads()).filter(({ urlStorageKey: key }) => key.startsWith(`tus::${PREFIX}|${owner}|`));
  const looked = await Promise.all(known.map((one) => look(storage, one)));
  return looked.filter(Boolean);
}

async function look(storage, { urlStorageKey: key, uploadUrl, size, metadata }) {
  const path = new URL(uploadUrl).pathname;
  try {
    const { headers } = await send("HEAD", path);
    const sent = Number(headers.get("Upload-Offset"));
    if (sent < size) return { key, path, name: metadata.filename, size, sent };
  } catch (error) {
    if (error.status !== 404) return null; // it may be told another time
  }
  await storage.removeUpload(key);
  return null;
}

/**
 * Whether it is one of this file.
 *
 * @param {Unfinished} unfinished
 * @param {string} fingerprint
 */
export function isOf({ key }, fingerprint) {
  return key.startsWith(`tus::${fingerprint}::`);
}

/**
 * Give it up: its room on the server is free again.
 *
 * @param {any} storage - tus-js-client's
 * @param {{key: string | undefined, path: string}} unfinished
 */
export async function giveUp(storage, { key, path }) {
  await send("DELETE", path).catch((error) => {
    if (error.status !== 404) throw error;
  });
  if (key) await storage.removeUpload(key);
}
