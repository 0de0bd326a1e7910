// Antiphon in C++17: a trained model of music inside an audio callback. One header, no dependency.
// SPDX-License-Identifier: Apache-2.0
//
//   Weights      what `antiphon export --target cpp` wrote into model.bin; checked wholly before any of it is used
//   Model        one stream of events: feed what happened, sample what may come next, snapshot and restore
//   WordWeights  the same of a net of words, GRU or transformer
//   NetModel     and its stream
//   NGrams       the same of a Markov model of words
//   MarkovModel  and its stream; WordModel is one of whatever says how likely each word is next
//
// `read`, and `prepare` of models and snapshots, allocate and may take milliseconds. Everything else allocates nothing,
// takes no lock, makes no system call and throws nothing: call it from the audio callback. One Weights,
// WordWeights or NGrams may serve many models in many threads; one model belongs to one thread at a time.
//
// Given the same random numbers a Model makes the same choices as the Python engine. With an int8 file its logits are
// the same bits wherever IEEE arithmetic is kept to: compile without -ffast-math (refused below), and with
// -ffp-contract=off where the compiler fuses multiplications with additions (-march=native, ARM).
#ifndef ANTIPHON_HPP
#define ANTIPHON_HPP

#ifdef __FAST_MATH__
#error "antiphon.hpp needs arithmetic that knows infinity and order: compile it without -ffast-math"
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define ANTIPHON_X86 1
#include <immintrin.h>
#endif

// What is compiled twice, for every processor and for those with longer vectors, must be part of both.
#if defined(__GNUC__) || defined(__clang__)
#define ANTIPHON_INLINE __attribute__((always_inline)) inline
#else
#define ANTIPHON_INLINE inline
#endif

namespace antiphon {

constexpr int INSTRUMENTS = 320;  // 0..127 programs, 128..255 drum kits, 256..287 anonymous, 288..319 anonymous drums
constexpr int PITCHES = 128;
constexpr int TIMES = 165;
constexpr int VELOCITIES = 128;
constexpr int CHANNELS = 3;  // what is told of a sounding pitch: that it does, and two decays of its age
constexpr int FEATURES = CHANNELS * PITCHES + INSTRUMENTS;
constexpr int SIZES[4] = {INSTRUMENTS, PITCHES, TIMES, VELOCITIES};
constexpr double LONGEST_CLOCK = 1e9;  // seconds: times beyond it, either way, are refused
constexpr double NEVER = std::numeric_limits<double>::infinity();

enum Field : int { INSTRUMENT, PITCH, TIME, VELOCITY };

enum class Status {
  ok,
  nothing_possible,  // the constraints leave no event; nothing was drawn
  bad_event,         // a time that is not a number, or a field out of range; nothing was changed
  bad_constraints,   // limits that are not numbers, a field named twice, an instrument that is none
  full,              // more keys sound than `prepare` made room for; nothing was changed
  broken,            // the model's answer is not a number
  unprepared,        // prepare was not called, or a snapshot is of another model
  no_file,           // the file cannot be read
  no_memory,
  foreign,           // not a model.bin, or of another version or codec
  damaged,           // cut off, too long, a checksum differs, or a number is none
};

inline const char* say(Status status) noexcept {
  switch (status) {
    case Status::ok: return "ok";
    case Status::nothing_possible: return "the constraints leave nothing to play";
    case Status::bad_event: return "no such event";
    case Status::bad_constraints: return "the constraints contradict themselves";
    case Status::full: return "more keys sound than there is room for";
    case Status::broken: return "the model's answer is not a number";
    case Status::unprepared: return "prepare was not called";
    case Status::no_file: return "the file cannot be read";
    case Status::no_memory: return "not enough memory";
    case Status::foreign: return "not a model of this version";
    case Status::damaged: return "the model's file is damaged";
  }
  return "unknown";
}

// One onset, or with velocity 0 a release. `at` is in seconds on whatever clock the caller keeps.
struct Event {
  double at = 0;
  int instrument = 0;
  int pitch = 0;
  int velocity = 0;
};

// ------------------------------------------------------------------------------------------------ arithmetic

namespace detail {

// e^x by Taylor's series around a multiple of ln 2; written so that compilers make vectors of it.
ANTIPHON_INLINE float exponential(float x) noexcept {
  constexpr float NEAREST = 12582912.0f;  // adding and taking away 1.5 * 2^23 rounds to the nearest whole number
  // To -87..87, as whole numbers: a branch would keep compilers from making vectors.
  std::uint32_t raw;
  std::memcpy(&raw, &x, sizeof raw);
  const auto size = static_cast<std::int32_t>(raw & 0x7FFFFFFFu);
  raw = (raw & 0x80000000u) | static_cast<std::uint32_t>(std::min(size, std::int32_t{0x42AE0000}));
  std::memcpy(&x, &raw, sizeof raw);
  float n = x * 1.44269504f + NEAREST;
  n = n - NEAREST;
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float y = float(1.0 / 5040);
  y = y * r + float(1.0 / 720);
  y = y * r + float(1.0 / 120);
  y = y * r + float(1.0 / 24);
  y = y * r + float(1.0 / 6);
  y = y * r + 0.5f;
  y = y * r + 1.0f;
  y = y * r + 1.0f;
  const std::int32_t bits = (static_cast<std::int32_t>(n) + 127) * (1 << 23);
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return y * power;
}

ANTIPHON_INLINE float sigmoid(float x) noexcept { return 1.0f / (1.0f + exponential(-x)); }
ANTIPHON_INLINE float hyperbolic(float x) noexcept { return 1.0f - 2.0f / (exponential(x + x) + 1.0f); }

// x times the normal distribution's share below x; the error function is Abramowitz & Stegun 7.1.26.
ANTIPHON_INLINE float gelu(float x) noexcept {
  const float a = std::fabs(x * 0.70710678f);
  const float t = 1.0f / (1.0f + 0.3275911f * a);
  float y = 1.061405429f;
  y = y * t + -1.453152027f;
  y = y * t + 1.421413741f;
  y = y * t + -0.284496736f;
  y = y * t + 0.254829592f;
  const float erf = 1.0f - y * t * exponential(-(a * a));
  return 0.5f * x * (1.0f + std::copysign(erf, x));
}

inline std::uint32_t crc32(const std::uint8_t* data, std::size_t n, std::uint32_t before = 0) noexcept {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = (c >> 1) ^ (c & 1 ? 0xEDB88320u : 0u);
      made[i] = c;
    }
    return made;
  }();
  std::uint32_t c = ~before;
  for (std::size_t i = 0; i < n; ++i) c = table[(c ^ data[i]) & 255] ^ (c >> 8);
  return ~c;
}

inline std::uint64_t little(const std::uint8_t* at, int bytes) noexcept {
  std::uint64_t value = 0;
  for (int i = bytes; i-- > 0;) value = value << 8 | at[i];
  return value;
}

inline float little_float(const std::uint8_t* at) noexcept {
  const std::uint32_t bits = static_cast<std::uint32_t>(little(at, 4));
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline double little_double(const std::uint8_t* at) noexcept {
  const std::uint64_t bits = little(at, 8);
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// An array that begins at a multiple of 64 bytes, all zero. `make` is the only place where this header allocates.
template <class T>
class Block {
 public:
  bool make(std::size_t n) noexcept {
    raw_.reset(new (std::nothrow) unsigned char[n * sizeof(T) + 64]());
    n_ = raw_ ? n : 0;
    if (!raw_) return false;
    const auto address = reinterpret_cast<std::uintptr_t>(raw_.get());
    data_ = reinterpret_cast<T*>(raw_.get() + (64 - address % 64) % 64);
    return true;
  }
  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return n_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }

 private:
  std::unique_ptr<unsigned char[]> raw_;
  T* data_ = nullptr;
  std::size_t n_ = 0;
};

// The bytes of a file.
inline Status read_whole(const char* path, Block<std::uint8_t>& raw) noexcept {
  std::FILE* file = std::fopen(path, "rb");
  if (!file) return Status::no_file;
  Status status = Status::no_file;
  if (std::fseek(file, 0, SEEK_END) == 0) {
    const long size = std::ftell(file);
    if (size >= 0 && std::fseek(file, 0, SEEK_SET) == 0) {
      const std::size_t n = static_cast<std::size_t>(size);
      if (!raw.make(n)) status = Status::no_memory;
      else if (std::fread(raw.data(), 1, n, file) == n) status = Status::ok;
    }
  }
  std::fclose(file);
  return status;
}

constexpr int LANES = 16;  // rows that are multiplied side by side

// Sixteen rows at a time, all of a column's sixteen weights lying together: y[r] = sum over c of w[c][r] x[c].
using FloatProduct = void (*)(const float* w, const float* x, int columns, float* y);
// The same with four columns' weights of a row lying together; whole numbers, so every order gives the same sum.
// `sums` is 128 times each row's sum of weights, which only one way of doing it needs.
using WholeProduct = void (*)(const std::int8_t* w, const std::int8_t* x, int columns, const std::int32_t* sums,
                              std::int32_t* y);

inline void float_product(const float* w, const float* x, int columns, float* y) noexcept {
  float sum[LANES] = {};
  for (int c = 0; c < columns; ++c, w += LANES)
    for (int r = 0; r < LANES; ++r) sum[r] += w[r] * x[c];
  std::memcpy(y, sum, sizeof sum);
}

inline void whole_product(const std::int8_t* w, const std::int8_t* x, int columns, const std::int32_t*,
                          std::int32_t* y) noexcept {
  std::int32_t sum[LANES] = {};
  for (int c = 0; c < columns; c += 4, w += 4 * LANES)
    for (int r = 0; r < LANES; ++r)
      sum[r] += w[4 * r] * x[c] + w[4 * r + 1] * x[c + 1] + w[4 * r + 2] * x[c + 2] + w[4 * r + 3] * x[c + 3];
  std::memcpy(y, sum, sizeof sum);
}

#ifdef ANTIPHON_X86
inline std::int32_t four(const std::int8_t* x) noexcept {
  std::int32_t value;
  std::memcpy(&value, x, sizeof value);
  return value;
}

// Weights are read once and in order; asking for them two thousand bytes ahead brings them at the memory's own pace.
inline void fetch_ahead(const void* w) noexcept {
  _mm_prefetch(static_cast<const char*>(w) + 2048, _MM_HINT_T0);
}

__attribute__((target("avx2,fma"))) inline void float_product_avx2(const float* w, const float* x, int columns,
                                                                   float* y) noexcept {
  __m256 a = _mm256_setzero_ps(), b = a, c = a, d = a;
  int i = 0;
  for (; i + 1 < columns; i += 2, w += 2 * LANES) {
    fetch_ahead(w);
    fetch_ahead(w + LANES);
    const __m256 x0 = _mm256_set1_ps(x[i]), x1 = _mm256_set1_ps(x[i + 1]);
    a = _mm256_fmadd_ps(_mm256_load_ps(w), x0, a);
    b = _mm256_fmadd_ps(_mm256_load_ps(w + 8), x0, b);
    c = _mm256_fmadd_ps(_mm256_load_ps(w + 16), x1, c);
    d = _mm256_fmadd_ps(_mm256_load_ps(w + 24), x1, d);
  }
  if (i < columns) {
    a = _mm256_fmadd_ps(_mm256_load_ps(w), _mm256_set1_ps(x[i]), a);
    b = _mm256_fmadd_ps(_mm256_load_ps(w + 8), _mm256_set1_ps(x[i]), b);
  }
  _mm256_storeu_ps(y, _mm256_add_ps(a, c));
  _mm256_storeu_ps(y + 8, _mm256_add_ps(b, d));
}

__attribute__((target("avx512f"))) inline void float_product_avx512(const float* w, const float* x, int columns,
                                                                    float* y) noexcept {
  __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a;
  int i = 0;
  for (; i + 3 < columns; i += 4, w += 4 * LANES) {
    for (int k = 0; k < 4; ++k) fetch_ahead(w + LANES * k);
    a = _mm512_fmadd_ps(_mm512_load_ps(w), _mm512_set1_ps(x[i]), a);
    b = _mm512_fmadd_ps(_mm512_load_ps(w + LANES), _mm512_set1_ps(x[i + 1]), b);
    c = _mm512_fmadd_ps(_mm512_load_ps(w + 2 * LANES), _mm512_set1_ps(x[i + 2]), c);
    d = _mm512_fmadd_ps(_mm512_load_ps(w + 3 * LANES), _mm512_set1_ps(x[i + 3]), d);
  }
  for (; i < columns; ++i, w += LANES) a = _mm512_fmadd_ps(_mm512_load_ps(w), _mm512_set1_ps(x[i]), a);
  _mm512_storeu_ps(y, _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)));
}

// The first factor of this product must not be negative and its pairs' sums must fit sixteen bits: so x gives its sign
// to the weights. Neither is ever -128, so 2 * 127 * 127 fits.
__attribute__((target("avx2"))) inline void whole_product_avx2(const std::int8_t* w, const std::int8_t* x, int columns,
                                                               const std::int32_t*, std::int32_t* y) noexcept {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i a = _mm256_setzero_si256(), b = a;
  for (int c = 0; c < columns; c += 4, w += 4 * LANES) {
    fetch_ahead(w);
    const __m256i value = _mm256_set1_epi32(four(x + c)), size = _mm256_abs_epi8(value);
    const __m256i w0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i w1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + 32));
    a = _mm256_add_epi32(
        a, _mm256_madd_epi16(_mm256_maddubs_epi16(size, _mm256_sign_epi8(w0, value)), ones));
    b = _mm256_add_epi32(
        b, _mm256_madd_epi16(_mm256_maddubs_epi16(size, _mm256_sign_epi8(w1, value)), ones));
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), a);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + 8), b);
}

