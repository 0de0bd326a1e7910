/** The page's one clock: seconds, as every event has them. */

export const now = () => performance.now() / 1000;

/** Waits that one may be woken from. */
export class Alarm {
  #wake = () => {};

  /** Resolves at `at` seconds of `now()`, or as soon as `ring` is called; without `at` only then. */
  until(at = Infinity) {
    return new Promise((resolve) => {
      const timer = Number.isFinite(at) ? setTimeout(resolve, Math.max(0, (at - now()) * 1000)) : 0;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  ring() {
    this.#wake();
  }
}
