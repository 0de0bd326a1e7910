// Replays vectors.bin: does this compiler, on this processor, give the answers that were given at export?
// SPDX-License-Identifier: Apache-2.0
//
//   check MODEL.bin VECTORS.bin        prints the largest difference of a logit; 0 when it is at most 1e-4
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "antiphon.hpp"

namespace {

using namespace antiphon;

std::vector<std::uint8_t> bytes_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A Markov model's: each word, and before it how likely every word was.
int check_words(const NGrams& ngrams, const std::vector<std::uint8_t>& raw) {
  constexpr std::size_t HEAD = 32, RECORD = 4 + 8 * VOCABULARY;
  const std::size_t n = raw.size() < HEAD ? 0 : (raw.size() - HEAD) / RECORD;
  if (!n || raw.size() != HEAD + n * RECORD || std::memcmp(raw.data(), "ANTIWORD", 8) ||
      detail::crc32(raw.data() + HEAD, n * RECORD) != detail::little(raw.data() + 24, 4))
    return std::fprintf(stderr, "check: not reference vectors of such a model, or damaged\n"), 1;
  double worst = 0, p[VOCABULARY];
  std::uint64_t history = 0;
  for (std::size_t t = 0; t < n; ++t) {
    const std::uint8_t* at = raw.data() + HEAD + t * RECORD;
    ngrams.probabilities(history, p);
    for (std::size_t w = 0; w < VOCABULARY; ++w) {
      const double off = std::fabs(p[w] - detail::little_double(at + 4 + 8 * w));
      worst = off <= worst ? worst : off;  // also what is not a number
    }
    history = history << NGrams::DIGIT | detail::little(at, 4);
  }
  std::printf("%zu words: probabilities differ by at most %.3g\n", n, worst);
  return worst <= 0 ? 0 : 1;
}

// A net of words': each word, and before it what the net said.
int check_net(const WordWeights& weights, const std::vector<std::uint8_t>& raw) {
  constexpr std::size_t HEAD = 32, RECORD = 4 + 4 * VOCABULARY;
  const std::size_t n = raw.size() < HEAD ? 0 : (raw.size() - HEAD) / RECORD;
  NetWords net;
  const Status status = net.prepare(weights);
  if (status != Status::ok) return std::fprintf(stderr, "check: %s\n", say(status)), 1;
  if (!n || raw.size() != HEAD + n * RECORD || std::memcmp(raw.data(), "ANTISAID", 8) ||
      detail::crc32(raw.data() + HEAD, n * RECORD) != detail::little(raw.data() + 24, 4))
    return std::fprintf(stderr, "check: not reference vectors of such a model, or damaged\n"), 1;
  double worst = 0, logits[VOCABULARY];
  net.clear();
  for (std::size_t t = 0; t < n; ++t) {
    const std::uint8_t* at = raw.data() + HEAD + t * RECORD;
    net.logits(logits);
    for (std::size_t w = 0; w < VOCABULARY; ++w) {
      const double off = std::fabs(logits[w] - static_cast<double>(detail::little_float(at + 4 + 4 * w)));
      worst = off <= worst ? worst : off;  // also what is not a number
    }
    const std::uint64_t word = detail::little(at, 4);
    if (word >= VOCABULARY) return std::fprintf(stderr, "check: no such word\n"), 1;
    net.hear(static_cast<int>(word));
  }
  std::printf("%zu words, %s: logits differ by at most %.3g\n", n, weights.eight_bits() ? "int8" : "fp32", worst);
  return worst <= 1e-4 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "check: usage: check MODEL.bin VECTORS.bin\n"), 2;
  NGrams ngrams;
  if (ngrams.read_file(argv[1]) == Status::ok) return check_words(ngrams, bytes_of(argv[2]));
  WordWeights words;
  if (words.read_file(argv[1]) == Status::ok) return check_net(words, bytes_of(argv[2]));
  Weights weights;
  Net net;
  Status status = weights.read_file(argv[1]);
  if (status == Status::ok) status = net.prepare(weights);
  if (status != Status::ok) return std::fprintf(stderr, "check: %s: %s\n", argv[1], say(status)), 1;

  const std::vector<std::uint8_t> raw = bytes_of(argv[2]);
  constexpr std::size_t HEAD = 32, LOGITS = INSTRUMENTS + PITCHES + TIMES + VELOCITIES;
  constexpr std::size_t RECORD = 4 * (4 + FEATURES + 16 + LOGITS);
  const std::size_t n = raw.size() < HEAD ? 0 : (raw.size() - HEAD) / RECORD;
  if (!n || raw.size() != HEAD + n * RECORD || std::memcmp(raw.data(), "ANTIVECT", 8) ||
      detail::crc32(raw.data() + HEAD, n * RECORD) != detail::little(raw.data() + 24, 4))
    return std::fprintf(stderr, "check: %s: not reference vectors, or damaged\n", argv[2]), 1;

  double worst = 0;
  int code[4] = {};
  Sounding sounding;
  for (std::size_t t = 0; t < n; ++t) {
    const std::uint8_t* at = raw.data() + HEAD + t * RECORD;
    const std::uint8_t* features = at + 16;
    for (std::size_t i = 0; i < FEATURES; ++i) {
      const float value = detail::little_float(features + 4 * i);
      if (i < CHANNELS * PITCHES) sounding.channels[i / PITCHES][i % PITCHES] = value;
      else sounding.instruments[i - CHANNELS * PITCHES] = value;
    }
    net.hear(code, t == 0, sounding);
    for (int f = 0; f < 4; ++f) {
      code[f] = static_cast<int>(detail::little(at + 4 * f, 4));
      if (code[f] < 0 || code[f] >= SIZES[f]) return std::fprintf(stderr, "check: no such code\n"), 1;
    }
    const std::uint8_t* knowns = features + 4 * FEATURES;
    const std::uint8_t* wanted = knowns + 64;
    for (int f = 0; f < 4; ++f) {
      bool known[4];
      for (int g = 0; g < 4; ++g) known[g] = detail::little_float(knowns + 4 * (4 * f + g)) > 0;
      const float* got = net.logits(static_cast<Field>(f), code, known, sounding);
      for (int i = 0; i < SIZES[f]; ++i, wanted += 4) {
        const double off = std::fabs(static_cast<double>(got[i]) - static_cast<double>(detail::little_float(wanted)));
        worst = off <= worst ? worst : off;  // also what is not a number
      }
    }
  }
  std::printf("%zu events, %s: logits differ by at most %.3g\n", n, weights.eight_bits() ? "int8" : "fp32", worst);
  return worst <= 1e-4 ? 0 : 1;
}