// This one wants x without a sign, too: 128 is added to it, and what that adds is taken away at the end.
__attribute__((target("avx512f,avx512bw,avx512vnni"))) inline void whole_product_vnni(
    const std::int8_t* w, const std::int8_t* x, int columns, const std::int32_t* sums, std::int32_t* y) noexcept {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(-128));
  __m512i a = _mm512_setzero_si512(), b = a, d = a, e = a;
  const auto at = [](const std::int8_t* p) { return reinterpret_cast<const void*>(p); };
  int c = 0;
  for (; c + 12 < columns; c += 16, w += 16 * LANES) {
    for (int k = 0; k < 4; ++k) fetch_ahead(w + 64 * k);
    a = _mm512_dpbusd_epi32(a, _mm512_xor_si512(_mm512_set1_epi32(four(x + c)), flip), _mm512_load_si512(at(w)));
    b = _mm512_dpbusd_epi32(b, _mm512_xor_si512(_mm512_set1_epi32(four(x + c + 4)), flip),
                            _mm512_load_si512(at(w + 64)));
    d = _mm512_dpbusd_epi32(d, _mm512_xor_si512(_mm512_set1_epi32(four(x + c + 8)), flip),
                            _mm512_load_si512(at(w + 128)));
    e = _mm512_dpbusd_epi32(e, _mm512_xor_si512(_mm512_set1_epi32(four(x + c + 12)), flip),
                            _mm512_load_si512(at(w + 192)));
  }
  for (; c < columns; c += 4, w += 4 * LANES)
    a = _mm512_dpbusd_epi32(a, _mm512_xor_si512(_mm512_set1_epi32(four(x + c)), flip), _mm512_load_si512(at(w)));
  const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(d, e));
  _mm512_storeu_si512(y, _mm512_sub_epi32(sum, _mm512_load_si512(sums)));
}
#endif

// How products are done here; `plain` is what every processor can do.
struct Products {
  FloatProduct floats = float_product;
  WholeProduct wholes = whole_product;
  bool longer = false;  // vectors, for all that is not a product

  static Products best() noexcept {
    Products products;
#ifdef ANTIPHON_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      products.floats = float_product_avx2;
      products.wholes = whole_product_avx2;
      products.longer = true;
    }
    if (__builtin_cpu_supports("avx512f")) products.floats = float_product_avx512;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
      products.wholes = whole_product_vnni;
#endif
    return products;
  }
};

// One matrix, in floats or in eight bits with a scale for each row.
struct Matrix {
  int rows = 0, columns = 0;
  bool packed = false;  // in blocks of sixteen rows, else row after row, to be looked up
  Block<float> floats;
  Block<std::int8_t> wholes;
  Block<float> scale;
  Block<std::int32_t> sums;

  int padded_columns() const noexcept { return (columns + 3) / 4 * 4; }
};

// A model.bin: its header first, then its index, which must say just what follows from the sizes; takes one tensor
// after another.
struct TensorFile {
  const std::uint8_t* data;
  std::size_t size;
  std::size_t entry = 64;
  std::size_t at = 0;
  int left = 0;
  bool eight = false;
  std::uint64_t sizes[5] = {};
  Status status = Status::ok;

  // What begins with `magic`; its text into `text`.
  Status open(const char* magic, Block<char>& text) noexcept {
    if (!data || size < 64 || std::memcmp(data, magic, 8) || little(data + 8, 4) != 1) return Status::foreign;
    const std::uint64_t precision = little(data + 12, 4), count = little(data + 24, 4);
    const std::uint64_t text_at = little(data + 28, 4), length = little(data + 32, 4);
    if (little(data + 16, 8) != size) return Status::damaged;
    if (precision > 1 || count > 4096) return Status::foreign;
    if (text_at != 64 + 64 * count || text_at > size || length > size - text_at) return Status::damaged;
    const std::uint32_t head = crc32(data + 64, 64 * count, crc32(data, 60));
    if (head != little(data + 60, 4) || crc32(data + text_at, length) != little(data + 56, 4)) return Status::damaged;
    if (!text.make(length + 1)) return Status::no_memory;
    std::memcpy(text.data(), data + text_at, length);
    for (int i = 0; i < 5; ++i) sizes[i] = little(data + 36 + 4 * i, 4);
    eight = precision == 1;
    left = static_cast<int>(count);
    at = static_cast<std::size_t>(text_at + length);
    return Status::ok;
  }

  // Once all was taken: whether nothing is left.
  Status close() const noexcept {
    return status == Status::ok && (left || at != size) ? Status::damaged : status;
  }

  // The next tensor's bytes, after all that can be wrong with it was looked for.
  const std::uint8_t* next(const char* name, const char* suffix, int number, std::uint32_t type, std::uint64_t rows,
                           std::uint64_t columns) noexcept {
    char wanted[32] = {};
    if (number >= 0) std::snprintf(wanted, sizeof wanted, "%s.%d%s", name, number, suffix);
    else std::snprintf(wanted, sizeof wanted, "%s%s", name, suffix);
    if (status != Status::ok) return nullptr;
    if (left-- <= 0) return fail(Status::damaged);
    const std::uint8_t* e = data + entry;
    entry += 64;
    static const int WIDTHS[] = {4, 1, 4, 8};
    const std::uint64_t start = (at + 63) / 64 * 64;
    const std::uint64_t bytes = rows * columns * static_cast<std::uint64_t>(WIDTHS[type]);
    if (std::memcmp(e, wanted, 32) || little(e + 32, 4) != type || little(e + 36, 4) != rows ||
        little(e + 40, 4) != columns || little(e + 48, 8) != start || little(e + 56, 8) != bytes)
      return fail(Status::damaged);
    if (start > size || bytes > size - start) return fail(Status::damaged);
    for (std::size_t i = at; i < start; ++i)
      if (data[i]) return fail(Status::damaged);
    const std::uint8_t* body = data + start;
    if (crc32(body, bytes) != little(e + 44, 4)) return fail(Status::damaged);
    at = start + bytes;
    const std::uint64_t n = rows * columns;
    for (std::uint64_t i = 0; i < n; ++i) {
      if (type == 0 && !std::isfinite(little_float(body + 4 * i))) return fail(Status::damaged);
      if (type == 1 && body[i] == 0x80) return fail(Status::damaged);
      if (type == 3 && !std::isfinite(little_double(body + 8 * i))) return fail(Status::damaged);
    }
    return body;
  }

  const std::uint8_t* fail(Status why) noexcept {
    status = why;
    return nullptr;
  }

  void row(const char* name, const char* suffix, int number, int n, Block<float>& into, int rows = 1) noexcept {
    const std::uint8_t* body =
        next(name, suffix, number, 0, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(n));
    if (!body) return;
    const std::size_t count = static_cast<std::size_t>(rows) * static_cast<std::size_t>(n);
    if (!into.make((count + 15) / 16 * 16)) return void(fail(Status::no_memory));
    for (std::size_t i = 0; i < count; ++i) into[i] = little_float(body + 4 * i);
  }

  void matrix(const char* name, const char* suffix, int number, int rows, int columns, bool packed,
              Matrix& into) noexcept {
    const std::uint8_t* body = next(name, suffix, number, eight ? 1 : 0, static_cast<std::uint64_t>(rows),
                                    static_cast<std::uint64_t>(columns));
    if (!body) return;
    into.rows = rows;
    into.columns = columns;
    into.packed = packed;
    const std::size_t R = static_cast<std::size_t>((rows + 15) / 16 * 16);
    const std::size_t C = static_cast<std::size_t>(packed && eight ? into.padded_columns() : columns);
    if (!(eight ? into.wholes.make(R * C) && into.scale.make(R) && into.sums.make(R) : into.floats.make(R * C)))
      return void(fail(Status::no_memory));
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r)
      for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        const std::size_t from = r * static_cast<std::size_t>(columns) + c, block = r / 16 * 16 * C;
        if (eight) {
          const auto value = static_cast<std::int8_t>(body[from] < 128 ? body[from] : body[from] - 256);
          into.wholes[packed ? block + c / 4 * 64 + r % 16 * 4 + c % 4 : from] = value;
          into.sums[r] += 128 * value;
        } else {
          into.floats[packed ? block + c * 16 + r % 16 : from] = little_float(body + 4 * from);
        }
      }
    if (!eight) return;
    char scaled[16] = {};
    std::snprintf(scaled, sizeof scaled, "%s.scale", suffix);
    const std::uint8_t* scales = next(name, scaled, number, 0, static_cast<std::uint64_t>(rows), 1);
    for (std::size_t r = 0; scales && r < static_cast<std::size_t>(rows); ++r)
      into.scale[r] = little_float(scales + 4 * r);
  }
};

constexpr int DEEPEST = 64;
constexpr std::uint32_t WIDEST = 8192;

// A residual GRU layer.
struct Gru {
  Block<float> norm_w, norm_b;
  Matrix in, rec;
  Block<float> in_b, rec_b;

  void take(TensorFile& file, int i, int width) noexcept {
    file.row("norm", ".w", i, width, norm_w);
    file.row("norm", ".b", i, width, norm_b);
    file.matrix("gru", ".in", i, 3 * width, width, true, in);
    file.row("gru", ".in.b", i, 3 * width, in_b);
    file.matrix("gru", ".rec", i, 3 * width, width, true, rec);
    file.row("gru", ".rec.b", i, 3 * width, rec_b);
  }
};

// What nets do with numbers, and their scratch space.
class Arithmetic {
 protected:
  static constexpr std::size_t up(int n) noexcept { return static_cast<std::size_t>((n + 15) / 16 * 16); }

  // For vectors of at most `inner` numbers that are multiplied, and `outer` that are made.
  bool make_scratch(const Products& ways, int inner, int outer) noexcept {
    ways_ = &ways;
    return normed_.make(up(inner)) && whole_.make(up(inner)) && fresh_.make(up(outer)) && kept_.make(up(outer));
  }

  ANTIPHON_INLINE static void add_row(const Matrix& table, int row, float times,
                                      float* __restrict into) noexcept {
    const int n = table.columns;
    const std::size_t at = static_cast<std::size_t>(row) * static_cast<std::size_t>(n);
    if (table.scale.size()) {
      const std::int8_t* from = table.wholes.data() + at;
      const float scale = times * table.scale[static_cast<std::size_t>(row)];
      for (int j = 0; j < n; ++j) into[j] += scale * static_cast<float>(from[j]);
    } else {
      const float* from = table.floats.data() + at;
      for (int j = 0; j < n; ++j) into[j] += times * from[j];
    }
  }

  ANTIPHON_INLINE static double lanes(const float* x, int n, double less, bool squared) noexcept {
    double sum[8] = {};
    const auto add = [&](int i, int lane) {
      const double d = static_cast<double>(x[i]) - less;
      sum[lane] += squared ? d * d : d;
    };
    int i = 0;
    for (; i + 8 <= n; i += 8)
      for (int lane = 0; lane < 8; ++lane) add(i + lane, lane);
    for (int lane = 0; i + lane < n; ++lane) add(i + lane, lane);
    double all = 0;
    for (double s : sum) all += s;
    return all;
  }

  ANTIPHON_INLINE static void norm(const float* x, int n, const float* weight, const float* bias,
                                   float* __restrict y) noexcept {
    const double mean = lanes(x, n, 0.0, false) / n;
    const double scale = 1 / std::sqrt(lanes(x, n, mean, true) / n + 1e-5);
    for (int i = 0; i < n; ++i)
      y[i] = static_cast<float>((static_cast<double>(x[i]) - mean) * scale) * weight[i] + bias[i];
  }

  // y = W x + b, or W x without. y has room for whole blocks of sixteen.
  void linear(const Matrix& m, const float* bias, const float* x, float* y) noexcept {
#ifdef ANTIPHON_X86
    if (ways_->longer) return linear_longer(m, bias, x, y);
#endif
    linear_any(m, bias, x, y);
  }

#ifdef ANTIPHON_X86
  __attribute__((target("avx2"), noinline)) void linear_longer(const Matrix& m, const float* bias,
                                                               const float* x, float* y) noexcept {
    linear_any(m, bias, x, y);
  }
#endif

  ANTIPHON_INLINE void linear_any(const Matrix& m, const float* bias, const float* x, float* y) noexcept {
    const int blocks = (m.rows + 15) / 16;
    if (!m.scale.size()) {
      for (int b = 0; b < blocks; ++b)
        ways_->floats(
            m.floats.data() + static_cast<std::size_t>(b) * 16 * static_cast<std::size_t>(m.columns), x, m.columns,
            y + 16 * b);
      for (int r = 0; bias && r < m.rows; ++r) y[r] += bias[r];
      return;
    }
    const float largest = quantise(x, m.columns, m.padded_columns());
    const float unit = largest / 127.0f;
    for (int b = 0; b < blocks; ++b) {
      std::int32_t sums[LANES];
      const std::size_t at = static_cast<std::size_t>(b) * 16;
      ways_->wholes(m.wholes.data() + at * static_cast<std::size_t>(m.padded_columns()), whole_.data(),
                             m.padded_columns(), m.sums.data() + at, sums);
      const float* __restrict scale = m.scale.data() + at;
      const float* __restrict more = bias ? bias + at : NONE;
      float* __restrict out = y + at;
      for (std::size_t r = 0; r < 16; ++r) out[r] = static_cast<float>(sums[r]) * (unit * scale[r]) + more[r];
    }
  }

  // x as whole numbers of -127..127, into whole_; returns the largest size of x.
  ANTIPHON_INLINE float quantise(const float* __restrict x, int n, int padded) noexcept {
    float most[16] = {};
    const auto look = [&](int i, int lane) {
      const float size = std::fabs(x[i]);
      most[lane] = most[lane] > size ? most[lane] : size;
    };
    int seen = 0;
    for (; seen + 16 <= n; seen += 16)
      for (int lane = 0; lane < 16; ++lane) look(seen + lane, lane);
    for (int lane = 0; seen + lane < n; ++lane) look(seen + lane, lane);
    const float largest = *std::max_element(most, most + 16);
    const float times = largest > 0.0f ? 127.0f / largest : 0.0f;
    std::int8_t* __restrict q = whole_.data();
    for (int i = 0; i < n; ++i) {
      float v = x[i] * times;
      v = v > -127.0f ? v : -127.0f;  // also what is not a number
      v = v < 127.0f ? v : 127.0f;
      v = v + 12582912.0f;
      v = v - 12582912.0f;
      q[i] = static_cast<std::int8_t>(static_cast<std::int32_t>(v));
    }
    std::fill(q + n, q + padded, std::int8_t{0});
    return largest;
  }

