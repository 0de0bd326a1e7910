/** Duets in simulated time: the page's partner, a model that takes as long as it is told, and a visitor by the score. */

/** Seconds that pass when nobody has anything left to do. */
class Simulated {
  #now = 0;
  #calls = [];
  #begun = 0;
  busy = 0; // what is computed in real time, while this time stands still

  now = () => this.#now;

  after = (seconds, call) => {
    const entry = { at: this.#now + seconds, order: this.#begun++, call };
    this.#calls.push(entry);
    return () => (this.#calls = this.#calls.filter((other) => other !== entry));
  };

  sleep = (seconds) => new Promise((resolve) => this.after(seconds, resolve));

  async pass(until) {
    for (;;) {
      do await turn();
      while (this.busy);
      this.#calls.sort((a, b) => a.at - b.at || a.order - b.order);
      if (!this.#calls.length || this.#calls[0].at > until) return;
      const { at, call } = this.#calls.shift();
      this.#now = Math.max(this.#now, at);
      call();
    }
  }
}

const channel = new MessageChannel();

/** Until all that waits for nothing but each other is done. */
const turn = () =>
  new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });

/** Graphs of a net that answers at random, but for logits that are told: `told[field]` is a list of [value, logit]. */
function random(told, numbers, sizes) {
  return {
    initial: () => ({}),
    hear: async () => ({ base: new Float32Array(1), state: {} }),
    logits: async (field) => {
      const logits = Float32Array.from({ length: sizes[field] }, () => 4 * numbers() - 2);
      for (const [value, logit] of told[field] ?? []) logits[value] = logit;
      return logits;
    },
  };
}

async function trained(folder) {
  const { Graphs } = await import(`${folder}/lib/graphs.js`);
  const ort = await import(`${folder}/ort/ort.wasm.bundle.min.mjs`);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  return Graphs.open(ort, async (name) => new Uint8Array(await (await fetch(`${folder}/model/${name}`)).arrayBuffer()));
}

/**
 * Play a duet.
 * @param {string} folder address of what was exported
 * @param {[number, string, ...number[]][]} score what the visitor does, and when: ["hear", pitch, velocity], ["silence"],
 *   ["instrument", program], in order of time
 * @param {object} how `seconds` that pass; `feed` and `sample`, seconds that the model takes; `seed`; `told`, logits of a
 *   net that answers at random otherwise, instead of the folder's model
 * @returns what was played, each event with the time `told` at which it was known; seconds between what the visitor did
 *   and that the model had heard it; whether the partner rests; what still sounds
 */
export async function duet(folder, score, { seconds, feed, sample, seed, told }) {
  const { Partner } = await import(`${folder}/duet/partner.js`);
  const { Model } = await import(`${folder}/lib/model.js`);
  const { seeded } = await import(`${folder}/lib/draw.js`);
  const { SIZES } = await import(`${folder}/lib/stream.js`);
  const time = new Simulated();
  const [draws, paces] = [seeded(seed), seeded(seed + 1)];
  const model = new Model(told ? random(told, seeded(seed + 2), SIZES) : await trained(folder));
  let last = Promise.resolve();
  const inTurn = (duration, work) => {
    const done = last.then(async () => {
      time.busy++;
      const answer = await work().finally(() => time.busy--);
      await time.sleep(duration * (0.7 + 0.6 * paces()));
      return answer;
    });
    last = done.catch(() => {});
    return done;
  };
  const delays = [];
  const partner = new Partner(
    {
      async feed(event) {
        await inTurn(feed, () => model.feed(event));
        if (event.instrument === 0) delays.push(time.now() - event.at);
      },
      sample: (constraints) => inTurn(sample, () => model.sample(constraints, draws)),
    },
    time,
  );
  const played = [];
  let failure = null;
  partner.addEventListener("note", ({ detail }) => played.push({ ...detail, told: time.now() }));
  partner.addEventListener("failed", ({ detail }) => (failure ??= detail));
  const acts = {
    hear: (pitch, velocity) => partner.hear({ at: time.now(), instrument: 0, pitch, velocity }),
    silence: () => partner.silence(),
    instrument: (program) => (partner.instrument = program),
  };
  for (const [at, act, ...given] of score) time.after(at, () => acts[act](...given));
  await time.pass(seconds);
  if (failure) throw failure;
  return { played, delays, isResting: partner.isResting, sounding: partner.sounding };
}
