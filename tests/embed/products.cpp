// Every way of multiplying that this processor has gives what the plain one gives: whole numbers exactly.
#include <cmath>
#include <cstdio>

#include "antiphon.hpp"

using namespace antiphon;

namespace {

Random numbers(1);

// Whole numbers of -127..127, the extremes among them as often as all others.
std::int8_t whole(bool extreme) {
  const int n = static_cast<int>(numbers() * 255) - 127;
  return static_cast<std::int8_t>(extreme ? (n < 0 ? -127 : 127) : n);
}

int differences(detail::FloatProduct floats, detail::WholeProduct wholes) {
  int wrong = 0;
  for (int columns = 4; columns <= 1024; columns += 4)
    for (int extreme = 0; extreme < 2; ++extreme) {
      const auto n = static_cast<std::size_t>(columns);
      detail::Block<std::int8_t> w, x;
      detail::Block<float> wf, xf;
      detail::Block<std::int32_t> sums;
      if (!w.make(16 * n) || !x.make(n) || !wf.make(16 * n) || !xf.make(n) || !sums.make(16)) return 1;
      for (std::size_t i = 0; i < 16 * n; ++i) {
        w[i] = whole(extreme);
        wf[i] = static_cast<float>(numbers() - 0.5);
        sums[i / 4 % 16] += 128 * w[i];
      }
      for (std::size_t i = 0; i < n; ++i) {
        x[i] = extreme ? w[i] : whole(false);
        xf[i] = static_cast<float>(numbers() - 0.5);
      }
      std::int32_t wanted[16], got[16];
      detail::whole_product(w.data(), x.data(), columns, sums.data(), wanted);
      wholes(w.data(), x.data(), columns, sums.data(), got);
      float close[16], near[16];
      detail::float_product(wf.data(), xf.data(), columns - extreme, close);
      floats(wf.data(), xf.data(), columns - extreme, near);
      for (int r = 0; r < 16; ++r) wrong += wanted[r] != got[r] || !(std::fabs(close[r] - near[r]) < 1e-4f);
    }
  return wrong;
}

}  // namespace

int main() {
  int wrong = 0, ways = 0;
  const auto compare = [&](detail::FloatProduct floats, detail::WholeProduct wholes) {
    wrong += differences(floats, wholes);
    ++ways;
  };
#ifdef ANTIPHON_X86
  using namespace detail;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) compare(float_product_avx2, whole_product_avx2);
  if (__builtin_cpu_supports("avx512f")) compare(float_product_avx512, whole_product);
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
    compare(float_product, whole_product_vnni);
#endif
  std::printf("%d ways beside the plain one, %d differences\n", ways, wrong);
  return wrong != 0;
}
