// Proof of real time: random playing under random constraints, every allocation counted (operator new and C's own),
// on one model a thread.
//
//   stress MODEL.bin EVENTS     0 when nothing was allocated after prepare and every note could be closed
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "kind.hpp"

namespace {

std::atomic<long> allocations{0};

}  // namespace

#ifndef UNCOUNTED  // sanitizers have allocators of their own
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);

void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) {
  ++allocations;
  return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t size) {
  ++allocations;
  return __libc_realloc(p, size);
}
}
#endif

using namespace antiphon;

namespace {

struct Player {
  Played model;
  Saved snapshot;
  Random random{0};
  int wrong = 0;
  long played = 0;

  int below(int n) { return static_cast<int>(random() * n); }

  // All that the callback does, in any order, with sense and without.
  void play(int events) {
    Voice voices[6];
    for (int t = 0; t < events; ++t) {
      Constraints c;
      c.voices = voices;
      c.n_voices = static_cast<std::size_t>(below(7));
      for (int i = 0; i < 6; ++i) {
        voices[i].instrument = i * 53 + (below(50) ? 0 : below(100));  // at times the same as another, or none
        voices[i].pitches = Pitches::range(below(100), 30 + below(100));
        voices[i].max_polyphony = below(6);
        voices[i].min_length = random() * 0.2;
        voices[i].max_length = below(3) ? random() * 4 : NEVER;
        voices[i].may_start = below(5) > 0;
        voices[i].weight = random() * 3;
      }
      c.earliest = below(4) ? model.now() : -NEVER;
      c.latest = below(4) ? model.now() + random() * 3 : NEVER;
      for (int f = 0; f < 4; ++f) {
        c.fixed[f] = below(10) == 0;
        std::swap(c.order[f], c.order[below(4)]);
        c.steer[f] = Steer{random() * 2, below(3) ? 1.0 : random(), 0.0, below(3) ? 1.0 : random()};
      }
      c.fixed_to = Event{model.now() + random(), below(320), below(128), below(128)};
      c.beat = Beat{below(2) == 0, random() - 0.5, 40 + random() * 200, 1 + below(10), random() * 2};
      Event next;
      const Status status = model.sample(c, random, next);
      if (status == Status::ok) {
        if (!(next.at >= model.now()) || model.feed(next) != Status::ok) ++wrong;
        ++played;
      } else if (status != Status::nothing_possible && status != Status::bad_constraints) {
        ++wrong;
      }
      if (below(3) == 0) model.feed(Event{model.now() + random() * 0.2, below(6) * 53, below(130), below(128)});
      if (below(40) == 0 && model.save(snapshot) != Status::ok) ++wrong;
      if (below(60) == 0 && model.restore(snapshot) != Status::ok) ++wrong;
      if (below(500) == 0) model.reset();
    }
    while (model.sounding()) {
      const Event held = model.held(0);
      if (model.feed(Event{model.now(), held.instrument, held.pitch, 0}) != Status::ok) ++wrong;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int events = std::atoi(argv[2]);
  Tables weights;
  if (weights.read_file(argv[1]) != Status::ok) return 2;
  std::vector<Player> players(2);
  for (std::size_t i = 0; i < players.size(); ++i) {
    if (players[i].model.prepare(weights) != Status::ok) return 2;
    if (players[i].snapshot.prepare(players[i].model) != Status::ok) return 2;
    players[i].random = Random(i);
  }
  const long before = allocations;
  players[0].play(events);
  const long after = allocations;
  // Two threads, one Weights: what the thread itself allocates to begin with is not counted.
  std::thread other([&] { players[1].play(events); });
  players[0].play(events);
  other.join();
  std::printf("%ld events sampled, %ld allocations after prepare, %d wrong\n", players[0].played + players[1].played,
              after - before, players[0].wrong + players[1].wrong);
#ifndef UNCOUNTED
  if (!before) return 1;  // nothing was counted at all
#endif
  return after == before && !players[0].wrong && !players[1].wrong && players[0].played ? 0 : 1;
}
