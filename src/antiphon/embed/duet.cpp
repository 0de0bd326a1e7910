// A duet: reads a MIDI file, lets the model play another voice to it, and writes both as a MIDI file.
// SPDX-License-Identifier: Apache-2.0
//
//   duet MODEL.bin IN.mid OUT.mid [SEED] [INSTRUMENT]
//
// The same seed gives the same file. Here the clock is the file's; in a plug-in it is the sample count.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "antiphon.hpp"
#include "midi.hpp"

using antiphon::Event;
using antiphon::Status;

namespace {

// The other voice: it plans its next event, and plans again whenever something was heard in the meantime. The model may
// also say that the next event is the player's: then it leaves room, else it would play all the notes of a duet alone.
// A pull on its odds keeps its share of the last notes near `SHARE`.
template <class Model>
class Partner {
  static constexpr int RECENT = 24;
  static constexpr double SHARE = 0.4;

 public:
  Partner(Model& model, int instrument, const std::vector<Event>& tune, std::uint64_t seed)
      : model_(model), random_(seed), voices_(1) {
    antiphon::Voice& own = voices_[0];
    own.instrument = instrument;
    own.pitches = antiphon::Pitches::range(48, 84);
    own.min_velocity = 40;
    own.max_velocity = 100;
    own.max_polyphony = 2;
    own.min_length = 0.05;
    own.max_length = 2.0;
    for (const Event& event : tune) {
      if (std::any_of(voices_.begin(), voices_.end(), [&](auto& v) { return v.instrument == event.instrument; })) continue;
      voices_.emplace_back();
      voices_.back().instrument = event.instrument;
    }
    constraints_.voices = voices_.data();
    constraints_.n_voices = voices_.size();
    constraints_.steer[antiphon::PITCH].top_p = 0.95;
    constraints_.steer[antiphon::TIME].top_p = 0.98;
  }

  // Everything that it plays before `until` seconds.
  void play(double until, std::vector<Event>& heard) {
    Event next;
    double from = model_.now();
    for (;;) {
      const double missing = SHARE * RECENT - std::count(recent_.begin(), recent_.end(), true);
      voices_[0].weight = std::exp(std::min(std::max(2.0 * missing, -12.0), 12.0));
      constraints_.earliest = from;
      constraints_.latest = from + 3.0;
      if (model_.sample(constraints_, random_, next) != Status::ok || next.at >= until) return;
      if (next.instrument == voices_[0].instrument) {
        model_.feed(next);
        heard.push_back(next);
        struck(next, true);
        from = model_.now();
      } else {
        from = next.at + 0.05;  // the player does not play it after all: think again a little later
      }
    }
  }

  // Somebody did `event`: the partner itself, or the player.
  void struck(const Event& event, bool own) {
    if (!event.velocity) return;
    recent_[static_cast<std::size_t>(next_)] = own;
    next_ = (next_ + 1) % RECENT;
  }

 private:
  Model& model_;
  std::array<bool, RECENT> recent_{};
  int next_ = 0;
  antiphon::Random random_;
  std::vector<antiphon::Voice> voices_;
  antiphon::Constraints constraints_;
};

int fail(const char* what, const char* why) {
  std::cerr << "duet: " << what << ": " << why << "\n";
  return 1;
}

template <class Model>
int play(Model& model, char** argv, std::uint64_t seed, int instrument) {
  const std::vector<Event> tune = antiphon::read_midi(argv[2]);
  if (tune.empty()) return fail(argv[2], "no MIDI file with notes");

  Partner<Model> partner(model, instrument, tune, seed);
  std::vector<Event> heard;
  for (const Event& event : tune) {
    if (event.instrument == instrument) return fail(argv[2], "plays the partner's instrument: name another");
    partner.play(event.at, heard);
    if (model.feed(event) == Status::ok) heard.push_back(event);
    partner.struck(event, false);
  }
  const double end = model.now() + 0.5;
  partner.play(end, heard);
  for (int i = 0; i < model.sounding(); ++i) {  // whoever's notes still sound end here
    Event release = model.held(i);
    release.at = end;
    heard.push_back(release);
  }
  if (!antiphon::write_midi(argv[3], heard)) return fail(argv[3], "cannot be written");
  std::cout << argv[3] << ": " << tune.size() << " events were heard, " << heard.size() - tune.size()
            << " played to them, " << end << " s\n";
  return 0;
}

// Plays if the file is of this kind; `done` is what the program then answers.
template <class Tables, class Model>
Status tried(char** argv, std::uint64_t seed, int instrument, int& done) {
  Tables tables;
  Model model;
  Status status = tables.read_file(argv[1]);
  if (status == Status::ok) status = model.prepare(tables);
  if (status == Status::ok) done = play(model, argv, seed, instrument);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return fail("usage", "duet MODEL.bin IN.mid OUT.mid [SEED] [INSTRUMENT]"), 2;
  const std::uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0;
  const int instrument = argc > 5 ? std::atoi(argv[5]) : 48;
  if (instrument < 0 || instrument >= antiphon::INSTRUMENTS) return fail("INSTRUMENT", "0 to 319"), 2;

  using namespace antiphon;
  int done = 0;
  Status status = tried<Weights, Model>(argv, seed, instrument, done);
  if (status == Status::foreign) status = tried<WordWeights, NetModel>(argv, seed, instrument, done);
  if (status == Status::foreign) status = tried<NGrams, MarkovModel>(argv, seed, instrument, done);
  return status == Status::ok ? done : fail(argv[1], say(status));
}
