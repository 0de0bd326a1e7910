/** What is heard: a small additive synthesiser, a hall, and a limiter that takes no time. */

import { now } from "./clock.js";

/**
 * Instruments by their General MIDI programs. A partial is [frequency ratio, level, seconds in which it falls to 1/e].
 * `hold` is the part of the level that stays while a key is down.
 */
export const INSTRUMENTS = {
  0: {
    name: "piano",
    partials: [[1, 1, 1.1], [2, 0.5, 0.8], [3, 0.25, 0.55], [4, 0.14, 0.4], [5.01, 0.08, 0.28], [7.03, 0.04, 0.16]],
    attack: 0.003,
    release: 0.09,
    hold: 0,
    level: 0.55,
  },
  48: {
    name: "strings",
    partials: [[0.997, 0.5, 1], [1.003, 0.5, 1], [2.004, 0.34, 1], [2.996, 0.2, 1], [4, 0.13, 1], [5.01, 0.08, 1]],
    attack: 0.09,
    release: 0.16,
    hold: 1,
    level: 0.3,
  },
  4: {
    name: "electric piano",
    partials: [[1, 1, 1.3], [2, 0.14, 0.8], [3, 0.05, 0.5], [14, 0.07, 0.06]],
    attack: 0.004,
    release: 0.08,
    hold: 0,
    level: 0.6,
  },
  11: {
    name: "vibraphone",
    partials: [[1, 1, 1.8], [3.98, 0.22, 0.5], [10.1, 0.06, 0.08]],
    attack: 0.002,
    release: 0.2,
    hold: 0,
    level: 0.55,
  },
  73: {
    name: "flute",
    partials: [[1, 1, 1], [2, 0.22, 1], [3, 0.09, 1], [4, 0.03, 1]],
    attack: 0.045,
    release: 0.06,
    hold: 0.85,
    level: 0.4,
  },
  32: {
    name: "bass",
    partials: [[1, 1, 0.9], [2, 0.55, 0.5], [3, 0.22, 0.3], [4, 0.1, 0.16]],
    attack: 0.004,
    release: 0.06,
    hold: 0,
    level: 0.7,
  },
};

const WET = 0.16;
const HALL = 1.6; // seconds
const SILENT = 1e-4;
const REACH = 3; // how far beyond full scale the limiter still bends rather than clips

export class Sound {
  #context = null;
  #volume = null;
  #analyser = null;
  #notes = new Map(); // "instrument pitch" -> note
  level = 0.8;

  /** Whether anything is heard: browsers allow it only after the visitor has done something. */
  get isOn() {
    return this.#context?.state === "running";
  }

  /** How many notes are held. */
  get sounding() {
    return this.#notes.size;
  }

  /** Begin; to be called from a gesture of the visitor's. */
  start() {
    if (!this.#context) this.#build();
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
  }

  setLevel(level) {
    this.level = level;
    this.#volume?.gain.setTargetAtTime(level ** 2 / REACH, this.#context.currentTime, 0.02);
  }

  /** Sound an event at its time, or at once when that has passed. */
  play({ at, instrument, pitch, velocity }) {
    if (!this.#context) return;
    const when = this.#context.currentTime + Math.max(at - now(), 0);
    const key = `${instrument} ${pitch}`;
    this.#end(key, when);
    if (velocity) this.#notes.set(key, this.#strike(INSTRUMENTS[instrument], pitch, velocity, when));
  }

  /** End every note. */
  silence() {
    for (const key of [...this.#notes.keys()]) this.#end(key, this.#context.currentTime);
  }

  /** The loudest sample of the last moment, 0 to 1. */
  get peak() {
    if (!this.#analyser) return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  }

  #build() {
    const context = new AudioContext({ latencyHint: "interactive" });
    const hall = new ConvolverNode(context, { buffer: hallOf(context) });
    const wet = new GainNode(context, { gain: WET });
    const limiter = new WaveShaperNode(context, { curve: limit() });
    this.#volume = new GainNode(context, { gain: this.level ** 2 / REACH });
    this.#analyser = new AnalyserNode(context, { fftSize: 2048 });
    this.#volume.connect(limiter).connect(this.#analyser).connect(context.destination);
    this.#volume.connect(hall).connect(wet).connect(limiter);
    this.#context = context;
  }

  #strike({ partials, attack, hold, level, release }, pitch, velocity, when) {
    const context = this.#context;
    const frequency = 440 * 2 ** ((pitch - 69) / 12);
    const loudness = level * (velocity / 127) ** 1.6;
    const longer = 2 ** ((60 - pitch) / 24); // low strings ring on
    const brightness = 0.45 + 0.55 * (velocity / 127);
    const envelope = new GainNode(context, { gain: 0 });
    envelope.gain.setValueAtTime(0, when);
    envelope.gain.linearRampToValueAtTime(loudness, when + attack);
    envelope.connect(this.#volume);
    const oscillators = partials
      .filter(([ratio]) => ratio * frequency < 0.45 * context.sampleRate)
      .map(([ratio, share, decay], place) => {
        const oscillator = new OscillatorNode(context, { frequency: ratio * frequency });
        const gain = new GainNode(context, { gain: share * brightness ** place });
        gain.gain.setTargetAtTime(hold * share * brightness ** place, when + attack, decay * longer);
        oscillator.connect(gain).connect(envelope);
        oscillator.start(when);
        return oscillator;
      });
    oscillators[0].onended = () => envelope.disconnect();
    return { envelope, oscillators, release, when, loudness };
  }

  #end(key, when) {
    const note = this.#notes.get(key);
    if (!note) return;
    this.#notes.delete(key);
    const from = Math.max(when, note.when + 0.01); // never before it began
    note.envelope.gain.cancelAndHoldAtTime?.(from) ?? note.envelope.gain.cancelScheduledValues(from);
    note.envelope.gain.setTargetAtTime(0, from, note.release);
    for (const oscillator of note.oscillators) oscillator.stop(from + note.release * -Math.log(SILENT));
  }
}

/** A hall: noise that dies away, another for each ear. */
function hallOf(context) {
  const buffer = new AudioBuffer({ length: HALL * context.sampleRate, numberOfChannels: 2, sampleRate: context.sampleRate });
  for (const channel of [0, 1]) {
    const samples = buffer.getChannelData(channel);
    let smooth = 0;
    for (let place = 0; place < samples.length; place++) {
      smooth += 0.5 * (Math.random() * 2 - 1 - smooth); // dull, as walls are
      samples[place] = smooth * Math.exp((-6.9 * place) / samples.length);
    }
  }
  return buffer;
}

/** The curve of a limiter: straight up to 0.7, never beyond 1. */
function limit() {
  const straight = 0.7;
  return Float32Array.from({ length: 4097 }, (_, place) => {
    const sample = REACH * (place / 2048 - 1);
    const size = Math.abs(sample);
    const bent = size <= straight ? size : straight + (1 - straight) * Math.tanh((size - straight) / (1 - straight));
    return Math.sign(sample) * bent;
  });
}