  // A residual GRU layer: x and its state h, each of `D` numbers.
  ANTIPHON_INLINE void gru(const Gru& g, int D, float* __restrict x, float* __restrict h) noexcept {
    float* __restrict fresh = fresh_.data();
    float* __restrict kept = kept_.data();
    norm(x, D, g.norm_w.data(), g.norm_b.data(), normed_.data());
    linear(g.in, g.in_b.data(), normed_.data(), fresh);
    linear(g.rec, g.rec_b.data(), h, kept);
    for (int j = 0; j < 2 * D; ++j) fresh[j] = sigmoid(fresh[j] + kept[j]);
    float* __restrict reset = fresh;
    float* __restrict stay = fresh + D;
    float* __restrict made = fresh + 2 * D;
    const float* __restrict past = kept + 2 * D;
    for (int j = 0; j < D; ++j) made[j] = hyperbolic(made[j] + reset[j] * past[j]);
    for (int j = 0; j < D; ++j) h[j] = (1.0f - stay[j]) * made[j] + stay[j] * h[j];
    for (int j = 0; j < D; ++j) x[j] += h[j];
  }

  static constexpr float NONE[16] = {};
  const Products* ways_ = nullptr;
  Block<float> normed_, fresh_, kept_;
  Block<std::int8_t> whole_;
};

}  // namespace detail

// ------------------------------------------------------------------------------------------------ weights

// The numbers of a trained model, and its sizes.
class Weights {
 public:
  // Reads a model.bin that lies in memory, which may be let go of afterwards. Whatever it answers but ok, no number of
  // the file was used and the weights are as if never read.
  Status read(const void* data, std::size_t size) noexcept {
    Weights fresh;
    fresh.ways_ = ways_;
    const Status status = fresh.read_all(static_cast<const std::uint8_t*>(data), size);
    if (status == Status::ok) {
      *this = std::move(fresh);
    } else {
      *this = Weights();
    }
    return status;
  }

  Status read_file(const char* path) noexcept {
    *this = Weights();
    detail::Block<std::uint8_t> raw;
    const Status status = detail::read_whole(path, raw);
    return status == Status::ok ? read(raw.data(), raw.size()) : status;
  }

  // Forgo the processor's own ways of multiplying; for tests.
  void plainly() noexcept { ways_ = detail::Products(); }

  bool ready() const noexcept { return width_ > 0; }
  int width() const noexcept { return width_; }
  int layers() const noexcept { return layers_; }
  int head_width() const noexcept { return head_; }
  bool eight_bits() const noexcept { return eight_; }
  double tick() const noexcept { return tick_; }
  // JSON: name, licence, lineage.
  const char* about() const noexcept { return text_.size() ? text_.data() : ""; }

 private:
  friend class Net;
  Status read_all(const std::uint8_t* data, std::size_t size) noexcept {
    detail::TensorFile file{data, size};
    const Status status = file.open("ANTIPHON", text_);
    if (status != Status::ok) return status;
    const std::uint64_t D = file.sizes[0], L = file.sizes[1], C = file.sizes[2];
    if (file.sizes[3] != INSTRUMENTS || file.sizes[4] != TIMES) return Status::foreign;
    if (!D || D > detail::WIDEST || !C || C > detail::WIDEST || !L || L > detail::DEEPEST) return Status::foreign;
    width_ = static_cast<int>(D);
    head_ = static_cast<int>(C);
    layers_ = static_cast<int>(L);
    eight_ = file.eight;
    take_codec(file);
    take_body(file);
    take_heads(file);
    return file.close();
  }

  void take_codec(detail::TensorFile& file) noexcept {
    const std::uint8_t* tick = file.next("codec.tick", "", -1, 3, 1, 1);
    if (tick) tick_ = detail::little_double(tick);
    const std::uint8_t* decays = file.next("codec.decays", "", -1, 3, 1, CHANNELS - 1);
    for (std::size_t c = 0; decays && c < CHANNELS - 1; ++c) decays_[c] = detail::little_double(decays + 8 * c);
    const std::uint8_t* last = file.next("codec.time_last", "", -1, 2, 1, TIMES);
    if (!last) return;
    std::int64_t before = -1;
    for (std::size_t i = 0; i < TIMES; ++i) {
      const auto value = static_cast<std::int64_t>(detail::little(last + 4 * i, 4));
      if (value <= before || value > 1000000) return void(file.fail(Status::foreign));
      time_first_[i] = before + 1;
      time_last_[i] = before = value;
    }
    if (!(tick_ > 0 && tick_ < 10 && decays_[0] > 0 && decays_[1] > 0)) file.fail(Status::foreign);
  }

  void take_body(detail::TensorFile& file) noexcept {
    for (int f = 0; f < 4; ++f) file.matrix("embed", "", f, SIZES[f], width_, false, embed_[f]);
    file.matrix("hear", "", -1, FEATURES, width_, false, hear_);
    file.row("start", "", -1, width_, start_);
    gru_.reset(new (std::nothrow) detail::Gru[static_cast<std::size_t>(layers_)]);
    if (!gru_) return void(file.fail(Status::no_memory));
    for (int i = 0; i < layers_ && file.status == Status::ok; ++i)
      gru_[static_cast<std::size_t>(i)].take(file, i, width_);
    file.row("norm", ".w", -1, width_, norm_w_);
    file.row("norm", ".b", -1, width_, norm_b_);
    file.matrix("base", "", -1, head_, width_, true, base_);
    file.row("base", ".b", -1, head_, base_b_);
  }

  void take_heads(detail::TensorFile& file) noexcept {
    for (int f = 0; f < 4; ++f) file.matrix("known", "", f, SIZES[f], head_, false, known_[f]);
    file.row("touch", "", -1, head_, touch_, CHANNELS);
    file.row("field", "", -1, head_, field_, 4);
    file.row("heads", ".w", -1, head_, heads_w_);
    file.row("heads", ".b", -1, head_, heads_b_);
    for (int f = 0; f < 4; ++f) {
      const int rows = SIZES[f] + (f == INSTRUMENT ? 1 : f == PITCH ? CHANNELS : 0);
      file.matrix("up", "", f, 2 * head_, head_, true, up_[f]);
      file.row("up", ".b", f, 2 * head_, up_b_[f]);
      file.matrix("out", "", f, rows, 2 * head_, true, out_[f]);
      file.row("out", ".b", f, rows, out_b_[f]);
    }
  }

  friend class Model;
  int width_ = 0, layers_ = 0, head_ = 0;
  bool eight_ = false;
  double tick_ = 0.01, decays_[CHANNELS - 1] = {};
  std::int64_t time_first_[TIMES] = {}, time_last_[TIMES] = {};
  detail::Products ways_ = detail::Products::best();
  detail::Block<char> text_;
  detail::Matrix embed_[4], hear_, base_, known_[4], up_[4], out_[4];
  detail::Block<float> start_, norm_w_, norm_b_, base_b_, touch_, field_, heads_w_, heads_b_, up_b_[4], out_b_[4];
  std::unique_ptr<detail::Gru[]> gru_;
};

// ------------------------------------------------------------------------------------------------ the net

// What sounds now, as the net is told it.
struct Sounding {
  float channels[CHANNELS][PITCHES] = {};
  float instruments[INSTRUMENTS] = {};

  float feature(int i) const noexcept {
    return i < CHANNELS * PITCHES ? channels[i / PITCHES][i % PITCHES] : instruments[i - CHANNELS * PITCHES];
  }
};

// The net for one event at a time: it hears codes, carries its state, and gives logits.
class Net : private detail::Arithmetic {
 public:
  Status prepare(const Weights& weights) noexcept {
    if (!weights.ready()) return Status::unprepared;
    const int D = weights.width(), C = weights.head_width();
    const bool made = state_.make(static_cast<std::size_t>(weights.layers()) * up(D)) && base_.make(up(C)) &&
                      x_.make(up(D)) &&
                      make_scratch(weights.ways_, std::max(D, 2 * C), std::max({3 * D, 2 * C, INSTRUMENTS + 1}));
    weights_ = made ? &weights : nullptr;
    return made ? Status::ok : Status::no_memory;
  }

  // Forget everything that was heard.
  void clear() noexcept { std::fill_n(state_.data(), state_.size(), 0.0f); }

  // One step: the event `code`, or the beginning of everything, and what sounds after it.
  void hear(const int code[4], bool begin, const Sounding& sounding) noexcept {
#ifdef ANTIPHON_X86
    if (weights_->ways_.longer) return hear_longer(code, begin, sounding);
#endif
    hear_any(code, begin, sounding);
  }

  // Logits of one field, given those fields of `code` that `known` names. They stay until the next call.
  const float* logits(Field field, const int code[4], const bool known[4], const Sounding& sounding) noexcept {
#ifdef ANTIPHON_X86
    if (weights_->ways_.longer) return logits_longer(field, code, known, sounding);
#endif
    return logits_any(field, code, known, sounding);
  }

  const Weights* weights() const noexcept { return weights_; }
  std::size_t remembered() const noexcept { return state_.size() + base_.size(); }
  void save(float* into) const noexcept {
    std::copy_n(state_.data(), state_.size(), into);
    std::copy_n(base_.data(), base_.size(), into + state_.size());
  }
  void load(const float* from) noexcept {
    std::copy_n(from, state_.size(), state_.data());
    std::copy_n(from + state_.size(), base_.size(), base_.data());
  }

 private:
#ifdef ANTIPHON_X86
  // Longer vectors but no fused multiplication: the same bits.
  __attribute__((target("avx2"))) void hear_longer(const int code[4], bool begin, const Sounding& sounding) noexcept {
    hear_any(code, begin, sounding);
  }
  __attribute__((target("avx2"))) const float* logits_longer(Field field, const int code[4], const bool known[4],
                                                             const Sounding& sounding) noexcept {
    return logits_any(field, code, known, sounding);
  }
#endif

  ANTIPHON_INLINE void hear_any(const int code[4], bool begin, const Sounding& sounding) noexcept {
    const Weights& w = *weights_;
    const int D = w.width_;
    float* x = x_.data();
    if (begin) {
      std::memcpy(x, w.start_.data(), static_cast<std::size_t>(D) * sizeof(float));
    } else {
      std::fill_n(x, D, 0.0f);
      for (int f = 0; f < 4; ++f) add_row(w.embed_[f], code[f], 1.0f, x);
    }
    std::fill_n(fresh_.data(), D, 0.0f);
    for (int i = 0; i < FEATURES; ++i) {
      const float value = sounding.feature(i);
      if (value != 0.0f) add_row(w.hear_, i, value, fresh_.data());
    }
    for (int j = 0; j < D; ++j) x[j] += fresh_[static_cast<std::size_t>(j)];
    for (int i = 0; i < w.layers_; ++i)
      gru(w.gru_[static_cast<std::size_t>(i)], D, x, state_.data() + static_cast<std::size_t>(i) * up(D));
    norm(x, D, w.norm_w_.data(), w.norm_b_.data(), normed_.data());
    linear(w.base_, w.base_b_.data(), normed_.data(), base_.data());
  }

  ANTIPHON_INLINE const float* logits_any(Field field, const int code[4], const bool known[4],
                                          const Sounding& sounding) noexcept {
    const Weights& w = *weights_;
    const int C = w.head_, f = field;
    float* z = kept_.data();
    const float* asked = w.field_.data() + f * C;
    for (int j = 0; j < C; ++j) z[j] = base_[static_cast<std::size_t>(j)] + asked[j];
    for (int g = 0; g < 4; ++g) {
      if (!known[g]) continue;
      add_row(w.known_[g], code[g], 1.0f, z);
      for (int c = 0; g == PITCH && c < CHANNELS; ++c) {
        const float much = sounding.channels[c][code[PITCH]];
        const float* touch = w.touch_.data() + c * C;
        for (int j = 0; j < C; ++j) z[j] += much * touch[j];
      }
    }
    norm(z, C, w.heads_w_.data(), w.heads_b_.data(), normed_.data());
    float* hidden = kept_.data();
    linear(w.up_[f], w.up_b_[f].data(), normed_.data(), hidden);
    for (int j = 0; j < 2 * C; ++j) hidden[j] = detail::gelu(hidden[j]);
    float* out = fresh_.data();
    linear(w.out_[f], w.out_b_[f].data(), hidden, out);
    if (field == PITCH)
      for (int c = 0; c < CHANNELS; ++c)
        for (int p = 0; p < PITCHES; ++p) out[p] += out[PITCHES + c] * sounding.channels[c][p];
    if (field == INSTRUMENT)
      for (int i = 0; i < INSTRUMENTS; ++i) out[i] += out[INSTRUMENTS] * sounding.instruments[i];
    return out;
  }

  const Weights* weights_ = nullptr;
  detail::Block<float> state_, base_, x_;
};

// ------------------------------------------------------------------------------------------------ constraints

// Pitches that may be struck.
struct Pitches {
  std::uint64_t bits[2] = {~std::uint64_t{0}, ~std::uint64_t{0}};

  static Pitches none() noexcept { return Pitches{{0, 0}}; }
  static Pitches only(int pitch) noexcept {
    Pitches one = none();
    one.set(pitch, true);
    return one;
  }
  static Pitches range(int lowest, int highest) noexcept {
    Pitches some = none();
    for (int p = std::max(lowest, 0); p <= std::min(highest, PITCHES - 1); ++p) some.set(p, true);
    return some;
  }
  bool has(int pitch) const noexcept { return bits[pitch >> 6] >> (pitch & 63) & 1; }
  void set(int pitch, bool on) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (pitch & 63);
    bits[pitch >> 6] = on ? bits[pitch >> 6] | bit : bits[pitch >> 6] & ~bit;
  }
  bool any() const noexcept { return bits[0] || bits[1]; }
};

// What one instrument may do. Lengths in seconds. What already sounds can always be released once it has lasted
// `min_length`, and never lasts longer than `max_length`. `weight`: odds of its onsets against the other instruments'.
struct Voice {
  int instrument = 0;
  Pitches pitches;
  int min_velocity = 1, max_velocity = 127;
  int min_polyphony = 0, max_polyphony = PITCHES;
  double min_length = 0, max_length = NEVER;
  bool may_start = true;
  double weight = 1;
};

