#include <algorithm>
#include <cmath>
#include <complex>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

using Complex = std::complex<double>;

constexpr double kPi = 3.14159265358979323846;

// exp(sign * 2 pi i k / n) for k = 0 .. n - 1.
std::vector<Complex> RootsOfUnity(int64_t n, double sign) {
  std::vector<Complex> roots;
  for (int64_t k = 0; k < n; ++k)
    roots.push_back(
        std::polar(1.0, sign * 2 * kPi * static_cast<double>(k) / static_cast<double>(n)));
  return roots;
}

// y[k] = sum of x[j * stride] * roots[j * k], by the factors of n: roots are those of n * stride, the length of the whole.
void Transform(const Complex* x, int64_t n, int64_t stride, const std::vector<Complex>& roots,
               Complex* y) {
  if (n == 1) {
    y[0] = x[0];
    return;
  }
  int64_t factor = 2;
  while (factor * factor <= n && n % factor != 0) ++factor;
  if (n % factor != 0) factor = n;
  const int64_t part = n / factor, whole = n * stride;
  std::vector<Complex> parts(static_cast<size_t>(n));
  for (int64_t r = 0; r < factor; ++r)
    Transform(x + r * stride, part, stride * factor, roots, parts.data() + r * part);
  for (int64_t k = 0; k < n; ++k) {
    Complex sum = 0;
    for (int64_t r = 0; r < factor; ++r)
      sum += parts[r * part + k % part] * roots[r * k % n * stride % whole];
    y[k] = sum;
  }
}

std::vector<Complex> Transformed(const std::vector<Complex>& x, const std::vector<Complex>& roots) {
  std::vector<Complex> y(x.size());
  Transform(x.data(), static_cast<int64_t>(x.size()), 1, roots, y.data());
  return y;
}

// The whole spectrum of real numbers from its one side: of bins 0 and n / 2 only the real part counts.
void CompleteSpectrum(std::vector<Complex>* x) {
  const size_t n = x->size();
  (*x)[0] = (*x)[0].real();
  if (n % 2 == 0) (*x)[n / 2] = (*x)[n / 2].real();
  for (size_t k = n / 2 + 1; k < n; ++k) (*x)[k] = std::conj((*x)[n - k]);
}

// The determinant of a matrix of n rows, by elimination.
double Determinant(std::vector<double> m, int64_t n) {
  double product = 1;
  for (int64_t i = 0; i < n; ++i) {
    int64_t pivot = i;
    for (int64_t r = i + 1; r < n; ++r) {
      if (std::fabs(m[r * n + i]) > std::fabs(m[pivot * n + i])) pivot = r;
    }
    if (m[pivot * n + i] == 0) return 0;
    if (pivot != i) {
      std::swap_ranges(m.begin() + i * n, m.begin() + (i + 1) * n, m.begin() + pivot * n);
      product = -product;
    }
    product *= m[i * n + i];
    for (int64_t r = i + 1; r < n; ++r) {
      const double factor = m[r * n + i] / m[i * n + i];
      for (int64_t k = i; k < n; ++k) m[r * n + k] -= factor * m[i * n + k];
    }
  }
  return product;
}

}  // namespace

MIRIN_KERNEL(DFT) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const bool inverse = node.attrs().Bool("inverse"), onesided = node.attrs().Bool("onesided");
  const std::vector<int64_t> given_axis = Ints(c, 2), given_length = Ints(c, 1);
  const int axis = Axis(given_axis.empty() ? -2 : given_axis.front(), x.rank());
  const int64_t parts = x.dims[x.rank() - 1], in = x.dims[axis], out = y.dims[axis];
  const int64_t n = !given_length.empty() ? given_length[0]
                    : inverse && onesided ? 2 * (in - 1)
                                          : in;
  const int64_t read = std::min(in, inverse && onesided ? n / 2 + 1 : n);
  const std::vector<Complex> roots = RootsOfUnity(n, inverse ? 1 : -1);
  const std::vector<double> v = ReadAll<double>(x);
  std::vector<double> to(static_cast<size_t>(y.elements()));
  const AxisView from_axis(x.dims, axis), to_axis(y.dims, axis);  // inner counts the parts, too
  const int64_t inner = from_axis.inner / parts, y_parts = y.dims[y.rank() - 1];
  for (int64_t o = 0; o < from_axis.outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      std::vector<Complex> line(static_cast<size_t>(n), 0);
      for (int64_t k = 0; k < read; ++k) {
        const double* e = v.data() + ((o * in + k) * inner + i) * parts;
        line[k] = Complex(e[0], parts == 2 ? e[1] : 0);
      }
      if (inverse && onesided) CompleteSpectrum(&line);
      line = Transformed(line, roots);
      for (int64_t k = 0; k < out; ++k) {
        double* e = to.data() + ((o * out + k) * inner + i) * y_parts;
        const Complex value = inverse ? line[k] / static_cast<double>(n) : line[k];
        e[0] = value.real();
        if (y_parts == 2) e[1] = value.imag();
      }
    }
  }
  WriteAll(y, to);
  return absl::OkStatus();
}

