// The header behind a C interface, so that Python's tests can play the same stream on both sides.
#include "kind.hpp"

using namespace antiphon;

struct Bench {
  Tables weights;
  Played model;
  Saved saved;
#ifdef NET
  NetWords words;
#endif
};

// Hands out numbers that were drawn elsewhere, and counts them.
struct Given {
  const double* numbers;
  int used = 0;
  double operator()() noexcept { return numbers[used++]; }
};

struct PlainVoice {
  int instrument;
  std::uint64_t pitches[2];
  int min_velocity, max_velocity, min_polyphony, max_polyphony;
  double min_length, max_length;
  int may_start;
  double weight;
};

struct PlainConstraints {
  double earliest, latest;
  int fixed[4];
  double fixed_to[4];
  int order[4];
  double steer[4][4];
  double onset_weight;
  int beat;
  double origin, tempo, strength;
  int meter;
};

struct PlainEvent {
  double at;
  int instrument, pitch, velocity;
};

extern "C" {
int bridge_read(const void* data, std::size_t size) {
  Tables weights;
  return static_cast<int>(weights.read(data, size));
}

Bench* bridge_open(const char* path, int plainly, int most) {
  auto bench = std::make_unique<Bench>();
#ifndef MARKOV
  if (plainly) bench->weights.plainly();
#endif
  if (bench->weights.read_file(path) != Status::ok) return nullptr;
#ifndef MARKOV
  if (plainly) bench->weights.plainly();
#else
  if (plainly) return nullptr;
#endif
  if (bench->model.prepare(bench->weights, most) != Status::ok) return nullptr;
  if (bench->saved.prepare(bench->model) != Status::ok) return nullptr;
#ifdef NET
  if (bench->words.prepare(bench->weights) != Status::ok) return nullptr;
  bench->words.clear();
#endif
  return bench.release();
}

void bridge_close(Bench* bench) { delete bench; }
void bridge_reset(Bench* bench) { bench->model.reset(); }
int bridge_save(Bench* bench) { return static_cast<int>(bench->model.save(bench->saved)); }
int bridge_restore(Bench* bench) { return static_cast<int>(bench->model.restore(bench->saved)); }

int bridge_feed(Bench* bench, double at, int instrument, int pitch, int velocity) {
  return static_cast<int>(bench->model.feed(Event{at, instrument, pitch, velocity}));
}

#ifdef MARKOV
void bridge_probabilities(Bench* bench, std::uint64_t history, double* out) {
  bench->weights.probabilities(history, out);
}
#elif defined NET
// Logits of the next word, and then hear one.
void bridge_next(Bench* bench, int word, double* out) {
  bench->words.logits(out);
  bench->words.hear(word);
}
#else
int bridge_logits(Bench* bench, int field, const int* code, const int* known, float* out) {
  bool seen[4];
  for (int f = 0; f < 4; ++f) seen[f] = known[f] != 0;
  const float* logits = bench->model.logits(static_cast<Field>(field), code, seen);
  if (!logits) return 1;
  std::copy_n(logits, SIZES[field], out);
  return 0;
}
#endif

int bridge_sample(Bench* bench, const PlainVoice* voices, int n, const PlainConstraints* plain, const double* numbers,
                  int* used, PlainEvent* out) {
  Voice own[INSTRUMENTS];
  for (int i = 0; i < n; ++i) {
    const PlainVoice& v = voices[i];
    own[i] = Voice{v.instrument,    Pitches{{v.pitches[0], v.pitches[1]}}, v.min_velocity, v.max_velocity,
                   v.min_polyphony, v.max_polyphony, v.min_length, v.max_length, v.may_start != 0, v.weight};
  }
  Constraints c;
  c.voices = own;
  c.n_voices = static_cast<std::size_t>(n);
  c.earliest = plain->earliest;
  c.latest = plain->latest;
  c.fixed_to = Event{plain->fixed_to[TIME], static_cast<int>(plain->fixed_to[INSTRUMENT]),
                     static_cast<int>(plain->fixed_to[PITCH]), static_cast<int>(plain->fixed_to[VELOCITY])};
  for (int f = 0; f < 4; ++f) {
    c.fixed[f] = plain->fixed[f] != 0;
    c.order[f] = static_cast<Field>(plain->order[f]);
    c.steer[f] = Steer{plain->steer[f][0], plain->steer[f][1], plain->steer[f][2], plain->steer[f][3]};
  }
  c.onset_weight = plain->onset_weight;
  c.beat = Beat{plain->beat != 0, plain->origin, plain->tempo, plain->meter, plain->strength};
  Given given{numbers};
  Event event;
  const Status status = bench->model.sample(c, given, event);
  *used = given.used;
  *out = PlainEvent{event.at, event.instrument, event.pitch, event.velocity};
  return static_cast<int>(status);
}
}
