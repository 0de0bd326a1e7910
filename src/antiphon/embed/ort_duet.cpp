// A duet on ONNX Runtime: reads a MIDI file, lets the model of an ONNX bundle play another voice to it, writes both.
// SPDX-License-Identifier: Apache-2.0
//
//   ort_duet BUNDLE/event.onnx IN.mid OUT.mid [SEED] [INSTRUMENT]
//
// The bundle is one that `antiphon export --one-graph` wrote of a GRU. One call of its graph hears an event and draws
// the next; the state goes in and comes out. What is held, when it is and what may be played is the host's to say.
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "midi.hpp"

using antiphon::Event;

namespace {

constexpr int PITCHES = 128, INSTRUMENTS = 320, TIMES = 165, FEATURES = 3 * PITCHES + INSTRUMENTS;
constexpr int LOWEST = 48, HIGHEST = 84, MOST = 2;  // what the partner may play, and how many notes at once
constexpr float WISH = 20.0f;  // how much likelier than the model says it is that the next onset is the partner's
constexpr double TICK = 0.01, LONGEST = 2.0, TAIL = 4.0;  // seconds

enum Type { FLOAT = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, INT64 = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 };
struct Tensor {
  const char* name;
  Type type;
  std::int64_t rows, columns;  // -1 is the model's own
};
enum { CODE, BEGIN, SOUNDING, HIDDEN, UNIFORM, ODDS_INSTRUMENT, ODDS_PITCH, ODDS_VELOCITY };
constexpr Tensor INPUTS[] = {
    {"code", INT64, 1, 4},                     // heard last: instrument, pitch, time since the one before, velocity
    {"begin", FLOAT, 1, 1},                    // 1 where nothing was heard yet
    {"sounding", FLOAT, 1, FEATURES},          // what is held after it
    {"hidden", FLOAT, -1, -1},                 // the state, zeros to begin with
    {"uniform", FLOAT, 1, 4},                  // random numbers, 0 to 1
    {"odds_instrument", FLOAT, 2, INSTRUMENTS},  // 0 forbids; the first row for a release, the second for an onset
    {"odds_pitch", FLOAT, 2, PITCHES},
    {"odds_velocity", FLOAT, 1, 128},
};
constexpr Tensor OUTPUTS[] = {
    {"event", INT64, 1, 4},            // drawn, as a code; -1 in a field where the odds leave nothing
    {"next_hidden", FLOAT, -1, -1},
};

// The first tick that a value of the field of time stands for: single ticks to a second, then 5, 10 and 25 of them.
std::int64_t first_tick(std::int64_t value) {
  const auto past = [&](std::int64_t first) { return std::max<std::int64_t>(value - first, 0); };
  return value + 4 * past(101) + 5 * past(121) + 15 * past(141);
}

class Partner {
 public:
  std::vector<Event> played;

  Partner(const char* graph, const std::vector<Event>& tune, std::uint64_t seed, int instrument)
      : session_(env_, graph, one_thread()), random_(seed), own_(instrument) {
    const auto room = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    Ort::AllocatorWithDefaultOptions strings;
    for (std::size_t i = 0; i < std::size(INPUTS); ++i) {
      const Tensor& input = INPUTS[i];
      std::vector<std::int64_t> shape{input.rows, input.columns};
      if (i <= UNIFORM) {
        if (session_.GetInputNameAllocated(i, strings).get() != std::string(input.name))
          throw std::runtime_error("its graph is not one of a GRU that draws events");
        shape = session_.GetInputTypeInfo(i).GetTensorTypeAndShapeInfo().GetShape();
      }
      auto& array = arrays_[i];
      array.resize(static_cast<std::size_t>(shape[0] * shape[1]));
      inputs_.push_back(input.type == INT64
                            ? Ort::Value::CreateTensor(room, code_.data(), code_.size(), shape.data(), 2)
                            : Ort::Value::CreateTensor(room, array.data(), array.size(), shape.data(), 2));
    }
    for (const Event& event : tune) instruments_.push_back(event.instrument);
    arrays_[BEGIN][0] = 1.0f;
    draw();
  }

  // Somebody played this: the player, or the partner itself.
  void hear(Event event) {
    const auto same = [&](const Event& e) { return e.instrument == event.instrument && e.pitch == event.pitch; };
    const auto held = std::find_if(held_.begin(), held_.end(), same);
    if (held == held_.end() && !event.velocity) return;
    if (held != held_.end() && event.velocity) hear({event.at, event.instrument, event.pitch, 0});
    held_.erase(std::remove_if(held_.begin(), held_.end(), same), held_.end());
    if (event.velocity) held_.push_back(event);
    const auto tick = static_cast<std::int64_t>(std::floor(event.at / TICK + 0.5));
    std::int64_t time = 0;
    while (!played.empty() && time + 1 < TIMES && first_tick(time + 1) <= tick - tick_) ++time;
    code_ = {event.instrument, event.pitch, time, event.velocity};
    arrays_[BEGIN][0] = 0.0f;
    tick_ = tick;
    played.push_back(event);
    draw();
  }

