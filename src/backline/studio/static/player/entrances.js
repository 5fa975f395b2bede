/** Where a stream can be entered: the starts of WebM clusters and of MP4 fragments, each with its time. */

const SPACING_SECONDS = 1; // between two that are kept
const CLUSTER = [0x1f, 0x43, 0xb6, 0x75]; // WebM element ids, per RFC 9559
const TIMESTAMP = 0xe7;
const LOOK_AHEAD = 128; // bytes of a fragment's head that hold its time

/** @typedef {{seconds: number, piece: number, offset: number}} Entrance - a byte of a piece of the stream */

export class Entrances {
  /** @type {Entrance[]} ascending; the first stands for the very beginning, headers included */
  #kept = [{ seconds: 0, piece: 0, offset: 0 }];
  #find;

  /** @param {string} format - `webm` or `mp4` */
  constructor(format) {
    this.#find = format === "webm" ? findClusters : fragmentFinder();
  }

  /** Seconds of the last one. */
  get lastSeconds() {
    return this.#kept.at(-1).seconds;
  }

  /**
   * Looks through the next piece of the stream. One that straddles two pieces is missed, which only makes them sparser.
   *
   * @param {Uint8Array} bytes
   * @param {number} piece - its number
   */
  add(bytes, piece) {
    for (const { seconds, offset } of this.#find(bytes)) {
      if (seconds >= this.lastSeconds + SPACING_SECONDS) this.#kept.push({ seconds, piece, offset });
    }
  }

  /** @param {number} seconds @returns {Entrance} the last one at or before that time */
  before(seconds) {
    return this.#kept.findLast((entrance) => entrance.seconds <= seconds) ?? this.#kept[0];
  }
}

/** Times are in milliseconds: FFmpeg's muxer, like most, keeps WebM's default of one tick a millisecond. */
function* findClusters(bytes) {
  for (const offset of positions(bytes, CLUSTER)) {
    const sizeLength = Math.clz32(bytes[offset + 4]) - 23; // of the cluster's size: one byte more for each leading zero
    const at = offset + 4 + sizeLength;
    const length = bytes[at + 1] & 0x7f;
    if (bytes[at] !== TIMESTAMP || length > 8 || at + 2 + length > bytes.length) continue;
    let milliseconds = 0;
    for (let i = 0; i < length; i++) milliseconds = milliseconds * 256 + bytes[at + 2 + i];
    yield { seconds: milliseconds / 1000, offset };
  }
}

/** Boxes and fields per ISO/IEC 14496-12: `mdhd` says how many ticks a second has, `tfdt` when a fragment begins. */
function fragmentFinder() {
  let ticksHz = null;
  return function* findFragments(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (const at of ticksHz ? [] : positions(bytes, ascii("mdhd"))) {
      ticksHz = view.getUint32(at + (bytes[at + 4] ? 24 : 16)); // version 1 has longer dates before it
    }
    for (const at of positions(bytes, ascii("moof"))) {
      const [time] = positions(bytes.subarray(at, at + LOOK_AHEAD), ascii("tfdt"));
      if (!ticksHz || time === undefined || at + time + 16 > bytes.length) continue;
      const ticks = bytes[at + time + 4] ? Number(view.getBigUint64(at + time + 8)) : view.getUint32(at + time + 8);
      yield { seconds: ticks / ticksHz, offset: at - 4 };
    }
  };
}

/** @returns {Iterable<number>} where `pattern` begins in `bytes` */
function* positions(bytes, pattern) {
  for (let at = bytes.indexOf(pattern[0]); at >= 0; at = bytes.indexOf(pattern[0], at + 1)) {
    if (pattern.every((byte, i) => bytes[at + i] === byte)) yield at;
  }
}

function ascii(text) {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}
