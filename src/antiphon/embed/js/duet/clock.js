/** The page's one clock: seconds, as every event has them. */

export const now = () => performance.now() / 1000;

/**
 * Time as a partner needs it: what it is, and a call after some seconds, which what it returns takes back. Whoever gives
 * another makes hours of playing pass in a moment.
 */
export const TIME = {
  now,
  after(seconds, call) {
    const timer = setTimeout(call, seconds * 1000);
    return () => clearTimeout(timer);
  },
};

/** Waits that one may be woken from. */
export class Alarm {
  #time;
  #wake = () => {};

  constructor(time) {
    this.#time = time;
  }

  /** Resolves at `at` seconds, or as soon as `ring` is called; without `at` only then. */
  until(at = Infinity) {
    return new Promise((resolve) => {
      const isTimed = Number.isFinite(at);
      const takeBack = isTimed ? this.#time.after(Math.max(0, at - this.#time.now()), resolve) : () => {};
      this.#wake = () => {
        takeBack();
        resolve();
      };
    });
  }

  ring() {
    this.#wake();
  }
}