MIRIN_KERNEL(STFT) {
  const TensorView &x = c.input(0), &y = c.output(0);
  const int64_t signal = x.dims[1], parts = x.dims[2], frames = y.dims[1], bins = y.dims[2];
  const std::vector<int64_t> given_step = Ints(c, 1), given_length = Ints(c, 3);
  const std::vector<double> v = ReadAll<double>(x), window = c.has_input(2)
                                                                 ? ReadAll<double>(c.input(2))
                                                                 : std::vector<double>();
  const int64_t n = !given_length.empty() ? given_length[0]
                    : c.has_input(2)      ? static_cast<int64_t>(window.size())
                                          : signal;
  if (c.has_input(2) && static_cast<int64_t>(window.size()) != n)
    return absl::InvalidArgumentError(
        absl::StrCat("a window of ", window.size(), " elements for frames of ", n));
  const std::vector<Complex> roots = RootsOfUnity(n, -1);
  std::vector<double> to;
  for (int64_t b = 0; b < x.dims[0]; ++b) {
    for (int64_t f = 0; f < frames; ++f) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      std::vector<Complex> line(static_cast<size_t>(n));
      for (int64_t k = 0; k < n; ++k) {
        const double* e = v.data() + (b * signal + f * given_step[0] + k) * parts;
        line[k] = Complex(e[0], parts == 2 ? e[1] : 0) * (window.empty() ? 1 : window[k]);
      }
      line = Transformed(line, roots);
      for (int64_t k = 0; k < bins; ++k) to.insert(to.end(), {line[k].real(), line[k].imag()});
    }
  }
  WriteAll(y, to);
  return absl::OkStatus();
}

MIRIN_KERNEL(MelWeightMatrix) {
  const TensorView& y = c.output(0);
  const int64_t rows = y.dims[0], bins = y.dims[1], length = Ints(c, 1).at(0),
                rate = Ints(c, 2).at(0);
  constexpr double kLn10 = 2.302585092994046;
  const auto mel = [](double hertz) { return 2595 * std::log1p(hertz / 700) / kLn10; };
  const double low = mel(ReadAll<double>(c.input(3)).at(0)),
               high = mel(ReadAll<double>(c.input(4)).at(0));
  if (!std::isfinite(low) || !std::isfinite(high))
    return absl::InvalidArgumentError("the edges are no frequencies");
  const double step = (high - low) / static_cast<double>(bins + 2);
  // Where triangle i begins, peaks and ends: points i, i + 1, i + 2.
  const auto point = [&](int64_t i) {
    const double hertz = 700 * std::expm1((low + step * static_cast<double>(i)) / 2595 * kLn10);
    return FromDouble<int64_t>(
        std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate)));
  };
  std::vector<double> out(static_cast<size_t>(y.elements()), 0);
  const auto set = [&](int64_t row, int64_t i, double value) {
    if (row >= 0 && row < rows) out[row * bins + i] = value;
  };
  for (int64_t i = 0; i < bins; ++i) {
    const int64_t begin = point(i), peak = point(i + 1), end = point(i + 2);
    for (int64_t row = std::max<int64_t>(0, begin); row < std::min(rows, peak); ++row) {
      set(row, i, static_cast<double>(row - begin) / static_cast<double>(peak - begin));
    }
    set(peak, i, 1);
    for (int64_t row = std::max<int64_t>(0, peak + 1); row < std::min(rows, end); ++row) {
      set(row, i, static_cast<double>(end - row) / static_cast<double>(end - peak));
    }
  }
  WriteAll(y, out);
  return absl::OkStatus();
}

MIRIN_KERNEL(MatrixDeterminant) {
  const TensorView& x = c.input(0);
  const int64_t n = x.dims[x.rank() - 1];
  const std::vector<double> v = ReadAll<double>(x);
  std::vector<double> out;
  for (int64_t k = 0; k < c.output(0).elements(); ++k)
    out.push_back(Determinant({v.begin() + k * n * n, v.begin() + (k + 1) * n * n}, n));
  WriteAll(c.output(0), out);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
