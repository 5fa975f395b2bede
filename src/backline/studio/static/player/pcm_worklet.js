/** The audio thread's half of PcmPlayer: plays what it is given, and tells how far it is. */

const REPORT_FRAMES = 512; // about 20 ms between two reports
const REFILL_FRAMES = 0.15 * sampleRate; // to gather after running dry, so that a slow engine does not stutter

class PcmProcessor extends AudioWorkletProcessor {
  #pieces = [];
  #offset = 0; // frames of the first piece that are played
  #queued = 0;
  #frame = 0; // position in the stream
  #round = 0;
  #running = false;
  #ending = false;
  #audible = false;
  #dry = false;
  #reported = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#receive(data);
  }

  #receive(message) {
    if (message.type === "run") {
      this.#running = message.running;
      this.#audible = false;
    } else if (message.type === "seek") {
      this.#restart(message);
    } else if (message.round === this.#round) {
      if (message.type === "samples") this.#add(message.samples);
      else this.#ending = true;
    }
  }

  #restart({ frame, round }) {
    this.#pieces = [];
    this.#offset = this.#queued = 0;
    this.#frame = this.#reported = frame;
    this.#round = round;
    this.#ending = this.#dry = this.#audible = false;
  }

  #add(samples) {
    this.#pieces.push(samples);
    this.#queued += samples.length;
    if (this.#queued >= REFILL_FRAMES) this.#dry = false;
  }

  process(_inputs, [[output]]) {
    if (!this.#running || (this.#dry && !this.#ending)) return true;
    const wanted = Math.min(output.length, this.#queued);
    this.#copy(output, wanted);
    if (wanted && !this.#audible) {
      this.#audible = true;
      this.#report("playing");
    }
    if (!this.#queued) this.#runOut(wanted);
    if (this.#frame - this.#reported >= REPORT_FRAMES) this.#report("position");
    return true;
  }

  #copy(output, frames) {
    for (let done = 0; done < frames; ) {
      const piece = this.#pieces[0];
      const count = Math.min(frames - done, piece.length - this.#offset);
      for (let i = 0; i < count; i++) output[done + i] = piece[this.#offset + i] / 32768;
      done += count;
      this.#offset += count;
      if (this.#offset === piece.length) {
        this.#pieces.shift();
        this.#offset = 0;
      }
    }
    this.#queued -= frames;
    this.#frame += frames;
  }

  #runOut(frames) {
    if (this.#ending) {
      this.#running = false;
      this.#report("ended");
    } else if (frames) {
      this.#dry = this.#frame > 0;
    }
  }

  #report(type) {
    this.#reported = this.#frame;
    this.port.postMessage({ type, frame: this.#frame, round: this.#round });
  }
}

registerProcessor("pcm-player", PcmProcessor);
