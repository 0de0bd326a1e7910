// Standard MIDI files to events and back, for the examples: notes, programs and tempo, nothing else.
// SPDX-License-Identifier: Apache-2.0
#ifndef ANTIPHON_MIDI_HPP
#define ANTIPHON_MIDI_HPP

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "antiphon.hpp"

namespace antiphon {

// Reads big-endian numbers; past the end there are only zeros, and `failed` says so.
struct MidiBytes {
  const std::vector<std::uint8_t>& raw;
  std::size_t at = 0, end = 0;
  bool failed = false;

  std::uint32_t byte() {
    if (at < end) return raw[at++];
    failed = true;
    return 0;
  }
  std::uint32_t number(int bytes) {
    std::uint32_t value = 0;
    while (bytes-- > 0) value = value << 8 | byte();
    return value;
  }
  std::uint32_t variable() {
    std::uint32_t value = 0, next = 0x80;
    for (int i = 0; i < 4 && next & 0x80; ++i) value = value << 7 | ((next = byte()) & 0x7F);
    return value;
  }
};

struct MidiMessage {
  std::uint64_t tick;
  int kind, channel, first, second;  // kind 0x51 is a tempo in microseconds, kept in `first`
};

inline void read_track(MidiBytes& in, std::vector<MidiMessage>& messages) {
  std::uint64_t tick = 0;
  int running = 0;
  while (in.at < in.end && !in.failed) {
    tick += in.variable();
    int status = static_cast<int>(in.byte());
    if (status < 0x80 && running) {
      --in.at;
      status = running;
    }
    if (status == 0xFF) {
      const std::uint32_t meta = in.byte(), size = in.variable();
      const std::size_t next = std::min(in.end, in.at + size);
      if (meta == 0x51 && size == 3) messages.push_back({tick, 0x51, 0, static_cast<int>(in.number(3)), 0});
      in.at = next;
    } else if (status == 0xF0 || status == 0xF7) {
      const std::uint32_t size = in.variable();
      in.at = std::min(in.end, in.at + size);
    } else if (status >= 0x80 && status < 0xF0) {
      running = status;
      const int kind = status & 0xF0, first = static_cast<int>(in.byte() & 0x7F);
      const int second = kind == 0xC0 || kind == 0xD0 ? 0 : static_cast<int>(in.byte() & 0x7F);
      if (!in.failed) messages.push_back({tick, kind, status & 0x0F, first, second});
    } else {
      return;  // damage: what was read so far is kept
    }
  }
}

// The events of a file in order of time, releases before onsets; none when it is not one. Times by the beat only.
inline std::vector<Event> read_midi(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<std::uint8_t> raw{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  MidiBytes in{raw, 0, raw.size(), false};
  const std::uint32_t magic = in.number(4), head = in.number(4);
  if (magic != 0x4D546864 || head < 6) return {};
  in.number(4);
  const std::uint32_t division = in.number(2);
  if (in.failed || !division || division & 0x8000) return {};
  std::vector<MidiMessage> messages;
  in.at = std::min<std::size_t>(raw.size(), std::size_t{8} + head);
  while (in.at + 8 <= raw.size()) {
    const std::uint32_t kind = in.number(4), size = in.number(4);
    MidiBytes track{raw, in.at, std::min<std::size_t>(raw.size(), in.at + size), false};
    if (kind == 0x4D54726B) read_track(track, messages);
    in.at = track.end;
  }
  const auto late = [](const MidiMessage& m) { return m.kind == 0x90 && m.second ? 2 : m.kind == 0x51 ? 0 : 1; };
  std::stable_sort(messages.begin(), messages.end(), [&](const MidiMessage& a, const MidiMessage& b) {
    return a.tick != b.tick ? a.tick < b.tick : late(a) < late(b);
  });
  std::vector<Event> events;
  int program[16] = {};
  double seconds = 0, beat = 0.5;
  std::uint64_t before = 0;
  for (const MidiMessage& m : messages) {
    seconds += static_cast<double>(m.tick - before) / division * beat;
    before = m.tick;
    if (m.kind == 0x51) beat = m.first * 1e-6;
    if (m.kind == 0xC0) program[m.channel] = m.first;
    if (m.kind != 0x80 && m.kind != 0x90) continue;
    const int instrument = program[m.channel] + (m.channel == 9 ? 128 : 0);
    events.push_back({seconds, instrument, m.first, m.kind == 0x90 ? m.second : 0});
  }
  return events;
}

// Writes events in order of time, each instrument on a channel of its own as long as there are any.
inline bool write_midi(const std::string& path, const std::vector<Event>& events) {
  std::vector<std::uint8_t> track;
  std::map<int, int> channels;
  const auto variable = [&](std::uint32_t value) {
    for (int shift = 21; shift > 0; shift -= 7)
      if (value >> shift) track.push_back(static_cast<std::uint8_t>(0x80 | ((value >> shift) & 0x7F)));
    track.push_back(static_cast<std::uint8_t>(value & 0x7F));
  };
  const auto put = [&](int a, int b, int c) {
    track.push_back(static_cast<std::uint8_t>(a));
    track.push_back(static_cast<std::uint8_t>(b));
    if (c >= 0) track.push_back(static_cast<std::uint8_t>(c));
  };
  long long now = 0;
  int next = 0;
  for (const Event& e : events) {
    const bool drums = (e.instrument >= 128 && e.instrument < 256) || e.instrument >= 288;
    if (!channels.count(e.instrument)) {
      if (!drums && next == 9) ++next;
      const int channel = channels[e.instrument] = drums ? 9 : next++ % 16;
      variable(0);
      put(0xC0 | channel, e.instrument < 256 ? e.instrument % 128 : 0, -1);
    }
    const long long tick = std::max(now, static_cast<long long>(e.at * 960 + 0.5));  // 480 a beat of half a second
    variable(static_cast<std::uint32_t>(tick - now));
    now = tick;
    put((e.velocity ? 0x90 : 0x80) | channels[e.instrument], e.pitch, e.velocity);
  }
  variable(0);
  put(0xFF, 0x2F, 0);
  std::ofstream file(path, std::ios::binary);
  const auto size = static_cast<std::uint32_t>(track.size());
  const std::uint8_t head[] = {'M', 'T', 'h', 'd', 0, 0, 0, 6, 0, 0, 0, 1, 1, 0xE0, 'M', 'T', 'r', 'k',
                               static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
                               static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
  file.write(reinterpret_cast<const char*>(head), sizeof head);
  file.write(reinterpret_cast<const char*>(track.data()), static_cast<std::streamsize>(track.size()));
  return static_cast<bool>(file);
}

}  // namespace antiphon

#endif