// How one field is drawn: softmax temperature (0: the likeliest), nucleus, and a quantile window of the distribution.
struct Steer {
  double temperature = 1, top_p = 1;
  double low = 0, high = 1;
};

// Where beats fall: beat 0, which begins bar 0, at `origin` seconds, `tempo` beats a minute, `meter` beats a bar. How
// much a model that knows rhythms keeps to it: `strength`, 0 not at all, 1 as in the music that it learned from.
struct Beat {
  bool known = false;
  double origin = 0, tempo = 120;
  int meter = 4;
  double strength = 1;
};

// What the next event may be; nothing outside has any probability. Instruments without a voice do nothing. Times are
// on the clock of the events that were fed, both ends possible.
struct Constraints {
  const Voice* voices = nullptr;
  std::size_t n_voices = 0;
  double earliest = -NEVER, latest = NEVER;
  bool fixed[4] = {};  // by field; their values here
  Event fixed_to;
  Field order[4] = {VELOCITY, TIME, INSTRUMENT, PITCH};  // fixed fields come first whatever it says
  Steer steer[4];                                        // by field
  double onset_weight = 1;                               // odds of an onset against a release
  Beat beat;
};

// ------------------------------------------------------------------------------------------------ drawing

// SplitMix64 (Steele et al. 2014): random numbers of [0, 1) for who has none at hand.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
  double operator()() noexcept {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * (1.0 / 9007199254740992.0);
  }

 private:
  std::uint64_t state_;
};

namespace detail {

// Sum as NumPy sums doubles (eight lanes up to 128, halves above), so that the last bit is the same.
inline double pairwise(const double* a, int n) noexcept {
  if (n < 8) {
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += a[i];
    return sum;
  }
  if (n <= 128) {
    double r[8];
    for (int j = 0; j < 8; ++j) r[j] = a[j];
    int i = 8;
    for (; i < n - n % 8; i += 8)
      for (int j = 0; j < 8; ++j) r[j] += a[i + j];
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; ++i) sum += a[i];
    return sum;
  }
  const int half = n / 2 - n / 2 % 8;
  return pairwise(a, half) + pairwise(a + half, n - half);
}

// The distribution of one field: over the allowed values, and spread out over all of them.
class Odds {
 public:
  // False when a logit that matters is not a number. `mask` allows at least one value.
  bool weigh(const double* logits, const bool* mask, int size, const Steer& steer) noexcept {
    n_ = 0;
    for (int i = 0; i < size; ++i)
      if (mask[i]) allowed_[n_++] = i;
    for (int i = 0; i < n_; ++i) {
      p_[i] = logits[allowed_[i]];
      if (!std::isfinite(p_[i])) return false;
    }
    if (steer.temperature <= 0) {
      const auto best = std::max_element(p_, p_ + n_) - p_;
      std::fill_n(p_, n_, 0.0);
      p_[best] = 1.0;
    } else {
      for (int i = 0; i < n_; ++i) p_[i] /= steer.temperature;
      const double most = *std::max_element(p_, p_ + n_);
      for (int i = 0; i < n_; ++i) p_[i] = std::exp(p_[i] - most);
      share(p_);
      if (steer.top_p < 1) nucleus(steer.top_p);
      if (steer.low != 0.0 || steer.high != 1.0) window(steer.low, steer.high);
    }
    std::fill_n(full, size, 0.0);
    for (int i = 0; i < n_; ++i) full[allowed_[i]] = p_[i];
    return true;
  }

  // An index by the odds of `p`; never one whose odds are zero.
  int draw(const double* p, int size, double random) noexcept {
    n_ = 0;
    for (int i = 0; i < size; ++i)
      if (p[i] != 0.0) allowed_[n_++] = i;
    const double aim = random * pairwise(p, size);
    double sum = 0;
    for (int i = 0; i < n_; ++i)
      if ((sum += p[allowed_[i]]) > aim) return allowed_[i];
    return n_ ? allowed_[n_ - 1] : 0;
  }

  double full[INSTRUMENTS];

 private:
  void share(double* p) noexcept {
    const double sum = pairwise(p, n_);
    for (int i = 0; i < n_; ++i) p_[i] = p[i] / sum;
  }

  // The fewest values that hold `top_p` of the probability (Holtzman et al. 2020).
  void nucleus(double top_p) noexcept {
    for (int i = 0; i < n_; ++i) order_[i] = i;
    std::sort(order_, order_ + n_, [this](int a, int b) { return p_[a] != p_[b] ? p_[a] > p_[b] : a < b; });
    double sum = 0;
    int enough = 0;
    while (enough < n_ && (sum += p_[order_[enough]]) < top_p) ++enough;
    std::fill_n(kept_, n_, 0.0);
    for (int i = 0; i < std::min(enough + 1, n_); ++i) kept_[order_[i]] = p_[order_[i]];
    share(kept_);
  }

  // The part of the distribution between two quantiles, values in their natural order.
  void window(double low, double high) noexcept {
    const auto within = [&](double x) { return std::min(std::max(x, low), high); };
    double sum = 0, before = within(0.0);
    for (int i = 0; i < n_; ++i) {
      const double after = within(sum += p_[i]);
      kept_[i] = after - before;
      before = after;
    }
    if (pairwise(kept_, n_) <= 0) {  // an empty window is the value at its place
      std::fill_n(kept_, n_, 0.0);
      int place = -1;
      sum = 0;
      for (int i = 0; i < n_; ++i) {
        if (p_[i] == 0.0) continue;
        place = i;
        if ((sum += p_[i]) >= low) break;
      }
      kept_[place < 0 ? 0 : place] = 1.0;
    }
    share(kept_);
  }

  int n_ = 0, allowed_[INSTRUMENTS], order_[INSTRUMENTS];
  double p_[INSTRUMENTS], kept_[INSTRUMENTS];
};

// A note that sounds, and since when.
struct Held {
  double since = 0;
  std::int16_t instrument = 0, pitch = 0;
};

// A block of possible events: every combination of what it names is possible.
struct Row {
  Pitches pitches;
  double begin = 0, end = 0;
  int instrument = 0, softest = 0, loudest = 0;
};

// What sounds, when the last event was, and what may come next: what all models share.
class Stage {
 public:
  // What sounds, in order of onsets: for i below `sounding()`.
  int sounding() const noexcept { return n_held_; }
  Event held(int i) const noexcept {
    const Held& h = held_[static_cast<std::size_t>(i)];
    return Event{h.since, h.instrument, h.pitch, 0};
  }
  // The time of the last event that was heard, -infinity before any.
  double now() const noexcept { return at_; }

 protected:
  bool make_room(int most_sounding) noexcept {
    most_ = std::min(std::max(most_sounding, 1), INSTRUMENTS * PITCHES);
    const auto n = static_cast<std::size_t>(most_);
    return held_.make(n) && rows_.make(n + INSTRUMENTS);
  }

  void silence() noexcept {
    n_held_ = 0;
    started_ = false;
    tick_ = 0;
    at_ = -NEVER;
  }

  // The key is struck or released at `at` seconds.
  void enter(const Event& event, double at) noexcept {
    at_ = at;
    const int place = find(event.instrument, event.pitch);
    if (place >= 0) {
      std::copy(held_.data() + place + 1, held_.data() + n_held_, held_.data() + place);
      --n_held_;
    }
    if (event.velocity) {
      held_[static_cast<std::size_t>(n_held_++)] =
          Held{at, static_cast<std::int16_t>(event.instrument), static_cast<std::int16_t>(event.pitch)};
    }
  }

  // Whether an event is one, is news, and there is room for it. `hear` takes the release that comes before it, if the
  // key sounds already, and the event.
  template <class Hear>
  Status take_in(const Event& event, Hear hear) noexcept {
    if (!possible(event)) return Status::bad_event;
    if (find(event.instrument, event.pitch) >= 0) {
      if (event.velocity) hear(Event{event.at, event.instrument, event.pitch, 0});
    } else {
      if (!event.velocity) return Status::ok;
      if (n_held_ >= most_) return Status::full;
    }
    hear(event);
    return Status::ok;
  }

  static std::int64_t tick_of(double at, double tick) noexcept {
    return static_cast<std::int64_t>(std::floor(at / tick + 0.5));
  }

  static bool possible(const Event& e) noexcept {
    return std::fabs(e.at) <= LONGEST_CLOCK && e.instrument >= 0 && e.instrument < INSTRUMENTS && e.pitch >= 0 &&
           e.pitch < PITCHES && e.velocity >= 0 && e.velocity < VELOCITIES;
  }

  int find(int instrument, int pitch) const noexcept {
    for (int i = 0; i < n_held_; ++i) {
      const Held& h = held_[static_cast<std::size_t>(i)];
      if (h.instrument == instrument && h.pitch == pitch) return i;
    }
    return -1;
  }

  static bool sound(const Constraints& c) noexcept {
    const auto in_clock = [](double at) { return std::fabs(at) <= LONGEST_CLOCK || std::isinf(at); };
    if (!in_clock(c.earliest) || !in_clock(c.latest) || c.earliest == NEVER || c.latest == -NEVER) return false;
    if (std::isnan(c.onset_weight) || (c.n_voices && !c.voices)) return false;
    bool seen[4] = {};
    for (int i = 0; i < 4; ++i) {
      const int f = c.order[i];
      if (f < 0 || f > 3 || seen[f]) return false;
      seen[f] = true;
      const Steer& s = c.steer[i];
      if (!std::isfinite(s.temperature) || std::isnan(s.top_p) || std::isnan(s.low) || std::isnan(s.high)) return false;
    }
    bool named[INSTRUMENTS] = {};
    for (std::size_t i = 0; i < c.n_voices; ++i) {
      const Voice& v = c.voices[i];
      if (v.instrument < 0 || v.instrument >= INSTRUMENTS || named[v.instrument]) return false;
      named[v.instrument] = true;
      if (!std::isfinite(v.min_length) || std::isnan(v.max_length) || std::isnan(v.weight)) return false;
    }
    const Beat& b = c.beat;
    if (b.known && !(std::fabs(b.origin) <= LONGEST_CLOCK && b.tempo > 0 && b.tempo <= 1e6 && b.meter >= 1 &&
                     b.strength >= 0 && b.strength <= 100))
      return false;
    return !c.fixed[TIME] || std::fabs(c.fixed_to.at) <= LONGEST_CLOCK;
  }

  // All that is possible, as rows; `tick` is the codec's, in seconds.
  Status gather(const Constraints& c, double tick) noexcept {
    if (!sound(c)) return Status::bad_constraints;
    const double earliest = std::max(c.earliest, at_);
    if (c.latest < earliest) return Status::nothing_possible;
    origin_ = started_ ? tick_ : std::isfinite(earliest) ? tick_of(earliest, tick) : 0;
    std::fill_n(voice_of_, INSTRUMENTS, nullptr);
    for (std::size_t i = 0; i < c.n_voices; ++i) voice_of_[c.voices[i].instrument] = c.voices + i;
    n_rows_ = 0;
    double due = NEVER;
    std::fill_n(held_by_, INSTRUMENTS, 0);
    for (int i = 0; i < n_held_; ++i) {
      const Held& h = held_[static_cast<std::size_t>(i)];
      if (!voice_of_[h.instrument]) continue;
      ++held_by_[h.instrument];
      due = std::min(due, h.since + voice_of_[h.instrument]->max_length);
    }
    if (due <= earliest) add_overdue(earliest);  // nothing else may happen first
    else add_all(c, earliest, std::min(c.latest, due));
    fix(c);
    return n_rows_ ? Status::ok : Status::nothing_possible;
  }

  void add(const Row& row) noexcept { rows_[static_cast<std::size_t>(n_rows_++)] = row; }

  void add_overdue(double now) noexcept {
    for (int i = 0; i < n_held_; ++i) {
      const Held& h = held_[static_cast<std::size_t>(i)];
      const Voice* voice = voice_of_[h.instrument];
      if (voice && h.since + voice->max_length <= now)
        add(Row{Pitches::only(h.pitch), now, now, h.instrument, 0, 0});
    }
  }

  void add_all(const Constraints& c, double begin, double end) noexcept {
    for (std::size_t i = 0; i < c.n_voices; ++i) {  // onsets
      const Voice& v = c.voices[i];
      const int softest = std::max(v.min_velocity, 1), loudest = std::min(v.max_velocity, 127);
      if (!v.may_start || held_by_[v.instrument] >= v.max_polyphony || softest > loudest) continue;
      Row row{v.pitches, begin, end, v.instrument, softest, loudest};
      for (int k = 0; held_by_[v.instrument] && k < n_held_; ++k)
        if (held_[static_cast<std::size_t>(k)].instrument == v.instrument)
          row.pitches.set(held_[static_cast<std::size_t>(k)].pitch, false);
      if (row.pitches.any()) add(row);
    }
    for (int i = 0; i < n_held_; ++i) {  // releases
      const Held& h = held_[static_cast<std::size_t>(i)];
      const Voice* v = voice_of_[h.instrument];
      if (!v || (v->may_start && held_by_[h.instrument] <= v->min_polyphony)) continue;
      // A note that must end before it may goes by its longest length.
      const double ripe = std::max(begin, std::min(h.since + v->min_length, h.since + v->max_length));
      if (ripe <= end) add(Row{Pitches::only(h.pitch), ripe, end, h.instrument, 0, 0});
    }
  }

  void fix(const Constraints& c) noexcept {
    if (c.fixed[INSTRUMENT]) keep_instrument(c.fixed_to.instrument);
    if (c.fixed[PITCH]) keep_pitch(c.fixed_to.pitch);
    if (c.fixed[VELOCITY]) keep_velocity(c.fixed_to.velocity, c.fixed_to.velocity);
    if (!c.fixed[TIME]) return;
    filter([&](Row& row) {
      if (!(row.begin <= c.fixed_to.at && c.fixed_to.at <= row.end)) return false;
      row.begin = row.end = c.fixed_to.at;
      return true;
    });
  }

