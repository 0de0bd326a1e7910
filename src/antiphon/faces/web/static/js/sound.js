/** What is heard: a soundfont synthesiser on the thread of sound, a volume, and a limiter that takes no time. */

import { remembered } from "./dom.js";

/** Seconds over which the two clocks are compared. */
const COMPARED = 3;
/** Gain at full volume; a soundfont is mixed for many voices at once, and few play here. */
const LOUDEST = 2.4;
/** How far beyond full scale the limiter still bends rather than clips. */
const REACH = 4;
/** Milliseconds that beginning may take. */
const AWAKE = 1500;

class Sound extends EventTarget {
  #context = null;
  #orchestra = null;
  #volume = null;
  #compared = []; // { at, ahead }: how far the clock of sound is ahead of performance.now(), at least
  #failure = "";
  #isReady = false;
  #wanted = remembered.get("sound", true);
  level = remembered.get("volume", 0.8);
  analyser = null;

  /** `loading`, `waiting` (for the player: browsers allow no sound before), `on`, `off` or `failed`. */
  get state() {
    if (this.#failure) return "failed";
    if (!this.#wanted) return "off";
    if (!this.#isReady) return "loading";
    return this.#context.state === "running" ? "on" : "waiting";
  }

  get failure() {
    return this.#failure;
  }

  get isWanted() {
    return this.#wanted;
  }

  /** Build the graph and load the soundfont. Sounds nothing yet. */
  async prepare() {
    try {
      if (!window.AudioWorkletNode) throw new Error("sound needs this machine's own address, or https");
      this.#context = new AudioContext({ latencyHint: "interactive" });
      this.#context.onstatechange = () => this.#changed();
      const [bank] = await Promise.all([fetched("/soundfont"), this.#context.audioWorklet.addModule("/js/worklet.js")]);
      this.#build();
      await this.#opened(bank);
      this.#isReady = true;
    } catch (error) {
      this.#failure = error.message;
    }
    this.#changed();
  }

  #build() {
    const context = this.#context;
    this.#orchestra ??= new AudioWorkletNode(context, "antiphon-orchestra", {
      numberOfInputs: 0,
      outputChannelCount: [2],
    });
    this.#volume = new GainNode(context, { gain: this.#gain });
    const limiter = new WaveShaperNode(context, { curve: limit(), oversample: "none" });
    this.analyser = new AnalyserNode(context, { fftSize: 2048 });
    this.#orchestra.connect(this.#volume).connect(limiter).connect(this.analyser).connect(context.destination);
    this.dispatchEvent(new Event("built"));
  }

  #opened(bank) {
    const { port } = this.#orchestra;
    return new Promise((resolve, reject) => {
      port.onmessage = ({ data }) => (data.ready ? resolve() : reject(new Error(`no soundfont: ${data.failed}`)));
      port.postMessage({ bank }, [bank]);
    });
  }

  /** The player has done something, so that sound may begin. */
  start() {
    if (this.#wanted && this.#context && this.#context.state !== "running") this.#context.resume().catch(() => {});
  }

  /** Whether this page is to sound at all. */
  want(wanted, { remember = true } = {}) {
    this.#wanted = wanted;
    if (remember) remembered.set("sound", wanted);
    if (!wanted) this.silence();
    this.#setGain();
    this.start();
    this.#changed();
  }

  /** How loud, 0 to 1. */
  setLevel(level) {
    this.level = level;
    remembered.set("volume", level);
    this.#setGain();
  }

  get #gain() {
    return this.#wanted ? (LOUDEST * this.level ** 2) / REACH : 0;
  }

  #setGain() {
    this.#volume?.gain.setTargetAtTime(this.#gain, this.#context.currentTime, 0.015);
  }

  /** Wait until sound has begun, where the player has done something and the browser allows it. */
  async awake() {
    if (!this.#wanted || !this.#isReady || this.#context.state === "running") return;
    await Promise.race([this.#context.resume().catch(() => {}), new Promise((resolve) => setTimeout(resolve, AWAKE))]);
  }

  /** Sound `data` at once; with `choir`, on the channels of the chorale. */
  play(data, { choir = false } = {}) {
    if (this.#mayPlay(data)) this.#orchestra.port.postMessage({ data, choir });
  }

  /** Sound `data` at `here` seconds of `performance.now()`, or at once when that has passed. */
  playAt(data, here, { choir = false } = {}) {
    if (this.#mayPlay(data)) this.#orchestra.port.postMessage({ data, choir, at: here + this.#ahead() });
  }

  /** End every note of the chorale, and forget those that wait. */
  hush() {
    this.#orchestra?.port.postMessage({ hush: true });
  }

  /** Whether `channel` plays drums. */
  setDrums(channel, drums) {
    this.#orchestra?.port.postMessage({ channel, drums });
  }

  /** End every note, and forget those that wait. */
  silence() {
    this.#orchestra?.port.postMessage({ silence: true });
    this.dispatchEvent(new Event("silence"));
  }

  /** Seconds from the graph to the ear, as far as the browser knows. */
  get latency() {
    const { baseLatency = 0, outputLatency = 0 } = this.#context ?? {};
    return baseLatency + outputLatency;
  }

  /** The loudest sample of the last moment, 0 to 1. */
  get peak() {
    if (!this.analyser) return 0;
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  }

  /** Notes that begin while nothing can be heard are not kept for later; what sets channels up is. */
  #mayPlay(data) {
    const isOnset = (data[0] & 0xf0) === 0x90 && data[2] > 0;
    return this.#orchestra !== null && data[0] < 0xf0 && !(isOnset && (!this.#wanted || this.#context.state !== "running"));
  }

  /** Seconds of the context's time minus those of performance.now(). The former moves in steps: the most is right. */
  #ahead() {
    const at = performance.now() / 1000;
    this.#compared.push({ at, ahead: this.#context.currentTime - at });
    while (this.#compared[0].at < at - COMPARED) this.#compared.shift();
    return this.#compared.reduce((most, { ahead }) => Math.max(most, ahead), -Infinity);
  }

  #changed() {
    this.#compared = [];
    this.dispatchEvent(new Event("change"));
  }
}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`no soundfont: ${(await answer.text()).trim() || answer.status}`);
  return answer.arrayBuffer();
}

/** The curve of a limiter, from -REACH to REACH: straight up to 0.7, never beyond 1. Unlike a compressor it takes no time. */
function limit() {
  const straight = 0.7;
  return Float32Array.from({ length: 4097 }, (_, place) => {
    const sample = REACH * (place / 2048 - 1);
    const size = Math.abs(sample);
    const bent = size <= straight ? size : straight + (1 - straight) * Math.tanh((size - straight) / (1 - straight));
    return Math.sign(sample) * bent;
  });
}

export const sound = new Sound();
