/** The jam as this page knows it: what it was told last, and whom to tell of news. */

import { Clock } from "./clock.js";
import { Wire } from "./wire.js";

const KEPT = new Set(["hello", "controls", "strips", "thru", "sense", "figures", "presets", "model", "take"]);

class Jam {
  #listeners = new Map();
  #latest = new Map();

  constructor() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.clock = new Clock((message) => this.say(message));
    this.wire = null;
    this.address = `${scheme}://${location.host}/jam${location.search}`;
  }

  /** Open the wire. Called once, when every part of the page listens. */
  begin() {
    this.wire = new Wire(this.address, {
      told: (news) => this.#take(news),
      opened: () => {
        this.clock.begin();
        this.#tell("link", { t: "link", is: "open" });
      },
      closed: () => this.#tell("link", { t: "link", is: "closed" }),
    });
  }

  /** Ask something of the jam. False when it is not there. */
  say(message) {
    return this.wire?.say(message) ?? false;
  }

  /** Call `listener` for each message of `kind`, and at once with the latest one that is kept. */
  on(kind, listener) {
    if (!this.#listeners.has(kind)) this.#listeners.set(kind, []);
    this.#listeners.get(kind).push(listener);
    if (this.#latest.has(kind)) listener(this.#latest.get(kind));
  }

  /** The latest message of `kind`, if it is one that is kept. */
  latest(kind) {
    return this.#latest.get(kind);
  }

  get strips() {
    return this.latest("strips")?.strips ?? [];
  }

  get values() {
    return this.latest("controls")?.values ?? {};
  }

  strip(channel) {
    return this.strips[channel - 1];
  }

  set(name, value) {
    this.say({ t: "set", name, value });
  }

  act(name, argument) {
    this.say(argument === undefined ? { t: "act", name } : { t: "act", name, argument });
  }

  change(channel, fields) {
    this.say({ t: "strip", channel, fields });
  }

  #take(news) {
    if (news.t === "pong") this.clock.hear(news);
    if (KEPT.has(news.t)) {
      const before = news.t === "controls" ? this.values : {};
      this.#latest.set(news.t, news.t === "controls" ? { ...news, values: { ...before, ...news.values } } : news);
    }
    this.#tell(news.t, news);
  }

  #tell(kind, news) {
    for (const listener of this.#listeners.get(kind) ?? []) listener(news);
  }
}

export const jam = new Jam();
