// Times the header: microseconds of CPU an event, beside the time of reading as many bytes as the event reads.
//
//   embed MODEL.bin EVENTS ROUNDS    prints, for each round: feed, sample, floor (us)
//
// An event of a net of words is as many steps as it has words; its floor is 0, being unknown.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "antiphon.hpp"

namespace {

double now() {
  std::timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) * 1e-3;
}

#ifdef ANTIPHON_X86
__attribute__((target("avx512f"))) long long read_wide(const unsigned char* p, std::size_t n) {
  __m512i sum[8] = {};
  for (std::size_t i = 0; i + 512 <= n; i += 512)
    for (std::size_t k = 0; k < 8; ++k)
      sum[k] = _mm512_xor_si512(sum[k], _mm512_load_si512(p + i + 64 * k));
  for (int k = 1; k < 8; ++k) sum[0] = _mm512_xor_si512(sum[0], sum[k]);
  return sum[0][0];
}
__attribute__((target("avx2"))) long long read_narrow(const unsigned char* p, std::size_t n) {
  __m256i sum[8] = {};
  for (std::size_t i = 0; i + 256 <= n; i += 256)
    for (std::size_t k = 0; k < 8; ++k)
      sum[k] = _mm256_xor_si256(sum[k], _mm256_load_si256(reinterpret_cast<const __m256i*>(p + i + 32 * k)));
  for (int k = 1; k < 8; ++k) sum[0] = _mm256_xor_si256(sum[0], sum[k]);
  return sum[0][0];
}
long long read_all(const unsigned char* p, std::size_t n) {
  return __builtin_cpu_supports("avx512f") ? read_wide(p, n) : read_narrow(p, n);
}
#else
long long read_all(const unsigned char* p, std::size_t n) {
  long long sum = 0;
  for (std::size_t i = 0; i < n; i += 8) {
    long long word;
    std::memcpy(&word, p + i, 8);
    sum ^= word;
  }
  return sum;
}
#endif

using namespace antiphon;

template <class Model>
int play(Model& model, int events, int rounds, std::size_t bytes) {
  detail::Block<unsigned char> memory;
  if (!memory.make(bytes)) return 1;
  std::fill_n(memory.data(), bytes, static_cast<unsigned char>(3));

  Voice voices[4];
  const int instruments[4] = {0, 32, 48, 256};
  for (int i = 0; i < 4; ++i) {
    voices[i].instrument = instruments[i];
    voices[i].max_polyphony = 4;
    voices[i].max_length = 4.0;
  }
  Constraints may;
  may.voices = voices;
  may.n_voices = 4;
  Random random(0);
  volatile long long kept = 0;
  for (int round = 0; round < rounds; ++round) {
    double feeding = 0, sampling = 0;
    for (int t = 0; t < events; ++t) {
      may.earliest = model.now() > 0 ? model.now() : 0.0;
      may.latest = may.earliest + 2.0;
      Event next;
      const double a = now();
      if (model.sample(may, random, next) != Status::ok) return 1;
      const double b = now();
      model.feed(next);
      feeding += now() - b;
      sampling += b - a;
    }
    const double a = now();
    for (int t = 0; t < events; ++t) kept = kept + read_all(memory.data(), bytes);
    const double floor = now() - a;
    std::printf("%.3f %.3f %.3f %zu\n", feeding / events, sampling / events, floor / events, bytes);
  }
  return 0;
}

// Bytes that an event reads of a stream's weights: each matrix of the body once, and the two of each head once.
std::size_t bytes_of(const Weights& weights) {
  const std::size_t D = static_cast<std::size_t>(weights.width()), C = static_cast<std::size_t>(weights.head_width());
  const std::size_t heads = 4 * 2 * C * C + 2 * C * (INSTRUMENTS + PITCHES + TIMES + VELOCITIES);
  const std::size_t numbers = static_cast<std::size_t>(weights.layers()) * 6 * D * D + D * C + heads;
  return numbers * (weights.eight_bits() ? 1 : 4);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int events = std::atoi(argv[2]), rounds = std::atoi(argv[3]);
  Weights weights;
  Model model;
  if (weights.read_file(argv[1]) == Status::ok)
    return model.prepare(weights) == Status::ok ? play(model, events, rounds, bytes_of(weights)) : 1;
  WordWeights words;
  NetModel net;
  if (words.read_file(argv[1]) != Status::ok || net.prepare(words) != Status::ok) return 1;
  return play(net, events, rounds, 0);
}
