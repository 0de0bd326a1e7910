// A target for libFuzzer: what it is given is read as a model, and then written over parts of a real one whose
// checksums are mended, so that what lies behind them is reached; what is left is played.
//
// Build: clang++ -std=c++17 -O1 -g -fsanitize=fuzzer,address,undefined -I ../../src/antiphon/embed fuzz.cpp -o fuzz
// Run:   ANTIPHON_MODEL=model.bin ./fuzz -max_total_time=600 -max_len=4096
// With -DMARKOV the same for a Markov model, with -DNET for a net of words.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kind.hpp"

using namespace antiphon;

namespace {

std::vector<std::uint8_t> real() {
  std::vector<std::uint8_t> raw;
  const char* path = std::getenv("ANTIPHON_MODEL");
  std::FILE* file = path ? std::fopen(path, "rb") : nullptr;
  if (!file) std::abort();
  for (int c; (c = std::fgetc(file)) != EOF;) raw.push_back(static_cast<std::uint8_t>(c));
  std::fclose(file);
  return raw;
}

void put(std::vector<std::uint8_t>& raw, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4 && at + i < raw.size(); ++i) raw[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

// Make every checksum say that nothing was changed.
void mend(std::vector<std::uint8_t>& raw) {
  using detail::little;
  if (raw.size() < 64) return;
#ifdef MARKOV
  put(raw, 56, detail::crc32(&raw[0] + 64, raw.size() - 64));
  put(raw, 60, detail::crc32(&raw[0], 60));
#else
  const std::size_t count = little(&raw[24], 4), text_at = little(&raw[28], 4), text = little(&raw[32], 4);
  for (std::size_t i = 0; i < count && 128 + 64 * i <= raw.size(); ++i) {
    const std::size_t entry = 64 + 64 * i, at = little(&raw[entry + 48], 8), n = little(&raw[entry + 56], 8);
    if (at <= raw.size() && n <= raw.size() - at) put(raw, entry + 44, detail::crc32(&raw[0] + at, n));
  }
  if (text_at <= raw.size() && text <= raw.size() - text_at) put(raw, 56, detail::crc32(&raw[0] + text_at, text));
  if (count < 4096 && 64 + 64 * count <= raw.size())
    put(raw, 60, detail::crc32(&raw[0] + 64, 64 * count, detail::crc32(&raw[0], 60)));
#endif
}

// Takes numbers from what the fuzzer gave, zeros when there are no more.
struct Source {
  const std::uint8_t* data;
  std::size_t left;

  int byte() {
    if (!left) return 0;
    --left;
    return *data++;
  }
  int number() { return byte() | byte() << 8; }
  double anything() {
    std::uint8_t raw[8];
    for (std::uint8_t& b : raw) b = static_cast<std::uint8_t>(byte());
    return detail::little_double(raw);
  }
  double some() { return byte() < 40 ? anything() : number() / 1000.0 - 5; }
  double operator()() { return number() / 65536.0; }
};

void play(const Tables& weights, Source& in) {
  Played model;
  Saved snapshot;
  if (model.prepare(weights, 1 + in.byte() % 8) != Status::ok || snapshot.prepare(model) != Status::ok) return;
  for (int t = 0; in.left && t < 60; ++t) {
    switch (in.byte() % 6) {
      case 0: model.feed(Event{in.some(), in.number(), in.byte(), in.byte()}); break;
      case 1: model.feed(Event{t * 0.1, in.byte() % 3, in.byte() % 128, in.byte() % 128}); break;
      case 2: model.save(snapshot); break;
      case 3: model.restore(snapshot); break;
      default: {
        Voice voices[3];
        for (Voice& v : voices) {
          v.instrument = in.byte() < 240 ? in.byte() % 3 : in.number() - 100;
          v.pitches = Pitches::range(in.byte() - 5, in.byte());
          v.min_velocity = in.byte() - 5;
          v.max_velocity = in.byte();
          v.min_polyphony = in.byte() % 4 - 1;
          v.max_polyphony = in.byte() % 6 - 1;
          v.min_length = in.some();
          v.max_length = in.some();
          v.may_start = in.byte() & 1;
          v.weight = in.some();
        }
        Constraints c;
        c.voices = voices;
        c.n_voices = static_cast<std::size_t>(in.byte() % 4);
        c.earliest = in.some();
        c.latest = in.some();
        c.onset_weight = in.some();
        for (int f = 0; f < 4; ++f) {
          c.fixed[f] = in.byte() % 8 == 1;
          c.order[f] = static_cast<Field>(in.byte() < 200 ? f : in.byte() % 5);
          c.steer[f] = Steer{in.some(), in.some(), in.some(), in.some()};
        }
        c.fixed_to = Event{in.some(), in.number() - 5, in.byte() - 5, in.byte() - 5};
        c.beat = Beat{in.byte() % 2 == 1, in.some(), in.some(), in.byte() - 5, in.some()};
        Event next;
        if (model.sample(c, in, next) == Status::ok && model.feed(next) == Status::bad_event) std::abort();
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::uint8_t> whole = real();
  static const Tables good = [] {
    Tables weights;
    if (weights.read(whole.data(), whole.size()) != Status::ok) std::abort();
    return weights;
  }();
  Source in{data, size};
  const int kind = in.byte() % 4;
  if (kind == 0) {
    Tables weights;
    if (weights.read(in.data, in.left) == Status::ok) play(weights, in);
  } else if (kind == 1) {
    std::vector<std::uint8_t> raw = whole;
    for (int patches = in.byte() % 8; patches-- > 0;) {
      std::size_t at = static_cast<std::size_t>(in.number() | in.byte() << 16);
      if (in.byte() & 1) at %= 8192;  // header and index
      raw[at % raw.size()] = static_cast<std::uint8_t>(in.byte());
    }
    if (in.byte() % 8 == 1) raw.resize(static_cast<std::size_t>(in.number() | in.byte() << 16) % (raw.size() + 1));
    if (in.byte() % 8) mend(raw);
    Tables weights;
    if (weights.read(raw.data(), raw.size()) == Status::ok) play(weights, in);
  } else {
    play(good, in);
  }
  return 0;
}