  template <class Keeps>
  void filter(Keeps keeps) noexcept {
    int n = 0;
    for (int i = 0; i < n_rows_; ++i) {
      Row row = rows_[static_cast<std::size_t>(i)];
      if (keeps(row)) rows_[static_cast<std::size_t>(n++)] = row;
    }
    n_rows_ = n;
  }

  void keep_instrument(int value) noexcept {
    filter([&](Row& row) { return row.instrument == value; });
  }

  void keep_pitch(int value) noexcept {
    filter([&](Row& row) {
      if (value < 0 || value >= PITCHES || !row.pitches.has(value)) return false;
      row.pitches = Pitches::only(value);
      return true;
    });
  }

  // Velocities from `softest` to `loudest`, 0 a release.
  void keep_velocity(int softest, int loudest) noexcept {
    filter([&](Row& row) {
      if (row.softest > loudest || softest > row.loudest) return false;
      row.softest = std::max(row.softest, softest);
      row.loudest = std::min(row.loudest, loudest);
      return true;
    });
  }

  static double log_weight(double weight) noexcept { return std::log(std::max(weight, 1e-9)); }

  int most_ = 0;
  Block<Held> held_;
  int n_held_ = 0;
  bool started_ = false;
  std::int64_t tick_ = 0;
  double at_ = -NEVER;

  // Scratch space of `sample`.
  std::int64_t origin_ = 0;
  Block<Row> rows_;
  int n_rows_ = 0;
  int held_by_[INSTRUMENTS] = {};
  const Voice* voice_of_[INSTRUMENTS] = {};
  Odds odds_;
};

}  // namespace detail

// ------------------------------------------------------------------------------------------------ the model

class Model;

// All that a model remembers. Prepared once, it is saved into and restored from without allocating.
class Snapshot {
 public:
  inline Status prepare(const Model& model) noexcept;

 private:
  friend class Model;
  const Weights* weights_ = nullptr;
  detail::Block<float> net_;
  detail::Block<detail::Held> held_;
  int n_held_ = 0;
  Sounding sounding_;
  bool started_ = false;
  std::int64_t tick_ = 0;
  double at_ = -NEVER;
};

// A model over one stream of events.
class Model : private detail::Stage {
 public:
  using Stage::held;
  using Stage::now;
  using Stage::sounding;

  // Makes room for everything, `most_sounding` keys among it, and remembers nothing. `weights` must outlive the model.
  Status prepare(const Weights& weights, int most_sounding = 1024) noexcept {
    ready_ = false;
    const Status status = net_.prepare(weights);
    if (status != Status::ok) return status;
    if (!make_room(most_sounding) || !logits_.make(INSTRUMENTS)) return Status::no_memory;
    ready_ = true;
    reset();
    return Status::ok;
  }

  // Remember nothing.
  void reset() noexcept {
    if (!ready_) return;
    silence();
    tell_sounding(0.0);
    net_.clear();
    const int nothing[4] = {};
    net_.hear(nothing, true, sounding_);
  }

  // Hear an event that happened, anyone's. A release of what does not sound is ignored; striking a sounding key first
  // releases it; what comes late counts as simultaneous with the last event.
  Status feed(const Event& event) noexcept {
    if (!ready_) return Status::unprepared;
    return take_in(event, [this](const Event& e) { hear(e); });
  }

  // Draw the next event, without feeding it. `random` is called for numbers of [0, 1): once for each field that more
  // than one value is possible for, in the order of the fields, and once for the place in its time. Nothing but
  // scratch space changes.
  template <class R>
  Status sample(const Constraints& constraints, R&& random, Event& out) noexcept {
    if (!ready_) return Status::unprepared;
    Status status = gather(constraints, net_.weights()->tick_);
    if (status != Status::ok) return status;
    int code[4] = {};
    bool known[4] = {};
    take_fixed(constraints, code, known);
    for (Field field : constraints.order) {
      if (constraints.fixed[field]) continue;
      int value = 0;
      if (allowed(field, value) > 1) {
        const float* logits = net_.logits(field, code, known, sounding_);
        for (int i = 0; i < SIZES[field]; ++i) logits_[static_cast<std::size_t>(i)] = static_cast<double>(logits[i]);
        if (!weigh(field, code, known, constraints)) return Status::broken;
        value = odds_.draw(odds_.full, SIZES[field], random());
      }
      keep(field, value);
      code[field] = value;
      known[field] = true;
    }
    return one_left(code, random, out);
  }

  // Logits of a field given what is known, as many as SIZES says; nullptr before prepare and for codes out of range.
  const float* logits(Field field, const int code[4], const bool known[4]) noexcept {
    for (int f = 0; f < 4; ++f)
      if (!ready_ || code[f] < 0 || code[f] >= SIZES[f]) return nullptr;
    return net_.logits(field, code, known, sounding_);
  }

  Status save(Snapshot& into) const noexcept {
    if (!ready_ || into.weights_ != net_.weights() || into.held_.size() < static_cast<std::size_t>(n_held_))
      return Status::unprepared;
    net_.save(into.net_.data());
    std::copy_n(held_.data(), n_held_, into.held_.data());
    into.n_held_ = n_held_;
    into.sounding_ = sounding_;
    into.started_ = started_;
    into.tick_ = tick_;
    into.at_ = at_;
    return Status::ok;
  }

  // Remember just what was remembered when `from` was saved.
  Status restore(const Snapshot& from) noexcept {
    if (!ready_ || from.weights_ != net_.weights() || from.n_held_ > most_) return Status::unprepared;
    net_.load(from.net_.data());
    std::copy_n(from.held_.data(), from.n_held_, held_.data());
    n_held_ = from.n_held_;
    sounding_ = from.sounding_;
    started_ = from.started_;
    tick_ = from.tick_;
    at_ = from.at_;
    return Status::ok;
  }

 private:
  friend class Snapshot;

  std::int64_t tick_at(double at) const noexcept { return tick_of(at, net_.weights()->tick_); }

  int time_bin(std::int64_t ticks) const noexcept {
    const std::int64_t* last = net_.weights()->time_last_;
    ticks = std::min(std::max(ticks, std::int64_t{0}), last[TIMES - 1]);
    return static_cast<int>(std::lower_bound(last, last + TIMES, ticks) - last);
  }

  void hear(const Event& event) noexcept {
    const double at = std::max(event.at, at_);
    const std::int64_t tick = tick_at(at);
    const int code[4] = {event.instrument, event.pitch, time_bin(started_ ? tick - tick_ : 0), event.velocity};
    started_ = true;
    tick_ = tick;
    enter(event, at);
    tell_sounding(at);
    net_.hear(code, false, sounding_);
  }

  void tell_sounding(double now) noexcept {
    sounding_ = Sounding();
    for (int i = 0; i < n_held_; ++i) {  // longest first, so the younger overwrites
      const detail::Held& h = held_[static_cast<std::size_t>(i)];
      const double age = std::max(now - h.since, 0.0);
      sounding_.channels[0][h.pitch] = 1.0f;
      for (int c = 1; c < CHANNELS; ++c)
        sounding_.channels[c][h.pitch] = static_cast<float>(std::exp(-age / net_.weights()->decays_[c - 1]));
      sounding_.instruments[h.instrument] = 1.0f;
    }
  }

  void take_fixed(const Constraints& c, int code[4], bool known[4]) const noexcept {
    for (int f = 0; f < 4; ++f) known[f] = c.fixed[f];
    if (c.fixed[INSTRUMENT]) code[INSTRUMENT] = c.fixed_to.instrument;
    if (c.fixed[PITCH]) code[PITCH] = c.fixed_to.pitch;
    if (c.fixed[VELOCITY]) code[VELOCITY] = c.fixed_to.velocity;
    if (c.fixed[TIME]) code[TIME] = time_bin(tick_at(c.fixed_to.at) - origin_);
  }

  void bins(const detail::Row& row, int& first, int& last) const noexcept {
    first = std::isfinite(row.begin) ? time_bin(tick_at(row.begin) - origin_) : 0;
    last = std::isfinite(row.end) ? time_bin(tick_at(row.end) - origin_) : TIMES - 1;
  }

  // Narrow to what has `value` in `field`, for time a bin.
  void keep(Field field, int value) noexcept {
    switch (field) {
      case INSTRUMENT: return keep_instrument(value);
      case PITCH: return keep_pitch(value);
      case VELOCITY: return keep_velocity(value, value);
      case TIME: break;
    }
    filter([&](detail::Row& row) {
      int first = 0, last = 0;
      bins(row, first, last);
      return first <= value && value <= last;
    });
  }

  // Fills the mask of values that a field may still take; returns how many they are, and the last of them.
  int allowed(Field field, int& value) noexcept {
    std::fill_n(mask_, SIZES[field], false);
    for (int i = 0; i < n_rows_; ++i) {
      const detail::Row& row = rows_[static_cast<std::size_t>(i)];
      int first = row.softest, last = row.loudest;
      if (field == INSTRUMENT) first = last = row.instrument;
      if (field == TIME) bins(row, first, last);
      if (field == PITCH) {
        for (int p = 0; p < PITCHES; ++p) mask_[p] = mask_[p] || row.pitches.has(p);
      } else {
        for (int v = first; v <= last; ++v) mask_[v] = true;
      }
    }
    int n = 0;
    for (int v = 0; v < SIZES[field]; ++v)
      if (mask_[v]) {
        ++n;
        value = v;
      }
    return n;
  }

  // ---- how likely it is. Steering of pitch and velocity is about onsets: releases keep their odds.

  bool weigh(Field field, const int code[4], const bool known[4], const Constraints& c) noexcept {
    const int size = SIZES[field];
    double* logits = logits_.data();
    const bool release = known[VELOCITY] && code[VELOCITY] == 0;
    if (field == PITCH && release) return odds_.weigh(logits, mask_, size, Steer());
    if (field == INSTRUMENT && !release) {
      for (std::size_t i = 0; i < c.n_voices; ++i)
        if (c.voices[i].weight != 1.0) logits[c.voices[i].instrument] += log_weight(c.voices[i].weight);
    }
    if (field != VELOCITY || !mask_[0] || std::find(mask_ + 1, mask_ + size, true) == mask_ + size)
      return odds_.weigh(logits, mask_, size, c.steer[field]);
    std::copy_n(logits, size, weighted_);
    const double more = log_weight(c.onset_weight);
    for (int i = 1; i < size; ++i) weighted_[i] += more;
    if (!odds_.weigh(weighted_, mask_, size, Steer())) return false;
    const double silent = odds_.full[0];
    mask_[0] = false;
    if (!odds_.weigh(logits, mask_, size, c.steer[field])) return false;
    for (int i = 0; i < size; ++i) odds_.full[i] *= 1 - silent;
    odds_.full[0] = silent;
    return true;
  }

  // The one event left once all fields are drawn, its time drawn evenly from what its bin and row allow.
  template <class R>
  Status one_left(const int code[4], R&& random, Event& out) noexcept {
    if (n_rows_ != 1) return Status::broken;
    const detail::Row& row = rows_[0];
    const Weights& w = *net_.weights();
    const auto edge = [&](std::int64_t tick, double half) {
      return (static_cast<double>(origin_ + tick) + half) * w.tick_;
    };
    const double begin = std::max(row.begin, edge(w.time_first_[code[TIME]], -0.5));
    const double end = std::min(row.end, edge(w.time_last_[code[TIME]], 0.5));
    double at = std::min(std::max(begin, row.begin), row.end);
    if (end > begin) {
      volatile double beyond = (end - begin) * random();  // volatile: not to be fused with the addition
      at = begin + beyond;
    }
    out = Event{at, code[INSTRUMENT], code[PITCH], code[VELOCITY]};
    return Status::ok;
  }

  bool ready_ = false;
  Net net_;
  Sounding sounding_;

  // Scratch space of `sample`.
  bool mask_[INSTRUMENTS] = {};
  detail::Block<double> logits_;
  double weighted_[VELOCITIES] = {};
};

inline Status Snapshot::prepare(const Model& model) noexcept {
  weights_ = nullptr;
  if (!model.ready_) return Status::unprepared;
  if (!net_.make(model.net_.remembered()) || !held_.make(static_cast<std::size_t>(model.most_)))
    return Status::no_memory;
  weights_ = model.net_.weights();
  return model.save(*this);
}

// ------------------------------------------------------------------------------------------------ words

// The token codec: one keyboard's music as words of a flat vocabulary. An event is spelt in one way: as many of the
// longest shifts of time as fit, the rest of the time, a velocity if a key is struck, the key.
constexpr int BEGINNING = 1, NOTE_ON = 4, NOTE_OFF = NOTE_ON + PITCHES, TIME_SHIFT = NOTE_OFF + PITCHES;
constexpr int LONGEST_SHIFT = 32, VELOCITY_WORD = TIME_SHIFT + LONGEST_SHIFT, LOUDNESSES = 8;
constexpr int VOCABULARY = VELOCITY_WORD + LOUDNESSES + 16;  // the last sixteen are for durations, which nothing spells
constexpr int LONGEST_TOTAL = 500;  // ticks between two events: whatever is longer is spelt so
constexpr double WORD_TICK = 0.02;  // seconds
constexpr int FURTHEST_BACK = LONGEST_TOTAL / LONGEST_SHIFT + 2;  // the words of an event but its last, at most
static_assert(VOCABULARY <= INSTRUMENTS, "odds are drawn in one scratch space");

// A variable-order Markov model of words, as tables that are looked up as they lie in the file; its layout is told in
// docs/markov-bin.md.
class NGrams {
 public:
  static constexpr int DIGIT = 9, HIGHEST_ORDER = 6, METERS = 8, BINS = 16;

  // Reads a model.bin that lies in memory, which may be let go of afterwards. Whatever it answers but ok, no number of
  // the file was used and the tables are as if never read.
  Status read(const void* data, std::size_t size) noexcept {
    NGrams fresh;
    const Status status = fresh.read_all(static_cast<const std::uint8_t*>(data), size);
    if (status == Status::ok) {
      fresh.ready_ = true;
      *this = std::move(fresh);
    } else {
      *this = NGrams();
    }
    return status;
  }

