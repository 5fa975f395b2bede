/** Which way sound is played here: the first of three that this browser can do. */

import { MediaSourcePlayer, mediaSourceClass } from "./media_source.js";
import { PcmPlayer } from "./pcm.js";

/**
 * Plays a stream while it arrives. All players look the same from outside.
 *
 * @typedef {object} Player
 * @property {string} format - what to ask the server for
 * @property {number | null} sampleRate - in Hz, when the player needs one
 * @property {number} position - seconds heard
 * @property {number} endSeconds - of what came so far; `seek` keeps within it
 * @property {boolean} playing
 * @property {(bytes: ArrayBuffer) => void} append - the next bytes of the stream
 * @property {() => void} end - nothing more comes
 * @property {() => void} play - continue, or begin again after the end
 * @property {() => void} pause
 * @property {(seconds: number) => void} seek
 * @property {() => void} dispose
 */

/**
 * What a player tells.
 *
 * @typedef {object} PlayerEvents
 * @property {() => void} onplaying - sound is heard, for the first time or again
 * @property {() => void} onpause
 * @property {() => void} onended
 * @property {(message: string) => void} onerror
 */

const MEDIA_TYPES = { webm: 'audio/webm; codecs="opus"', mp4: 'audio/mp4; codecs="mp4a.40.2"' };

/** The names of the players, best first. */
export const PLAYERS = ["webm", "mp4", "pcm"];

/**
 * @param {string | null} forced - one of PLAYERS, from `?player=` in the page's address
 * @returns {string} one of PLAYERS
 */
export function choosePlayer(forced) {
  if (PLAYERS.includes(forced)) return forced;
  const supported = (name) => mediaSourceClass()?.isTypeSupported(MEDIA_TYPES[name]);
  return ["webm", "mp4"].find(supported) ?? "pcm";
}

/**
 * Call inside the user's click: that is when a browser allows sound.
 *
 * @param {string} name - one of PLAYERS
 * @param {PlayerEvents} events
 * @returns {Player}
 */
export function openPlayer(name, events) {
  if (name === "pcm") return new PcmPlayer(events);
  return new MediaSourcePlayer(name, MEDIA_TYPES[name], events);
}
