/** Plays raw samples (s16le, mono) through an AudioWorklet: for browsers without MediaSource, or without our codecs. */

const RATE_HZ = 24000;
const AHEAD_FRAMES = 10 * RATE_HZ; // that the worklet holds; the rest waits here, as the bytes that came

/** @implements {import("./choose.js").Player} */
export class PcmPlayer {
  format = "pcm";
  sampleRate = RATE_HZ;
  playing = true;
  #context = new AudioContext({ sampleRate: RATE_HZ, latencyHint: "interactive" });
  #node = null;
  #pieces = []; // {frame, samples}: all that came, so that any of it can be heard again
  #oddByte = null;
  #madeFrames = 0;
  #sent = 0; // pieces given to the worklet
  #sentFrames = 0;
  #playedFrame = 0;
  #round = 0; // counts seeks: what the worklet tells of an older round is old news
  #ending = false;
  #endSent = false;
  #finished = false;
  #events;

  /** @param {import("./choose.js").PlayerEvents} events */
  constructor(events) {
    this.#events = events;
    this.#open().catch((error) => events.onerror(`The browser could not open its sound output. ${error.message}`));
  }

  get position() {
    const latency = this.#finished ? 0 : (this.#context.outputLatency ?? 0);
    return Math.max(0, this.#playedFrame / RATE_HZ - latency);
  }

  get endSeconds() {
    return this.#madeFrames / RATE_HZ;
  }

  append(bytes) {
    const samples = this.#samples(bytes);
    if (!samples.length) return;
    this.#pieces.push({ frame: this.#madeFrames, samples });
    this.#madeFrames += samples.length;
    this.#feed();
  }

  end() {
    this.#ending = true;
    this.#feed();
  }

  play() {
    if (this.#finished) this.seek(0);
    this.playing = true;
    this.#context.resume();
    this.#tell({ type: "run", running: true });
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.#tell({ type: "run", running: false });
    this.#context.suspend();
    this.#events.onpause();
  }

  seek(seconds) {
    const frame = Math.round(Math.min(Math.max(seconds, 0), this.endSeconds) * RATE_HZ);
    const next = this.#pieces.findIndex((piece) => piece.frame + piece.samples.length > frame);
    this.#round += 1;
    this.#finished = this.#endSent = false;
    this.#playedFrame = this.#sentFrames = frame;
    this.#sent = next < 0 ? this.#pieces.length : next;
    this.#tell({ type: "seek", frame, round: this.#round });
    this.#feed();
  }

  dispose() {
    this.playing = false;
    this.#node?.disconnect();
    this.#node = null;
    this.#context.close();
  }

  async #open() {
    const context = this.#context;
    context.resume();
    await context.audioWorklet.addModule(new URL("./pcm_worklet.js", import.meta.url));
    if (context.state === "closed") return;
    this.#node = new AudioWorkletNode(context, "pcm-player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => this.#heard(data);
    this.#node.connect(context.destination);
    this.#tell({ type: "run", running: this.playing });
    this.#feed();
  }

  #tell(message) {
    this.#node?.port.postMessage(message);
  }

  /** Gives the worklet what it has room for. */
  #feed() {
    if (!this.#node) return;
    while (this.#sent < this.#pieces.length && this.#sentFrames - this.#playedFrame < AHEAD_FRAMES) {
      const { frame, samples } = this.#pieces[this.#sent++];
      const fresh = samples.slice(Math.max(0, this.#sentFrames - frame));
      this.#sentFrames += fresh.length;
      this.#node.port.postMessage({ type: "samples", samples: fresh, round: this.#round }, [fresh.buffer]);
    }
    if (this.#ending && !this.#endSent && this.#sent === this.#pieces.length) {
      this.#endSent = true;
      this.#tell({ type: "end", round: this.#round });
    }
  }

  #heard({ type, frame, round }) {
    if (round !== this.#round) return;
    this.#playedFrame = frame;
    if (type === "playing") this.#events.onplaying();
    if (type === "ended") this.#finish();
    this.#feed();
  }

  #finish() {
    this.#finished = true;
    this.playing = false;
    this.#context.suspend();
    this.#events.onended();
  }

  /** Whole samples; half a sample waits for its other byte. */
  #samples(bytes) {
    if (this.#oddByte === null && bytes.byteLength % 2 === 0) return new Int16Array(bytes);
    const all = [...(this.#oddByte === null ? [] : [this.#oddByte]), ...new Uint8Array(bytes)];
    this.#oddByte = all.length % 2 ? all.pop() : null;
    return new Int16Array(Uint8Array.from(all).buffer);
  }
}
