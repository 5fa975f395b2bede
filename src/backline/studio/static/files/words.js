/** What went wrong with an upload, in plain words. */

import { size } from "../units.js";

const REASONS = {
  bad_content_type: "The server does not take files of this type.",
  unsupported_media_type: "The server does not take files of this type.",
  bad_file_name: "The server does not take this name. Rename the file, and choose it again.",
  storage_full: "The server has no room left. Try again later.",
};

const NO_CONNECTION = "The server does not answer. What it has is kept: go on when it is back.";
const NOT_LET_IN = "You are signed out. Sign in, and go on.";
const UNREADABLE = "The file cannot be read any more. Was it moved or changed? Choose it again.";

/**
 * @param {any} error - of tus-js-client
 * @returns {{status: number, code: string | undefined, detail: string | undefined}} status: 0 where nobody answered
 */
export function answerOf(error) {
  const response = error.originalResponse ?? error.causingError?.response;
  if (!response) return { status: 0 };
  let body = {};
  try {
    body = JSON.parse(response.getBody());
  } catch {
    // A HEAD has no body, and a proxy's is not ours.
  }
  return { status: response.getStatus(), code: body.code, detail: body.detail };
}

/** @param {any} error - of tus-js-client @returns {string} */
export function reasonOf(error) {
  if (error.name === "NotReadableError" || error.name === "NotFoundError") return UNREADABLE;
  const { status, code, detail } = answerOf(error);
  if (status === 0) return NO_CONNECTION;
  if (status === 401) return NOT_LET_IN;
  if (REASONS[code]) return REASONS[code];
  return detail ? readable(detail) : `The server answered ${status}.`;
}

/** Server's sentences count bytes exactly: `10000000000 bytes` is 10 GB. */
function readable(detail) {
  return detail.replace(/(\d{4,}) bytes/g, (_, bytes) => size(Number(bytes)));
}