  Status read_file(const char* path) noexcept {
    *this = NGrams();
    detail::Block<std::uint8_t> raw;
    const Status status = detail::read_whole(path, raw);
    return status == Status::ok ? read(raw.data(), raw.size()) : status;
  }

  bool ready() const noexcept { return ready_; }
  int order() const noexcept { return order_; }
  // JSON: name, licence, lineage.
  const char* about() const noexcept { return text_.size() ? text_.data() : ""; }

  // How likely each word is next, p[VOCABULARY], none of them zero. `history` holds the last words as digits of nine
  // bits, the last in the lowest. The order of the operations is Python's: the same bits.
  void probabilities(std::uint64_t history, double* p) const noexcept {
    std::fill_n(p, VOCABULARY, 1.0 / VOCABULARY);
    for (int order = 0; order <= order_; ++order) {
      const std::uint64_t key = history & ((std::uint64_t{1} << DIGIT * order) - 1);
      const std::uint64_t* first = keys_.data() + levels_[order];
      const std::uint64_t* last = keys_.data() + levels_[order + 1];
      const std::uint64_t* found = std::lower_bound(first, last, key);
      if (found == last || *found != key) continue;
      const auto row = static_cast<std::size_t>(found - keys_.data());
      const double rest = static_cast<double>(rest_[row]);
      for (int w = 0; w < VOCABULARY; ++w) p[w] *= rest;
      for (std::size_t i = starts_[row]; i < starts_[row + 1]; ++i) p[words_[i]] = static_cast<double>(chances_[i]);
    }
  }

  // How much likelier an onset is at a place (0 to BINS - 1) in a bar of so many beats than anywhere.
  double rhythm(int meter, int place) const noexcept {
    return rhythm_[std::min(std::max(meter, 1), METERS) - 1][place];
  }

 private:
  Status read_all(const std::uint8_t* data, std::size_t size) noexcept {
    using detail::little;
    if (!data || size < 64 || std::memcmp(data, "ANTIGRAM", 8) || little(data + 8, 4) != 1) return Status::foreign;
    if (detail::crc32(data, 60) != little(data + 60, 4) || little(data + 16, 8) != size) return Status::damaged;
    const std::uint64_t order = little(data + 12, 4), text = little(data + 28, 4);
    const std::uint64_t C = little(data + 40, 4), F = little(data + 44, 4);
    const bool same_tick = std::fabs(detail::little_double(data + 32) - WORD_TICK) <= 0.0;
    if (little(data + 24, 4) != VOCABULARY || !same_tick || order > HIGHEST_ORDER) return Status::foreign;
    if (little(data + 48, 4) != METERS || little(data + 52, 4) != BINS) return Status::foreign;
    const std::uint64_t lengths[] = {4 * (order + 2), 8 * C, 4 * (C + 1), 4 * C, 2 * F, 4 * F, 8 * METERS * BINS};
    std::uint64_t starts[8] = {64};
    for (int i = 0; i < 7; ++i) starts[i + 1] = starts[i] + (lengths[i] + 7) / 8 * 8;
    if (starts[7] + text != size || detail::crc32(data + 64, size - 64) != little(data + 56, 4)) return Status::damaged;
    for (int i = 0; i < 7; ++i)
      for (std::uint64_t at = starts[i] + lengths[i]; at < starts[i + 1]; ++at)
        if (data[at]) return Status::damaged;
    if (!keys_.make(C) || !starts_.make(C + 1) || !rest_.make(C) || !words_.make(F) || !chances_.make(F) ||
        !text_.make(text + 1))
      return Status::no_memory;
    order_ = static_cast<int>(order);
    for (std::size_t i = 0; i < order + 2; ++i)
      levels_[i] = static_cast<std::uint32_t>(little(data + starts[0] + 4 * i, 4));
    for (std::size_t i = 0; i < C; ++i) {
      keys_[i] = little(data + starts[1] + 8 * i, 8);
      rest_[i] = detail::little_float(data + starts[3] + 4 * i);
    }
    for (std::size_t i = 0; i < C + 1; ++i)
      starts_[i] = static_cast<std::uint32_t>(little(data + starts[2] + 4 * i, 4));
    for (std::size_t i = 0; i < F; ++i) {
      words_[i] = static_cast<std::uint16_t>(little(data + starts[4] + 2 * i, 2));
      chances_[i] = detail::little_float(data + starts[5] + 4 * i);
    }
    for (std::size_t i = 0; i < METERS * BINS; ++i)
      rhythm_[i / BINS][i % BINS] = detail::little_double(data + starts[6] + 8 * i);
    std::memcpy(text_.data(), data + starts[7], text);
    return sound(C, F) ? Status::ok : Status::damaged;
  }

  // Whether the tables are as they must be for every look-up to stay within them and to answer with numbers.
  bool sound(std::uint64_t C, std::uint64_t F) const noexcept {
    if (levels_[0] != 0 || levels_[1] != 1 || levels_[order_ + 1] != C) return false;
    for (int order = 0; order <= order_; ++order) {
      if (levels_[order] > levels_[order + 1] || levels_[order + 1] > C) return false;
      for (std::size_t i = levels_[order]; i < levels_[order + 1]; ++i) {
        if (keys_[i] >> DIGIT * order) return false;
        if (i > levels_[order] && keys_[i] <= keys_[i - 1]) return false;
      }
    }
    if (starts_[0] != 0 || starts_[C] != F) return false;
    constexpr float LEAST = 1.0f / 1099511627776.0f, MOST = 1099511627776.0f;  // 2^40: no product leaves the doubles
    for (std::size_t i = 0; i < C; ++i) {
      if (starts_[i] > starts_[i + 1] || starts_[i + 1] > F) return false;
      if (!(rest_[i] >= LEAST && rest_[i] <= MOST)) return false;
      for (std::size_t k = starts_[i]; k < starts_[i + 1]; ++k) {
        if (words_[k] >= VOCABULARY || (k > starts_[i] && words_[k] <= words_[k - 1])) return false;
        if (!(chances_[k] > 0.0f && chances_[k] <= 1.0f)) return false;
      }
    }
    for (const auto& bar : rhythm_)
      for (double weight : bar)
        if (!(std::isfinite(weight) && weight > 0)) return false;
    return true;
  }

  bool ready_ = false;
  int order_ = 0;
  std::uint32_t levels_[HIGHEST_ORDER + 2] = {};
  detail::Block<std::uint64_t> keys_;
  detail::Block<std::uint32_t> starts_;
  detail::Block<float> rest_;
  detail::Block<std::uint16_t> words_;
  detail::Block<float> chances_;
  detail::Block<char> text_;
  double rhythm_[METERS][BINS] = {};
};

// A source of words for WordModel: tables, and the last words as one number. Another source has these members as well:
// `Weights`, what it is prepared from, and `prepare`; `clear`, `hear`, `logits`; a `State` and room for it; a `Mark`, to
// which one goes back after at most `FURTHEST_BACK` words; `rhythm`.
class MarkovWords {
 public:
  using Weights = NGrams;

  // All that is remembered. `prepare` makes room, where that takes some.
  struct State {
    std::uint64_t history = 0;
    Status prepare(const MarkovWords&) noexcept { return Status::ok; }
  };

  Status prepare(const NGrams& ngrams) noexcept {
    ngrams_ = ngrams.ready() ? &ngrams : nullptr;
    return ngrams_ ? Status::ok : Status::unprepared;
  }
  const NGrams* weights() const noexcept { return ngrams_; }

  void clear() noexcept { history_ = 0; }
  void hear(int word) noexcept {
    constexpr std::uint64_t ALL = (std::uint64_t{1} << NGrams::DIGIT * NGrams::HIGHEST_ORDER) - 1;
    history_ = (history_ << NGrams::DIGIT | static_cast<std::uint64_t>(word)) & ALL;
  }

  // Logits of the next word, into out[VOCABULARY].
  void logits(double* out) noexcept {
    ngrams_->probabilities(history_, out);
    for (int w = 0; w < VOCABULARY; ++w) out[w] = std::log(out[w]);
  }

  void save(State& into) const noexcept { into.history = history_; }
  void load(const State& from) noexcept { history_ = from.history; }
  using Mark = State;
  void mark(Mark& here) const noexcept { save(here); }
  void rewind(const Mark& to) noexcept { load(to); }

  // How much likelier the beat makes an onset at `at` seconds.
  double rhythm(const Beat& beat, double at) const noexcept {
    const double bars = (at - beat.origin) / (60.0 / beat.tempo) / beat.meter;
    const auto place = static_cast<std::int64_t>(std::floor((bars - std::floor(bars)) * NGrams::BINS + 0.5));
    return std::pow(ngrams_->rhythm(beat.meter, static_cast<int>(place % NGrams::BINS)), beat.strength);
  }

 private:
  const NGrams* ngrams_ = nullptr;
  std::uint64_t history_ = 0;
};

// The numbers of a trained net of words, a GRU or a transformer, and its sizes.
class WordWeights {
 public:
  // As those of Weights.
  Status read(const void* data, std::size_t size) noexcept {
    WordWeights fresh;
    fresh.ways_ = ways_;
    const Status status = fresh.read_all(static_cast<const std::uint8_t*>(data), size);
    if (status == Status::ok) {
      *this = std::move(fresh);
    } else {
      *this = WordWeights();
    }
    return status;
  }

  Status read_file(const char* path) noexcept {
    *this = WordWeights();
    detail::Block<std::uint8_t> raw;
    const Status status = detail::read_whole(path, raw);
    return status == Status::ok ? read(raw.data(), raw.size()) : status;
  }

  // Forgo the processor's own ways of multiplying; for tests.
  void plainly() noexcept { ways_ = detail::Products(); }

  bool ready() const noexcept { return width_ > 0; }
  int width() const noexcept { return width_; }
  int layers() const noexcept { return layers_; }
  bool transformer() const noexcept { return window_ > 0; }
  bool eight_bits() const noexcept { return eight_; }
  // JSON: name, licence, lineage.
  const char* about() const noexcept { return text_.size() ? text_.data() : ""; }

 private:
  friend class NetWords;
  static constexpr std::uint64_t LARGEST_CACHE = 1u << 26;  // numbers

  // A layer of a transformer.
  struct Layer {
    detail::Block<float> norm1, norm2;
    detail::Matrix qkv, mix, gate_up, down;
  };

  Status read_all(const std::uint8_t* data, std::size_t size) noexcept {
    detail::TensorFile file{data, size};
    const Status status = file.open("ANTIWNET", text_);
    if (status != Status::ok) return status;
    if (!take_sizes(file.sizes)) return Status::foreign;
    eight_ = file.eight;
    take_codec(file);
    file.matrix("embed", "", -1, VOCABULARY, width_, false, embed_);
    if (transformer()) take_layers(file);
    else take_grus(file);
    file.row("norm", ".w", -1, width_, norm_w_);
    file.row("norm", ".b", -1, width_, norm_b_);
    file.matrix("out", "", -1, VOCABULARY, width_, true, out_);
    file.row("out", ".b", -1, VOCABULARY, out_b_);
    return file.close();
  }

  bool take_sizes(const std::uint64_t sizes[5]) noexcept {
    const std::uint64_t D = sizes[0], L = sizes[1], heads = sizes[2], window = sizes[3], hidden = sizes[4];
    if (!D || D > detail::WIDEST || !L || L > detail::DEEPEST) return false;
    if ((heads != 0) != (window != 0) || (heads != 0) != (hidden != 0)) return false;
    if (heads && (heads > D || D % (2 * heads) || hidden > 4 * detail::WIDEST)) return false;
    if (window > LARGEST_CACHE || 2 * L * D * window > LARGEST_CACHE) return false;
    width_ = static_cast<int>(D);
    layers_ = static_cast<int>(L);
    heads_ = static_cast<int>(heads);
    window_ = static_cast<int>(window);
    hidden_ = static_cast<int>(hidden);
    return true;
  }

  static void take_codec(detail::TensorFile& file) noexcept {
    constexpr std::uint32_t SPELLING[] = {VOCABULARY, BEGINNING,     NOTE_ON,    NOTE_OFF,     TIME_SHIFT,
                                          LONGEST_SHIFT, VELOCITY_WORD, LOUDNESSES, LONGEST_TOTAL};
    const std::uint8_t* tick = file.next("codec.tick", "", -1, 3, 1, 1);
    if (tick && std::fabs(detail::little_double(tick) - WORD_TICK) > 0.0) file.fail(Status::foreign);
    const std::uint8_t* words = file.next("codec.words", "", -1, 2, 1, 9);
    for (std::size_t i = 0; words && i < 9; ++i)
      if (detail::little(words + 4 * i, 4) != SPELLING[i]) file.fail(Status::foreign);
  }

  void take_grus(detail::TensorFile& file) noexcept {
    gru_.reset(new (std::nothrow) detail::Gru[static_cast<std::size_t>(layers_)]);
    if (!gru_) return void(file.fail(Status::no_memory));
    for (int i = 0; i < layers_ && file.status == Status::ok; ++i)
      gru_[static_cast<std::size_t>(i)].take(file, i, width_);
  }

  void take_layers(detail::TensorFile& file) noexcept {
    const int half = width_ / heads_ / 2;
    file.row("rates", "", -1, half, rates_);
    if (file.status != Status::ok) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(half); ++i)
      if (!(rates_[i] > 0 && rates_[i] <= 1)) return void(file.fail(Status::damaged));
    layer_.reset(new (std::nothrow) Layer[static_cast<std::size_t>(layers_)]);
    if (!layer_) return void(file.fail(Status::no_memory));
    for (int i = 0; i < layers_ && file.status == Status::ok; ++i) {
      Layer& layer = layer_[static_cast<std::size_t>(i)];
      file.row("norm1", "", i, width_, layer.norm1);
      file.matrix("qkv", "", i, 3 * width_, width_, true, layer.qkv);
      file.matrix("mix", "", i, width_, width_, true, layer.mix);
      file.row("norm2", "", i, width_, layer.norm2);
      file.matrix("gate_up", "", i, 2 * hidden_, width_, true, layer.gate_up);
      file.matrix("down", "", i, width_, hidden_, true, layer.down);
    }
  }

  int width_ = 0, layers_ = 0, heads_ = 0, window_ = 0, hidden_ = 0;
  bool eight_ = false;
  detail::Products ways_ = detail::Products::best();
  detail::Block<char> text_;
  detail::Matrix embed_, out_;
  detail::Block<float> rates_, norm_w_, norm_b_, out_b_;
  std::unique_ptr<detail::Gru[]> gru_;
  std::unique_ptr<Layer[]> layer_;
};

