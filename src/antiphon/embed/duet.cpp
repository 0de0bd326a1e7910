// A duet: reads a MIDI file, lets the model play another voice to it, and writes both as a MIDI file.
// SPDX-License-Identifier: Apache-2.0
//
//   duet MODEL.bin IN.mid OUT.mid [SEED] [INSTRUMENT]
//
// The same seed gives the same file. Here the clock is the file's; in a plug-in it is the sample count.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "antiphon.hpp"
#include "midi.hpp"

using antiphon::Event;
using antiphon::Status;

namespace {

// The other voice: it plans its next event, and plans again whenever something was heard in the meantime.
class Partner {
 public:
  Partner(antiphon::Model& model, int instrument, std::uint64_t seed) : model_(model), random_(seed) {
    voice_.instrument = instrument;
    voice_.pitches = antiphon::Pitches::range(48, 84);
    voice_.min_velocity = 40;
    voice_.max_velocity = 100;
    voice_.max_polyphony = 2;
    voice_.min_length = 0.05;
    voice_.max_length = 2.0;
    constraints_.voices = &voice_;
    constraints_.n_voices = 1;
    constraints_.steer[antiphon::PITCH].top_p = 0.95;
    constraints_.steer[antiphon::TIME].top_p = 0.98;
  }

  // Everything that it plays before `until` seconds.
  void play(double until, std::vector<Event>& heard) {
    Event next;
    for (;;) {
      constraints_.earliest = model_.now();
      constraints_.latest = model_.now() + 3.0;
      if (model_.sample(constraints_, random_, next) != Status::ok || next.at >= until) return;
      model_.feed(next);
      heard.push_back(next);
    }
  }

 private:
  antiphon::Model& model_;
  antiphon::Random random_;
  antiphon::Voice voice_;
  antiphon::Constraints constraints_;
};

int fail(const char* what, const char* why) {
  std::cerr << "duet: " << what << ": " << why << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return fail("usage", "duet MODEL.bin IN.mid OUT.mid [SEED] [INSTRUMENT]"), 2;
  const std::uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0;
  const int instrument = argc > 5 ? std::atoi(argv[5]) : 48;
  if (instrument < 0 || instrument >= antiphon::INSTRUMENTS) return fail("INSTRUMENT", "0 to 319"), 2;

  antiphon::Weights weights;
  antiphon::Model model;
  Status status = weights.read_file(argv[1]);
  if (status == Status::ok) status = model.prepare(weights);
  if (status != Status::ok) return fail(argv[1], antiphon::say(status));
  const std::vector<Event> tune = antiphon::read_midi(argv[2]);
  if (tune.empty()) return fail(argv[2], "no MIDI file with notes");

  Partner partner(model, instrument, seed);
  std::vector<Event> heard;
  for (const Event& event : tune) {
    if (event.instrument == instrument) return fail(argv[2], "plays the partner's instrument: name another");
    partner.play(event.at, heard);
    if (model.feed(event) == Status::ok) heard.push_back(event);
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
