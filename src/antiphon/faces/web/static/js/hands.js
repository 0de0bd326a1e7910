/** The player's hands: whatever holds a key here, each key sounds at once, is told to the jam, and is let go. */

import { jam } from "./jam.js";
import { sound } from "./sound.js";

const [OFF, ON, PRESSURE, CONTROL] = [0x80, 0x90, 0xa0, 0xb0];
const SUSTAIN = 64;

class Hands extends EventTarget {
  #held = new Map(); // "channel:pitch" -> { channel, pitch, holders, sounding: [[channel, pitch], ...] }
  #pedals = new Map(); // channel -> holders
  #channel = null;

  constructor() {
    super();
    jam.on("thru", () => this.dispatchEvent(new Event("channel")));
    jam.on("link", ({ is }) => is === "closed" && this.releaseAll());
    jam.on("silence", () => this.#forget());
    addEventListener("pagehide", () => this.releaseAll());
  }

  /** The channel on which keys without one of their own play: the one that was chosen, or the first that is heard. */
  get channel() {
    const heard = this.voices.map(({ channel }) => channel);
    return heard.includes(this.#channel) ? this.#channel : (heard[0] ?? 1);
  }

  set channel(channel) {
    this.releaseAll();
    this.#channel = channel;
    this.dispatchEvent(new Event("channel"));
  }

  /** What can be played: the player's voices, each with the channel on which it is to be played. */
  get voices() {
    const routes = jam.latest("thru")?.routes ?? [];
    return jam.strips
      .filter(({ mode, punch_in }) => mode === "input" || (mode === "auto" && punch_in))
      .map((strip) => ({ strip, channel: heardBy(strip, routes) }))
      .filter(({ channel }) => channel !== null);
  }

  /** Every key that is held, as `{ channel, pitch }`. */
  get held() {
    return [...this.#held.values()];
  }

  /** `holder` (a key, a finger, a device) strikes. */
  press(holder, pitch, velocity, channel = this.channel) {
    if (pitch < 0 || pitch > 127) return;
    const id = `${channel}:${pitch}`;
    const key = this.#held.get(id);
    if (key) this.#end(key);
    const sounding = this.#routed(channel, pitch, velocity);
    this.#held.set(id, { channel, pitch, holders: new Set(key?.holders).add(holder), sounding });
    for (const [out, as, force] of sounding) sound.play([ON | (out - 1), as, force]);
    this.#tell([ON | (channel - 1), pitch, velocity]);
    this.dispatchEvent(new Event("keys"));
  }

  /** `holder` lets go; the key ends when nobody else holds it. */
  release(holder, pitch, channel) {
    for (const key of this.held) {
      if (key.pitch !== pitch || (channel !== undefined && key.channel !== channel)) continue;
      if (!key.holders.delete(holder) || key.holders.size) continue;
      this.#held.delete(`${key.channel}:${key.pitch}`);
      this.#end(key);
    }
    this.dispatchEvent(new Event("keys"));
  }

  /** `holder` presses or lifts the sustain pedal. */
  pedal(holder, isDown, channel = this.channel) {
    const holders = this.#pedals.get(channel) ?? new Set();
    const was = holders.size > 0;
    isDown ? holders.add(holder) : holders.delete(holder);
    this.#pedals.set(channel, holders);
    if (was !== holders.size > 0) this.#pass([CONTROL | (channel - 1), SUSTAIN, isDown ? 127 : 0], channel);
    this.dispatchEvent(new Event("keys"));
  }

  get isPedalDown() {
    return [...this.#pedals.values()].some((holders) => holders.size > 0);
  }

  /** A device sent `data`. Channels that nobody hears are played on the chosen one. */
  hear(holder, data) {
    const kind = data[0] & 0xf0;
    if (data[0] >= 0xf0 || data[0] < OFF) return;
    const channel = this.#heardChannel((data[0] & 15) + 1);
    if (kind === ON && data[2] > 0) this.press(holder, data[1], data[2], channel);
    else if (kind === ON || kind === OFF) this.release(holder, data[1], channel);
    else if (kind === CONTROL && data[1] === SUSTAIN) this.#pedalOf(holder, data[2], channel);
    else this.#pass([kind | (channel - 1), ...data.slice(1)], channel);
  }

  /** Let go of everything, or of everything that holders whose name begins so hold. */
  releaseAll(beginning = "") {
    for (const key of this.held) {
      for (const holder of key.holders) if (holder.startsWith(beginning)) this.release(holder, key.pitch, key.channel);
    }
    for (const [channel, holders] of this.#pedals) {
      for (const holder of [...holders]) if (holder.startsWith(beginning)) this.pedal(holder, false, channel);
    }
  }

  #pedalOf(holder, position, channel) {
    if (position === 0 || position === 127) return this.pedal(holder, position > 0, channel);
    this.#pass([CONTROL | (channel - 1), SUSTAIN, position], channel); // half-pedalling
    const holders = this.#pedals.get(channel) ?? new Set();
    this.#pedals.set(channel, holders.add(holder));
  }

  #heardChannel(channel) {
    return this.#routes(channel).length ? channel : this.channel;
  }

  #routes(channel) {
    return (jam.latest("thru")?.routes ?? []).filter(([hears]) => hears === channel);
  }

  /** Where a key sounds, as `[channel, pitch, velocity]`. */
  #routed(channel, pitch, velocity) {
    return this.#routes(channel)
      .map(([, out, pitches, fixed]) => [out, pitches ? pitches[pitch] : pitch, fixed || velocity])
      .filter(([, as]) => as >= 0);
  }

  #end({ channel, pitch, sounding }) {
    for (const [out, as] of sounding) sound.play([OFF | (out - 1), as, 0]);
    this.#tell([OFF | (channel - 1), pitch, 0]);
  }

  /** Something that is no note: to wherever the channel sounds, and to the jam. */
  #pass(data, channel) {
    for (const [, out, pitches] of this.#routes(channel)) {
      const mapped = [(data[0] & 0xf0) | (out - 1), ...data.slice(1)];
      if ((data[0] & 0xf0) === PRESSURE && pitches) mapped[1] = pitches[data[1]];
      if (mapped[1] >= 0) sound.play(mapped);
    }
    this.#tell(data);
  }

  #tell(data) {
    const at = jam.clock.isSet ? { at: jam.clock.now } : {};
    jam.say({ t: "midi", data: [...data], ...at });
    this.dispatchEvent(new CustomEvent("played", { detail: data }));
  }

  /** Everything was silenced by the jam: keys that are still down sound no more, and end when they are let go. */
  #forget() {
    for (const key of this.held) key.sounding = [];
  }
}

/** The channel to play on so that `strip` hears it, or null. */
function heardBy({ channel, hears }, routes) {
  const heard = routes.filter(([, out]) => out === channel || hears !== null).map(([on]) => on);
  const wanted = hears || channel;
  return routes.some(([on]) => on === wanted) ? wanted : hears === 0 ? (heard[0] ?? null) : null;
}

export const hands = new Hands();