// A net as a source of words. A transformer's keys and values lie in a ring with room for the window and for the words
// of an event that is being drawn, so that going back from these is to forget how many there were.
class NetWords : private detail::Arithmetic {
 public:
  using Weights = WordWeights;

  // What is carried from word to word, without the ring.
  struct Mark {
    detail::Block<float> carried;
    std::int64_t count = 0;
    Status prepare(const NetWords& net) noexcept {
      return carried.make(net.carried_.size()) ? Status::ok : Status::no_memory;
    }
  };
  struct State {
    Mark mark;
    detail::Block<float> ring;
    Status prepare(const NetWords& net) noexcept {
      return ring.make(net.ring_.size()) ? mark.prepare(net) : Status::no_memory;
    }
  };

  Status prepare(const WordWeights& weights) noexcept {
    weights_ = nullptr;
    if (!weights.ready()) return Status::unprepared;
    const int D = weights.width_, hidden = weights.hidden_, window = weights.window_;
    const auto layers = static_cast<std::size_t>(weights.layers_);
    const bool made = carried_.make(up(D) * (weights.transformer() ? 1 : 1 + layers)) &&
                      make_scratch(weights.ways_, std::max(D, hidden), std::max({3 * D, 2 * hidden, VOCABULARY})) &&
                      cosines_.make(up(D)) && sines_.make(up(D)) && odds_.make(up(window)) &&
                      ring_.make(weights.transformer() ? 2 * layers * room(weights) : 0);
    if (!made) return Status::no_memory;
    weights_ = &weights;
    return Status::ok;
  }
  const WordWeights* weights() const noexcept { return weights_; }

  // As when nothing was heard.
  void clear() noexcept {
    std::fill_n(carried_.data(), carried_.size(), 0.0f);
    count_ = 0;
    hear(BEGINNING);
  }

  void hear(int word) noexcept {
#ifdef ANTIPHON_X86
    if (ways_->longer) return hear_longer(word);
#endif
    hear_any(word);
  }

  // Logits of the next word, into out[VOCABULARY].
  void logits(double* out) noexcept {
    const WordWeights& w = *weights_;
    norm(carried_.data(), w.width_, w.norm_w_.data(), w.norm_b_.data(), normed_.data());
    linear(w.out_, w.out_b_.data(), normed_.data(), fresh_.data());
    for (std::size_t i = 0; i < VOCABULARY; ++i) out[i] = static_cast<double>(fresh_[i]);
  }

  void mark(Mark& here) const noexcept {
    std::copy_n(carried_.data(), carried_.size(), here.carried.data());
    here.count = count_;
  }
  void rewind(const Mark& to) noexcept {
    std::copy_n(to.carried.data(), carried_.size(), carried_.data());
    count_ = to.count;
  }
  void save(State& into) const noexcept {
    mark(into.mark);
    std::copy_n(ring_.data(), ring_.size(), into.ring.data());
  }
  void load(const State& from) noexcept {
    rewind(from.mark);
    std::copy_n(from.ring.data(), ring_.size(), ring_.data());
  }

  // Nets of words know no beat.
  double rhythm(const Beat&, double) const noexcept { return 1.0; }

 private:
#ifdef ANTIPHON_X86
  __attribute__((target("avx2"))) void hear_longer(int word) noexcept { hear_any(word); }
#endif

  static std::int64_t places(const WordWeights& w) noexcept { return w.window_ + FURTHEST_BACK; }
  // Numbers that one layer's keys, or values, take.
  static std::size_t room(const WordWeights& w) noexcept {
    return static_cast<std::size_t>(places(w)) * static_cast<std::size_t>(w.width_);
  }

  ANTIPHON_INLINE void hear_any(int word) noexcept {
    const WordWeights& w = *weights_;
    const int D = w.width_;
    float* x = carried_.data();
    std::fill_n(x, D, 0.0f);
    add_row(w.embed_, word, 1.0f, x);
    if (w.transformer()) turn();
    for (int i = 0; i < w.layers_; ++i) {
      const auto layer = static_cast<std::size_t>(i);
      if (w.transformer()) {
        look_back(w.layer_[layer], ring_.data() + 2 * layer * room(w));
        think(w.layer_[layer]);
      } else {
        gru(w.gru_[layer], D, x, x + (1 + layer) * up(D));
      }
    }
    ++count_;
  }

  // Sines by Taylor's series: libraries of mathematics differ in their last bit.
  ANTIPHON_INLINE void turn() noexcept {
    // A quarter of a turn in two parts, the first of few enough bits for its multiples to be exact.
    constexpr double HIGH = 1.570796251296997, LOW = 7.549789954891882e-08, NEAREST = 6755399441055744.0;
    constexpr double SINE[] = {1.0, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800,
                               1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000,
                               -1.0 / 121645100408832000};
    constexpr double COSINE[] = {1.0, -1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600,
                                 -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000};
    const int half = weights_->width_ / weights_->heads_ / 2;
    for (std::size_t i = 0; i < static_cast<std::size_t>(half); ++i) {
      const double angle = static_cast<double>(count_) * static_cast<double>(weights_->rates_[i]);
      double quarters = angle * 0.6366197723675814 + NEAREST;
      quarters = quarters - NEAREST;
      double r = angle - quarters * HIGH;
      r = r - quarters * LOW;
      const double square = r * r;
      double sine = SINE[9], cosine = COSINE[9];
      for (int k = 9; k-- > 0;) {
        sine = sine * square + SINE[k];
        cosine = cosine * square + COSINE[k];
      }
      sine = sine * r;
      const auto place = static_cast<int>(static_cast<std::int64_t>(quarters) & 3);
      const double along = place % 2 ? sine : cosine, across = place % 2 ? cosine : sine;
      cosines_[i] = static_cast<float>(place == 1 || place == 2 ? -along : along);
      sines_[i] = static_cast<float>(place >= 2 ? -across : across);
    }
  }

  // A head's numbers turned, their halves being the parts of complex numbers.
  ANTIPHON_INLINE void turned(const float* __restrict x, float* __restrict y, int n) const noexcept {
    const int half = n / 2;
    const float* __restrict cosine = cosines_.data();
    const float* __restrict sine = sines_.data();
    for (int j = 0; j < half; ++j) {
      y[j] = x[j] * cosine[j] - x[half + j] * sine[j];
      y[half + j] = x[j] * sine[j] + x[half + j] * cosine[j];
    }
  }

  // Sum of a[i] b[i], or of a[i] alone, in eight lanes, each in order, then the lanes in order.
  ANTIPHON_INLINE static float product(const float* __restrict a, const float* __restrict b, int n) noexcept {
    float sum[8] = {};
    int i = 0;
    for (; i + 8 <= n; i += 8)
      for (int lane = 0; lane < 8; ++lane) sum[lane] += b ? a[i + lane] * b[i + lane] : a[i + lane];
    for (int lane = 0; i + lane < n; ++lane) sum[lane] += b ? a[i + lane] * b[i + lane] : a[i + lane];
    float all = 0;
    for (float s : sum) all += s;
    return all;
  }

  ANTIPHON_INLINE void root_norm(const float* __restrict x, const float* __restrict weight) noexcept {
    const int n = weights_->width_;
    const double scale = 1 / std::sqrt(lanes(x, n, 0.0, true) / n + 1e-6);
    float* __restrict y = normed_.data();
    for (int i = 0; i < n; ++i) y[i] = static_cast<float>(static_cast<double>(x[i]) * scale) * weight[i];
  }

  // Attention over the window, the word itself in it, the oldest first.
  ANTIPHON_INLINE void look_back(const WordWeights::Layer& layer, float* ring) noexcept {
    const WordWeights& w = *weights_;
    const int D = w.width_, d = D / w.heads_;
    const auto wide = static_cast<std::size_t>(D);
    float* x = carried_.data();
    root_norm(x, layer.norm1.data());
    linear(layer.qkv, nullptr, normed_.data(), fresh_.data());
    const float *q = fresh_.data(), *k = q + D, *v = k + D;
    const std::int64_t n_places = places(w);
    const auto place = static_cast<std::size_t>(count_ % n_places);
    float *keys = ring, *values = ring + room(w);
    std::memcpy(values + place * wide, v, wide * sizeof(float));
    const std::int64_t n = std::min(count_ + 1, std::int64_t{w.window_}), first = count_ + 1 - n;
    const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(d)));
    float *odds = odds_.data(), *asked = kept_.data();
    for (int h = 0; h < w.heads_; ++h) {
      const int from = h * d;
      turned(k + from, keys + place * wide + from, d);
      turned(q + from, asked, d);
      auto at = static_cast<std::size_t>(first % n_places);
      const auto beyond = static_cast<std::size_t>(n_places);
      float most = -std::numeric_limits<float>::infinity();
      for (std::size_t t = 0; t < static_cast<std::size_t>(n); ++t) {
        odds[t] = product(keys + at * wide + from, asked, d) * scale;
        most = most > odds[t] ? most : odds[t];
        if (++at == beyond) at = 0;
      }
      for (std::size_t t = 0; t < static_cast<std::size_t>(n); ++t) odds[t] = detail::exponential(odds[t] - most);
      const float total = product(odds, nullptr, static_cast<int>(n));
      float* __restrict seen = normed_.data() + from;
      std::fill_n(seen, d, 0.0f);
      at = static_cast<std::size_t>(first % n_places);
      for (std::size_t t = 0; t < static_cast<std::size_t>(n); ++t) {
        const float* __restrict value = values + at * wide + from;
        for (int j = 0; j < d; ++j) seen[j] += odds[t] * value[j];
        if (++at == beyond) at = 0;
      }
      for (int j = 0; j < d; ++j) seen[j] /= total;
    }
    linear(layer.mix, nullptr, normed_.data(), kept_.data());
    for (int j = 0; j < D; ++j) x[j] += kept_[static_cast<std::size_t>(j)];
  }

  // The feed-forward net, a SwiGLU.
  ANTIPHON_INLINE void think(const WordWeights::Layer& layer) noexcept {
    const int D = weights_->width_, hidden = weights_->hidden_;
    float* x = carried_.data();
    root_norm(x, layer.norm2.data());
    linear(layer.gate_up, nullptr, normed_.data(), fresh_.data());
    const float* __restrict gate = fresh_.data();
    const float* __restrict more = gate + hidden;
    float* __restrict inner = kept_.data();
    for (int j = 0; j < hidden; ++j) inner[j] = gate[j] * detail::sigmoid(gate[j]) * more[j];
    linear(layer.down, nullptr, inner, fresh_.data());
    for (int j = 0; j < D; ++j) x[j] += fresh_[static_cast<std::size_t>(j)];
  }

  const WordWeights* weights_ = nullptr;
  detail::Block<float> carried_;  // what the layers made of the last word, and a GRU's state
  detail::Block<float> ring_;     // layer after layer, keys and then values, each place as wide as the net
  std::int64_t count_ = 0;
  detail::Block<float> cosines_, sines_, odds_;
};

template <class Words>
class WordModel;

// All that a WordModel remembers. Prepared once, it is saved into and restored from without allocating.
template <class Words>
class WordSnapshot {
 public:
  Status prepare(const WordModel<Words>& model) noexcept {
    weights_ = nullptr;
    if (!model.ready_) return Status::unprepared;
    const Status status = words_.prepare(model.words_);
    if (status != Status::ok) return status;
    if (!held_.make(static_cast<std::size_t>(model.most_))) return Status::no_memory;
    weights_ = model.words_.weights();
    return model.save(*this);
  }

 private:
  friend class WordModel<Words>;
  const typename Words::Weights* weights_ = nullptr;
  typename Words::State words_;
  detail::Block<detail::Held> held_;
  int n_held_ = 0;
  bool started_ = false;
  std::int64_t tick_ = 0;
  double at_ = -NEVER;
};

// A model over one stream of events, all instruments but drums one keyboard. It hears no drums and strikes none. An
// event is drawn as words, each masked to those after which the event can still be completed; who plays is drawn by the
// voices' weights, and what the words leave open evenly.
template <class Words>
class WordModel : private detail::Stage {
 public:
  using Snapshot = WordSnapshot<Words>;
  using Stage::held;
  using Stage::now;
  using Stage::sounding;

  // As Model's.
  Status prepare(const typename Words::Weights& weights, int most_sounding = 1024) noexcept {
    ready_ = false;
    Status status = words_.prepare(weights);
    if (status == Status::ok) status = before_.prepare(words_);
    if (status != Status::ok) return status;
    if (!make_room(most_sounding) || !kept_.make(rows_.size()) || !logits_.make(VOCABULARY)) return Status::no_memory;
    ready_ = true;
    reset();
    return Status::ok;
  }

  // Remember nothing.
  void reset() noexcept {
    if (!ready_) return;
    silence();
    words_.clear();
  }

  // As Model's.
  Status feed(const Event& event) noexcept {
    if (!ready_) return Status::unprepared;
    return take_in(event, [this](const Event& e) { hear(e); });
  }

  // Draw the next event, without feeding it. `random` is called for numbers of [0, 1) where more than one value is
  // possible: for each shift, the velocity, the pitch, the instrument, the velocity within its bin, and the time within
  // its tick. The order of the fields is the spelling's, whatever the constraints say. Only scratch space changes.
  template <class R>
  Status sample(const Constraints& c, R&& random, Event& out) noexcept {
    if (!ready_) return Status::unprepared;
    const Status status = gather(c, WORD_TICK);
    if (status != Status::ok) return status;
    filter([](const detail::Row& row) { return !row.loudest || !is_drum(row.instrument); });
    if (!n_rows_) return Status::nothing_possible;
    words_.mark(before_);
    const bool drawn = walk(c, random, out);
    words_.rewind(before_);
    return drawn ? Status::ok : Status::broken;
  }

