/** The synthesiser, on the thread of sound: MIDI messages in, each sounding at its sample; two channels out. */

import { SoundBankLoader, SpessaSynthProcessor } from "../vendor/spessasynth/spessasynth.min.js";

/** Seconds after which nothing that ended still rings, so that nothing need be computed. */
const TAIL = 8;
const SUSTAIN = 64;
const ALL_NOTES_OFF = 123;
/** Channels of the jam; as many more are the chorale's. */
const CHANNELS = 16;

const isOnset = (data) => (data[0] & 0xf0) === 0x90 && data[2] > 0;
const isNote = (data) => (data[0] & 0xe0) === 0x80;

class Orchestra extends AudioWorkletProcessor {
  #synth = new SpessaSynthProcessor(sampleRate, { eventsEnabled: false });
  #isReady = false;
  #waiting = []; // { at, data }, soonest first
  #early = []; // what sets channels up, until there is a soundfont
  #quiet = TAIL * sampleRate;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#take(data);
  }

  #take(message) {
    if (message.bank) this.#open(message.bank);
    else if (message.silence) this.#silence();
    else if (message.hush) this.#hush();
    else if (!this.#isReady) this.#early.push(message);
    else if (message.drums !== undefined) this.#setDrums(message);
    else if (message.at === undefined) this.#perform(message);
    else this.#queue(message);
  }

  async #open(bytes) {
    try {
      // Only compressed soundfonts need the decoder; where WebAssembly is forbidden the others still sound.
      await this.#synth.processorInitialized.catch(() => {});
      this.#synth.soundBankManager.addSoundBank(SoundBankLoader.fromArrayBuffer(bytes), "main");
      this.#widen();
      this.#isReady = true;
      for (const message of this.#early) if (!message.data || !isNote(message.data)) this.#take(message);
      this.#early = [];
      this.port.postMessage({ ready: true });
    } catch (error) {
      this.port.postMessage({ failed: String(error) });
    }
  }

  #queue(message) {
    let place = this.#waiting.length;
    while (place > 0 && this.#waiting[place - 1].at > message.at) place--;
    this.#waiting.splice(place, 0, message);
  }

  #perform({ data, choir }) {
    if (isOnset(data)) this.#quiet = 0;
    this.#synth.processMessage(data, choir ? CHANNELS : 0);
  }

  #setDrums({ drums, channel }) {
    const midi = this.#synth.midiChannels[channel - 1];
    if (midi.drumChannel !== drums) midi.setDrums(drums);
  }

  /** The channels of the chorale are there as well, none of them for drums. */
  #widen() {
    while (this.#synth.midiChannels.length < 2 * CHANNELS) this.#synth.createMIDIChannel();
    for (let channel = CHANNELS; channel < 2 * CHANNELS; channel++) {
      this.#synth.midiChannels[channel].reset(); // else their volume is none
      this.#setDrums({ drums: false, channel: channel + 1 });
    }
  }

  /** End the chorale's notes, and forget those that wait. */
  #hush() {
    this.#waiting = this.#waiting.filter(({ choir }) => !choir);
    if (!this.#isReady) return;
    for (let channel = 0; channel < CHANNELS; channel++) {
      this.#perform({ data: [0xb0 | channel, ALL_NOTES_OFF, 0], choir: true });
    }
  }

  #silence() {
    const kept = this.#waiting.filter(({ data }) => !isNote(data));
    this.#waiting = kept;
    if (!this.#isReady) return;
    for (let channel = 0; channel < 16; channel++) this.#synth.controllerChange(channel, SUSTAIN, 0);
    this.#synth.stopAllChannels(false);
  }

  process(_inputs, [[left, right]]) {
    if (!this.#isReady) return true;
    let start = 0;
    while (start < left.length) {
      const next = this.#performDue(start);
      const end = Math.min(left.length, next);
      if (this.#quiet < TAIL * sampleRate) this.#synth.process(left, right, start, end - start);
      this.#quiet = this.#synth.voiceCount ? 0 : this.#quiet + end - start;
      start = end;
    }
    return true;
  }

  /** Perform what is due at sample `start` of this block. Returns the sample at which the next message is. */
  #performDue(start) {
    while (this.#waiting.length) {
      const sample = Math.round(this.#waiting[0].at * sampleRate) - currentFrame;
      if (sample > start) return sample;
      this.#perform(this.#waiting.shift());
    }
    return Infinity;
  }
}

registerProcessor("antiphon-orchestra", Orchestra);