  // Plays what comes before `until`, as long as the next event is its own and not the player's; no note beyond LONGEST.
  void play(double until) {
    for (;;) {
      const auto oldest = std::find_if(held_.begin(), held_.end(), [&](auto& e) { return e.instrument == own_; });
      const double due = oldest == held_.end() ? until : oldest->at + LONGEST;
      const bool mine = next_[0] == own_ && next_[1] >= 0 && next_[3] >= 0;
      const double at = mine ? static_cast<double>(tick_ + first_tick(next_[2])) * TICK : until;
      if (std::min(due, at) >= until) return;
      if (due <= at) hear({due, own_, oldest->pitch, 0});
      else hear({at, own_, static_cast<int>(next_[1]), static_cast<int>(next_[3])});
    }
  }

  // The player has finished: it plays alone for a while, and lets go of what is held.
  void finish(double until) {
    instruments_.clear();
    draw();
    play(until);
    while (!held_.empty()) hear({until, held_.front().instrument, held_.front().pitch, 0});
  }

 private:
  static Ort::SessionOptions one_thread() {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    return options;
  }

  void draw() {
    const double now = played.empty() ? 0.0 : played.back().at;
    auto& sounding = arrays_[SOUNDING];
    auto& pitch = arrays_[ODDS_PITCH];
    auto& instrument = arrays_[ODDS_INSTRUMENT];
    std::fill(sounding.begin(), sounding.end(), 0.0f);
    std::fill(instrument.begin(), instrument.end(), 0.0f);
    for (int p = 0; p < PITCHES; ++p) pitch[p] = 0.0f, pitch[PITCHES + p] = LOWEST <= p && p <= HIGHEST;
    int mine = 0;
    for (const Event& e : held_) {  // longest first: of two instruments on one pitch the younger note counts
      sounding[e.pitch] = 1.0f;
      sounding[PITCHES + e.pitch] = static_cast<float>(std::exp(-(now - e.at) / 0.3));
      sounding[2 * PITCHES + e.pitch] = static_cast<float>(std::exp(-(now - e.at) / 1.5));
      sounding[3 * PITCHES + e.instrument] = 1.0f;
      if (e.instrument != own_) continue;
      pitch[e.pitch] = 1.0f, pitch[PITCHES + e.pitch] = 0.0f, ++mine;
    }
    if (!mine) std::fill_n(pitch.begin(), PITCHES, 1.0f);  // then only the player can release
    for (const int other : instruments_) instrument[other] = instrument[INSTRUMENTS + other] = 1.0f;
    instrument[own_] = mine > 0, instrument[INSTRUMENTS + own_] = mine < MOST ? WISH : 0.0f;
    std::fill(arrays_[ODDS_VELOCITY].begin(), arrays_[ODDS_VELOCITY].end(), 1.0f);
    arrays_[ODDS_VELOCITY][0] = mine || !instruments_.empty();
    for (float& number : arrays_[UNIFORM]) number = static_cast<float>(random_());

    std::vector<const char*> in, out;
    for (const Tensor& tensor : INPUTS) in.push_back(tensor.name);
    for (const Tensor& tensor : OUTPUTS) out.push_back(tensor.name);
    auto after = session_.Run(Ort::RunOptions{}, in.data(), inputs_.data(), in.size(), out.data(), out.size());
    std::copy_n(after[0].GetTensorData<std::int64_t>(), 4, next_.begin());
    std::copy_n(after[1].GetTensorData<float>(), arrays_[HIDDEN].size(), arrays_[HIDDEN].begin());
  }

  Ort::Env env_{ORT_LOGGING_LEVEL_ERROR, "antiphon"};
  Ort::Session session_;
  antiphon::Random random_;
  int own_;
  std::int64_t tick_ = 0;
  std::array<std::int64_t, 4> code_{}, next_{};
  std::array<std::vector<float>, std::size(INPUTS)> arrays_;
  std::vector<Ort::Value> inputs_;
  std::vector<int> instruments_;
  std::vector<Event> held_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::cerr << "usage: ort_duet BUNDLE/event.onnx IN.mid OUT.mid [SEED] [INSTRUMENT]\n", 2;
  const auto tune = antiphon::read_midi(argv[2]);
  if (tune.empty()) return std::cerr << argv[2] << ": no MIDI file, or one without notes\n", 1;
  try {
    const std::uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 1;
    Partner partner(argv[1], tune, seed, argc > 5 ? std::atoi(argv[5]) % INSTRUMENTS : 48);
    for (const Event& event : tune) {
      partner.play(event.at);
      partner.hear(event);
    }
    partner.finish(tune.back().at + TAIL);
    if (!antiphon::write_midi(argv[3], partner.played)) return std::cerr << argv[3] << ": cannot be written\n", 1;
    std::cout << argv[3] << ": " << partner.played.size() << " events\n";
  } catch (const std::exception& error) {
    return std::cerr << argv[1] << ": " << error.what() << "\n", 1;
  }
}