  Status save(Snapshot& into) const noexcept {
    if (!ready_ || into.weights_ != words_.weights() || into.held_.size() < static_cast<std::size_t>(n_held_))
      return Status::unprepared;
    words_.save(into.words_);
    std::copy_n(held_.data(), n_held_, into.held_.data());
    into.n_held_ = n_held_;
    into.started_ = started_;
    into.tick_ = tick_;
    into.at_ = at_;
    return Status::ok;
  }

  // Remember just what was remembered when `from` was saved.
  Status restore(const Snapshot& from) noexcept {
    if (!ready_ || from.weights_ != words_.weights() || from.n_held_ > most_) return Status::unprepared;
    words_.load(from.words_);
    std::copy_n(from.held_.data(), from.n_held_, held_.data());
    n_held_ = from.n_held_;
    started_ = from.started_;
    tick_ = from.tick_;
    at_ = from.at_;
    return Status::ok;
  }

 private:
  friend class WordSnapshot<Words>;
  static constexpr int SHIFTS = 1 + LONGEST_SHIFT;  // none, 1 to 31 ticks, 32 and more
  static constexpr int KINDS = 1 + LOUDNESSES;      // a release, and each bin of velocity

  static bool is_drum(int instrument) noexcept {
    return (instrument >= 128 && instrument < 256) || instrument >= 288;
  }

  void hear(const Event& event) noexcept {
    const double at = std::max(event.at, at_);
    enter(event, at);
    if (is_drum(event.instrument)) return;
    const std::int64_t tick = tick_of(at, WORD_TICK);
    const std::int64_t since = started_ ? std::max(tick - tick_, std::int64_t{0}) : 0;
    tick_ = started_ ? tick_ + since : tick;
    started_ = true;
    int left = static_cast<int>(std::min(since, std::int64_t{LONGEST_TOTAL}));
    for (; left >= LONGEST_SHIFT; left -= LONGEST_SHIFT) words_.hear(TIME_SHIFT + LONGEST_SHIFT - 1);
    if (left) words_.hear(TIME_SHIFT + left - 1);
    if (event.velocity) words_.hear(VELOCITY_WORD + event.velocity * LOUDNESSES / 128);
    words_.hear((event.velocity ? NOTE_ON : NOTE_OFF) + event.pitch);
  }

  // ---- the walk

  template <class R>
  bool walk(const Constraints& c, R&& random, Event& out) noexcept {
    asked_ = false;
    int total = 0;
    if (!draw_time(c, random, total)) return false;
    filter([&](const detail::Row& row) { return possible_at(row, total); });
    int kind = 0, pitch = 0, instrument = 0;
    if (!draw_kind(c, random, total, kind)) return false;
    keep_velocity(softest(kind), loudest(kind));
    if (!draw_pitch(c, random, kind, pitch)) return false;
    filter([&](const detail::Row& row) { return row.pitches.has(pitch); });
    if (!draw_instrument(c, random, kind, instrument)) return false;
    keep_instrument(instrument);
    if (n_rows_ != 1) return false;
    const detail::Row& row = rows_[0];
    int velocity = row.softest;
    if (row.softest < row.loudest) velocity += static_cast<int>((row.loudest - row.softest + 1) * random());
    out = Event{moment(row, total, random), instrument, pitch, velocity};
    return true;
  }

  // The velocities of a kind.
  static int softest(int kind) noexcept { return kind ? std::max(16 * (kind - 1), 1) : 0; }
  static int loudest(int kind) noexcept { return kind ? 16 * (kind - 1) + 15 : 0; }

  void span(const detail::Row& row, int& first, int& last) const noexcept {
    const auto total = [&](double at) {
      const std::int64_t ticks = tick_of(at, WORD_TICK) - origin_;
      return static_cast<int>(std::min(std::max(ticks, std::int64_t{0}), std::int64_t{LONGEST_TOTAL}));
    };
    first = std::isfinite(row.begin) ? total(row.begin) : 0;
    last = std::isfinite(row.end) ? total(row.end) : LONGEST_TOTAL;
  }

  bool possible_at(const detail::Row& row, int total) const noexcept {
    int first = 0, last = 0;
    span(row, first, last);
    return first <= total && total <= last;
  }

  // Logits of the next word, asked for only where there is something to choose.
  const double* heard() noexcept {
    if (!asked_) words_.logits(logits_.data());
    asked_ = true;
    return logits_.data();
  }

  void say(int word) noexcept {
    words_.hear(word);
    asked_ = false;
  }

  // The natural log of how much likelier the beat makes an onset after `total` ticks.
  double lifted(const Constraints& c, int total) const noexcept {
    if (!c.beat.known || c.beat.strength <= 0) return 0.0;
    return std::log(std::max(words_.rhythm(c.beat, static_cast<double>(origin_ + total) * WORD_TICK), 1e-9));
  }

  // Ticks since the last event. A quantile window is about all of them, so each shift leaves the next its part.
  template <class R>
  bool draw_time(const Constraints& c, R&& random, int& total) noexcept {
    std::fill_n(reachable_, LONGEST_TOTAL + 1, false);
    int latest = 0;
    for (int i = 0; i < n_rows_; ++i) {
      int first = 0, last = 0;
      span(rows_[static_cast<std::size_t>(i)], first, last);
      for (int t = first; t <= last; ++t) reachable_[t] = true;
      latest = std::max(latest, last);
    }
    Steer steer = c.steer[TIME];
    for (total = 0;;) {
      int shift = 0, ways = 0;
      for (int s = 0; s < SHIFTS; ++s) {
        mask_[s] = s < LONGEST_SHIFT ? total + s <= latest && reachable_[total + s] : total + s <= latest;
        if (!mask_[s]) continue;
        ++ways;
        shift = s;
      }
      if (ways > 1) {
        if (!score_shifts(c, total) || !odds_.weigh(scores_, mask_, SHIFTS, steer)) return false;
        shift = odds_.draw(odds_.full, SHIFTS, random());
        if (shift == LONGEST_SHIFT && (steer.low != 0.0 || steer.high != 1.0)) narrow(steer);
      }
      total += shift;
      if (shift) say(TIME_SHIFT + shift - 1);
      if (shift < LONGEST_SHIFT) return true;
    }
  }

  // A quantile window of all times as one of the times after the longest shift, which come last.
  void narrow(Steer& steer) noexcept {
    Steer whole = steer;
    whole.low = 0.0;
    whole.high = 1.0;
    if (!odds_.weigh(scores_, mask_, SHIFTS, whole)) return;
    double before = 0;
    for (int s = 0; s < LONGEST_SHIFT; ++s) before += odds_.full[s];
    const double rest = 1.0 - before;
    if (rest <= 0) return;
    steer.low = std::min(std::max((steer.low - before) / rest, 0.0), 1.0);
    steer.high = std::min(std::max((steer.high - before) / rest, 0.0), 1.0);
  }

  // Half of all events are onsets, so before it is known which the event is, a beat counts half.
  bool score_shifts(const Constraints& c, int total) noexcept {
    const double* logits = heard();
    std::fill_n(scores_, SHIFTS, 0.0);
    for (int s = 1; s < SHIFTS; ++s) scores_[s] = logits[TIME_SHIFT + s - 1];
    if (mask_[0]) {
      const int n = n_rows_;
      std::copy_n(rows_.data(), n, kept_.data());
      filter([&](const detail::Row& row) { return possible_at(row, total); });
      const bool scored = score_kinds(c, total);
      std::copy_n(kept_.data(), n, rows_.data());
      n_rows_ = n;
      int ways = 0;
      for (int k = 0; k < KINDS; ++k)
        if (kind_mask_[k]) together_[ways++] = kinds_[k];
      if (!scored || !together(ways, scores_[0])) return false;
    }
    if (!c.beat.known || c.beat.strength <= 0) return true;
    for (int s = 1; s < LONGEST_SHIFT; ++s)
      if (mask_[s]) scores_[s] += std::log(0.5 + 0.5 * std::exp(lifted(c, total + s)));
    return true;
  }

  // Scores of a release and of each bin of velocity, and which of them the rows allow.
  bool score_kinds(const Constraints& c, int total) noexcept {
    const double* logits = heard();
    const double more = lifted(c, total);
    std::fill_n(kind_mask_, KINDS, false);
    Pitches released = Pitches::none();
    for (int i = 0; i < n_rows_; ++i) {
      const detail::Row& row = rows_[static_cast<std::size_t>(i)];
      if (!row.loudest)
        for (int b = 0; b < 2; ++b) released.bits[b] |= row.pitches.bits[b];
      for (int k = 0; k < KINDS; ++k)
        if (row.softest <= loudest(k) && softest(k) <= row.loudest) kind_mask_[k] = true;
    }
    int ways = 0;
    for (int p = 0; p < PITCHES; ++p)
      if (released.has(p)) together_[ways++] = logits[NOTE_OFF + p];
    kinds_[0] = 0.0;
    if (ways && !together(ways, kinds_[0])) return false;
    for (int k = 1; k < KINDS; ++k) kinds_[k] = logits[VELOCITY_WORD + k - 1] + more;
    return true;
  }

  // The score of any of `together_`: the log of the sum of their exponentials.
  bool together(int n, double& score) noexcept {
    for (int i = 0; i < n; ++i)
      if (!std::isfinite(together_[i])) return false;
    const double most = *std::max_element(together_, together_ + n);
    for (int i = 0; i < n; ++i) together_[i] = std::exp(together_[i] - most);
    score = most + std::log(detail::pairwise(together_, n));
    return true;
  }

  // 0 for a release, else 1 plus the bin of the velocity. Steering is about onsets: releases keep their odds.
  template <class R>
  bool draw_kind(const Constraints& c, R&& random, int total, int& kind) noexcept {
    int ways = 0;
    for (int k = KINDS; k-- > 0;) {
      bool allowed = false;
      for (int i = 0; i < n_rows_ && !allowed; ++i) {
        const detail::Row& row = rows_[static_cast<std::size_t>(i)];
        allowed = row.softest <= loudest(k) && softest(k) <= row.loudest;
      }
      if (!allowed) continue;
      ++ways;
      kind = k;
    }
    if (ways > 1) {
      if (!score_kinds(c, total) || !weigh_kinds(c)) return false;
      kind = odds_.draw(odds_.full, KINDS, random());
    }
    if (kind) say(VELOCITY_WORD + kind - 1);
    return true;
  }

  bool weigh_kinds(const Constraints& c) noexcept {
    const Steer& steer = c.steer[VELOCITY];
    if (!kind_mask_[0] || std::find(kind_mask_ + 1, kind_mask_ + KINDS, true) == kind_mask_ + KINDS)
      return odds_.weigh(kinds_, kind_mask_, KINDS, steer);
    const double more = log_weight(c.onset_weight);
    std::copy_n(kinds_, KINDS, scores_);
    for (int k = 1; k < KINDS; ++k) scores_[k] += more;
    if (!odds_.weigh(scores_, kind_mask_, KINDS, Steer())) return false;
    const double silent = odds_.full[0];
    kind_mask_[0] = false;
    if (!odds_.weigh(kinds_, kind_mask_, KINDS, steer)) return false;
    for (int k = 0; k < KINDS; ++k) odds_.full[k] *= 1 - silent;
    odds_.full[0] = silent;
    return true;
  }

  template <class R>
  bool draw_pitch(const Constraints& c, R&& random, int kind, int& pitch) noexcept {
    Pitches keys = Pitches::none();
    for (int i = 0; i < n_rows_; ++i)
      for (int b = 0; b < 2; ++b) keys.bits[b] |= rows_[static_cast<std::size_t>(i)].pitches.bits[b];
    int ways = 0;
    for (int p = 0; p < PITCHES; ++p)
      if ((mask_[p] = keys.has(p))) {
        ++ways;
        pitch = p;
      }
    if (ways == 1) return true;
    const double* logits = heard() + (kind ? NOTE_ON : NOTE_OFF);
    if (!odds_.weigh(logits, mask_, PITCHES, kind ? c.steer[PITCH] : Steer())) return false;
    pitch = odds_.draw(odds_.full, PITCHES, random());
    return true;
  }

  template <class R>
  bool draw_instrument(const Constraints& c, R&& random, int kind, int& instrument) noexcept {
    std::fill_n(mask_, INSTRUMENTS, false);
    for (int i = 0; i < n_rows_; ++i) mask_[instrument = rows_[static_cast<std::size_t>(i)].instrument] = true;
    if (std::count(mask_, mask_ + INSTRUMENTS, true) == 1) return true;
    std::fill_n(scores_, INSTRUMENTS, 0.0);
    for (std::size_t i = 0; kind && i < c.n_voices; ++i)
      if (c.voices[i].weight != 1.0) scores_[c.voices[i].instrument] = log_weight(c.voices[i].weight);
    if (!odds_.weigh(scores_, mask_, INSTRUMENTS, c.steer[INSTRUMENT])) return false;
    instrument = odds_.draw(odds_.full, INSTRUMENTS, random());
    return true;
  }

  // A time drawn evenly from what the tick and the row allow.
  template <class R>
  double moment(const detail::Row& row, int total, R&& random) noexcept {
    const double middle = static_cast<double>(origin_ + total);
    const double begin = std::max(row.begin, (middle - 0.5) * WORD_TICK);
    const double end = std::min(row.end, (middle + 0.5) * WORD_TICK);
    if (!(end > begin)) return std::min(std::max(begin, row.begin), row.end);
    volatile double beyond = (end - begin) * random();  // volatile: not to be fused with the addition
    return begin + beyond;
  }

  bool ready_ = false;
  Words words_;

  // Scratch space of `sample`.
  typename Words::Mark before_;
  detail::Block<detail::Row> kept_;
  detail::Block<double> logits_;
  bool asked_ = false;
  bool reachable_[LONGEST_TOTAL + 1] = {};
  bool mask_[INSTRUMENTS] = {}, kind_mask_[KINDS] = {};
  double scores_[INSTRUMENTS] = {}, kinds_[KINDS] = {}, together_[PITCHES] = {};
};

using MarkovModel = WordModel<MarkovWords>;
using NetModel = WordModel<NetWords>;

}  // namespace antiphon

#endif
