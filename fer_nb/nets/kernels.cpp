// Passes over feature maps in channels-last order that a training step of the light networks waits on, fused.
//
// A map is (N, H, W, C), C a multiple of 16, stored as float or bfloat16 and computed in float. "Affine" is a batch
// norm with its statistics put in: scale[c] * x + shift[c]. Sums over a map are kept in double, [C] each.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

namespace {

#if defined __AVX512F__  // as many floats as a register holds: GCC takes vectors wider than that apart, badly
constexpr int LANES = 16;
#elif defined __AVX__
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES)));
typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));

#ifdef __AVX512BF16__  // one or two instructions; GCC 12 makes up to six of the lines below
inline Vector widen(Halves h) { return (Vector)_mm512_cvtpbh_ps((__m256bh)h); }
inline Halves narrow(Vector v) { return (Halves)_mm512_cvtneps_pbh((__m512)v); }
#else
inline Vector widen(Halves h) { return (Vector)(__builtin_convertvector(h, Bits) << 16); }
inline Halves narrow(Vector v) {  // to the nearest bfloat16, ties to even; NaN is kept one
  Bits bits = (Bits)v;
  return __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, Halves);
}
#endif

inline Vector load(const float* p) { Vector v; std::memcpy(&v, p, sizeof v); return v; }
inline Vector load(const uint16_t* p) { Halves h; std::memcpy(&h, p, sizeof h); return widen(h); }

// Stores return the vector as stored.
inline Vector store(float* p, Vector v) { std::memcpy(p, &v, sizeof v); return v; }
inline Vector store(uint16_t* p, Vector v) {
  Halves h = narrow(v);
  std::memcpy(p, &h, sizeof h);
  return widen(h);
}

// x where `of` is above 0 or NaN, else 0.
inline Vector positive(Vector x, Vector of) { return of <= 0 ? Vector{} : x; }

void add(Vector v, double* sums) {
  for (int i = 0; i < LANES; i++) sums[i] += v[i];
}

// Runs body(first, last, sums) on a share of 0..count in each thread; the threads' sums are added in their order.
template <class Body>
void share(int64_t count, int threads, int64_t size, double* sums, Body body) {
  std::vector<double> parts(threads * size, 0.0);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int t = 0; t < threads; t++) body(count * t / threads, count * (t + 1) / threads, parts.data() + t * size);
  for (int64_t i = 0; i < size; i++)
    for (int t = 0; t < threads; t++) sums[i] += parts[t * size + i];
}

constexpr int64_t BLOCK = 64;  // pixels summed in float before they are added to the double sums
constexpr int64_t AHEAD = 2;   // rows (or blocks) that are prefetched: the processor does not foresee strides

// Sums of x - origin and of its squares over `count` pixels -> sums [2][channels], at one block of channels, of x and
// of its squares: a map far from 0 loses no digits.
void add_moments(Vector sum, Vector squares, Vector origin, int64_t count, int64_t channels, double* sums) {
  for (int i = 0; i < LANES; i++) {
    double o = origin[i], s = sum[i];
    sums[i] += s + count * o;
    sums[channels + i] += squares[i] + 2 * o * s + count * o * o;
  }
}

// sums: [2][C], of x and of its squares.
template <class T>
void moments(const T* x, int64_t rows, int64_t channels, double* sums, int threads) {
  share(rows, threads, 2 * channels, sums, [=](int64_t first, int64_t last, double* mine) {
    for (int64_t block = first; block < last; block += BLOCK) {
      int64_t end = std::min(block + BLOCK, last);
      for (int64_t c = 0; c < channels; c += LANES) {
        Vector sum = {}, squares = {}, origin = load(x + block * channels + c);
        for (int64_t i = block * channels + c; i < end * channels; i += channels) {
          __builtin_prefetch(x + i + AHEAD * BLOCK * channels);
          Vector v = load(x + i) - origin;
          sum += v;
          squares += v * v;
        }
        add_moments(sum, squares, origin, end - block, channels, mine + c);
      }
    }
  });
}

// y = affine of x, then ReLU where asked, then plus residual (may be null).
template <class T>
void affine(const T* x, const float* scale, const float* shift, const T* residual, bool relu, T* y, int64_t rows,
            int64_t channels, int threads) {
  share(rows, threads, 0, nullptr, [=](int64_t first, int64_t last, double*) {
    for (int64_t r = first; r < last; r++)
      for (int64_t c = 0; c < channels; c += LANES) {
        int64_t i = r * channels + c;
        Vector v = load(scale + c) * load(x + i) + load(shift + c);
        if (relu) v = positive(v, v);
        if (residual) v += load(residual + i);
        store(y + i, v);
      }
  });
}

// sums: [2][C], of the gradient g and of g * x, g taken as 0 where a ReLU after the affine is off.
template <class T>
void gradient_sums(const T* x, const T* g, const float* scale, const float* shift, bool relu, int64_t rows,
                   int64_t channels, double* sums, int threads) {
  share(rows, threads, 2 * channels, sums, [=](int64_t first, int64_t last, double* mine) {
    for (int64_t block = first; block < last; block += BLOCK) {
      int64_t end = std::min(block + BLOCK, last);
      for (int64_t c = 0; c < channels; c += LANES) {
        Vector sum = {}, products = {}, a = load(scale + c), b = load(shift + c);
        for (int64_t i = block * channels + c; i < end * channels; i += channels) {
          __builtin_prefetch(x + i + AHEAD * BLOCK * channels);
          __builtin_prefetch(g + i + AHEAD * BLOCK * channels);
          Vector v = load(x + i), d = load(g + i);
          if (relu) d = positive(d, a * v + b);
          sum += d;
          products += d * v;
        }
        add(sum, mine + c);
        add(products, mine + channels + c);
      }
    }
  });
}

// Gradient of a batch norm, [3][C] coefficients: out = k0 * g + k1 * x + k2; g as in gradient_sums. out may be g.
template <class T>
void normalised_gradient(const T* x, const T* g, const float* scale, const float* shift, const float* k, bool relu,
                         T* out, int64_t rows, int64_t channels, int threads) {
  share(rows, threads, 0, nullptr, [=](int64_t first, int64_t last, double*) {
    for (int64_t r = first; r < last; r++)
      for (int64_t c = 0; c < channels; c += LANES) {
        int64_t i = r * channels + c;
        Vector v = load(x + i), d = load(g + i);
        if (relu) d = positive(d, load(scale + c) * v + load(shift + c));
        store(out + i, load(k + c) * d + load(k + channels + c) * v + load(k + 2 * channels + c));
      }
  });
}

// Rows of a map as float at one block of channels, with a column of zeros at either side; rows are made in order and
// the last three are kept.
struct Window {
  int64_t width, next = 0;
  std::vector<Vector> rows, zeros;
  explicit Window(int64_t width) : width(width), rows(3 * (width + 2)), zeros(width + 2) {}
  Vector* row(int64_t i) { return &rows[i % 3 * (width + 2)] + 1; }
  const Vector* get(int64_t i, int64_t count) { return i < 0 || i >= count ? &zeros[1] : row(i); }
};

// d = depthwise 3x3 (stride S, padding 1, weight [9][C], bias) of ReLU(affine of e); sums [2][C] as of moments(d).
template <int S, class T>
void depthwise(const T* e, const float* scale, const float* shift, const float* weight, const float* bias, T* d,
               int64_t n, int64_t height, int64_t width, int64_t channels, double* sums, int threads) {
  int64_t rows = (height - 1) / S + 1, columns = (width - 1) / S + 1;
  share(n, threads, 2 * channels, sums, [=](int64_t first, int64_t last, double* mine) {
    Window window(width);
    for (int64_t image = first; image < last; image++)
      for (int64_t c = 0; c < channels; c += LANES) {
        Vector taps[9], a = load(scale + c), b = load(shift + c), offset = load(bias + c);
        for (int k = 0; k < 9; k++) taps[k] = load(weight + k * channels + c);
        Vector sum = {}, squares = {}, origin = {};
        int64_t count = 0;
        window.next = 0;
        for (int64_t r = 0; r < rows; r++) {
          for (; window.next < std::min(r * S + 2, height); window.next++) {
            const T* from = e + (image * height + window.next) * width * channels + c;
            Vector* to = window.row(window.next);
            for (int64_t w = 0; w < width; w++) {
              __builtin_prefetch(from + (w + AHEAD * width) * channels);
              Vector v = a * load(from + w * channels) + b;
              to[w] = positive(v, v);
            }
          }
          const Vector* in[3];
          for (int k = 0; k < 3; k++) in[k] = window.get(r * S - 1 + k, height);
          T* out = d + (image * rows + r) * columns * channels + c;
          for (int64_t w = 0; w < columns; w++) {
            __builtin_prefetch(out + (w + AHEAD * columns) * channels, 1);
            Vector v = offset;
            for (int k = 0; k < 9; k++) v += taps[k] * in[k / 3][w * S - 1 + k % 3];
            v = store(out + w * channels, v);
            if (count == 0 && w == 0) origin = v;
            v -= origin;
            sum += v;
            squares += v * v;
          }
          count += columns;
          if (count >= BLOCK || r == rows - 1) {
            add_moments(sum, squares, origin, count, channels, mine + c);
            sum = squares = Vector{};
            count = 0;
          }
        }
      }
  });
}

// The way back through ReLU(affine of e) -> depthwise -> batch norm of d -> ReLU. g is the gradient after the last
// ReLU, scale2 and shift2 its affine, k its coefficients as in normalised_gradient. out: gradient at affine of e.
// sums: [12][C]: of out, of out * e, of the gradient at d (the bias's), and the nine of the weight.
template <int S, class T>
void depthwise_backward(const T* e, const float* scale, const float* shift, const float* weight, const T* d,
                        const T* g, const float* scale2, const float* shift2, const float* k, T* out, int64_t n,
                        int64_t height, int64_t width, int64_t channels, double* sums, int threads) {
  int64_t rows = (height - 1) / S + 1, columns = (width - 1) / S + 1;
  share(n, threads, 12 * channels, sums, [=](int64_t first, int64_t last, double* mine) {
    Window window(columns);  // of the gradient at d
    for (int64_t image = first; image < last; image++)
      for (int64_t c = 0; c < channels; c += LANES) {
        Vector taps[9], totals[12] = {}, a = load(scale + c), b = load(shift + c);
        for (int t = 0; t < 9; t++) taps[t] = load(weight + t * channels + c);
        int64_t count = 0;
        window.next = 0;
        auto row = [&](int64_t r, auto down) {  // down: r % S
          for (; window.next < std::min((r + 1) / S + 1, rows); window.next++) {
            const T* from = d + (image * rows + window.next) * columns * channels + c;
            const T* behind = g + (from - d);
            Vector *to = window.row(window.next), sum = {}, a2 = load(scale2 + c), b2 = load(shift2 + c),
                   k0 = load(k + c), k1 = load(k + channels + c), k2 = load(k + 2 * channels + c);
            for (int64_t w = 0; w < columns; w++) {
              __builtin_prefetch(from + (w + AHEAD * columns) * channels);
              __builtin_prefetch(behind + (w + AHEAD * columns) * channels);
              Vector v = load(from + w * channels);
              to[w] = k0 * positive(load(behind + w * channels), a2 * v + b2) + k1 * v + k2;
              sum += to[w];
            }
            totals[2] += sum;
          }
          const Vector* in[3];  // the row of d that tap row k carries row r of e to
          for (int t = 0; t < 3; t++) in[t] = window.get((r + 1 - t + S) / S - 1, rows);
          const T* from = e + (image * height + r) * width * channels + c;
          T* to = out + (from - e);
          Vector sum = {}, products = {}, weights[9] = {};
          auto pixel = [&](int64_t x, auto right) {  // right: x % S
            __builtin_prefetch(from + (x + AHEAD * width) * channels);
            __builtin_prefetch(to + (x + AHEAD * width) * channels, 1);
            Vector v = load(from + x * channels), normal = a * v + b, y = positive(normal, normal), gradient = {};
#pragma GCC unroll 9
            for (int t = 0; t < 9; t++) {
              if ((down + 1 - t / 3) % S || (right + 1 - t % 3) % S) continue;  // the tap carries no such pixel
              Vector carried = in[t / 3][(x + 1 - t % 3 + S) / S - 1];
              gradient += taps[t] * carried;
              weights[t] += y * carried;
            }
            gradient = store(to + x * channels, positive(gradient, normal));
            sum += gradient;
            products += gradient * v;
          };
          for (int64_t x = 0; x < width; x += S) {
            pixel(x, std::integral_constant<int, 0>());
            if (S == 2 && x + 1 < width) pixel(x + 1, std::integral_constant<int, 1>());
          }
          totals[0] += sum;
          totals[1] += products;
          for (int t = 0; t < 9; t++) totals[3 + t] += weights[t];
          count += width;
          if (count >= BLOCK || r == height - 1) {
            for (int i = 0; i < 12; i++) add(totals[i], mine + i * channels + c);
            std::fill(totals, totals + 12, Vector{});
            count = 0;
          }
        };
        for (int64_t r = 0; r < height; r += S) {
          row(r, std::integral_constant<int, 0>());
          if (S == 2 && r + 1 < height) row(r + 1, std::integral_constant<int, 1>());
        }
      }
  });
}

}  // namespace

#define EXPORT(T, NAME)                                                                                               \
  extern "C" void moments_##NAME(const T* x, int64_t rows, int64_t channels, double* sums, int threads) {             \
    moments(x, rows, channels, sums, threads);                                                                        \
  }                                                                                                                   \
  extern "C" void affine_##NAME(const T* x, const float* scale, const float* shift, const T* residual, int relu,      \
                                T* y, int64_t rows, int64_t channels, int threads) {                                  \
    affine(x, scale, shift, residual, relu, y, rows, channels, threads);                                              \
  }                                                                                                                   \
  extern "C" void gradient_sums_##NAME(const T* x, const T* g, const float* scale, const float* shift, int relu,      \
                                       int64_t rows, int64_t channels, double* sums, int threads) {                   \
    gradient_sums(x, g, scale, shift, relu, rows, channels, sums, threads);                                           \
  }                                                                                                                   \
  extern "C" void normalised_gradient_##NAME(const T* x, const T* g, const float* scale, const float* shift,          \
                                             const float* k, int relu, T* out, int64_t rows, int64_t channels,        \
                                             int threads) {                                                           \
    normalised_gradient(x, g, scale, shift, k, relu, out, rows, channels, threads);                                   \
  }                                                                                                                   \
  extern "C" void depthwise_##NAME(const T* e, const float* scale, const float* shift, const float* weight,           \
                                   const float* bias, T* d, int64_t n, int64_t height, int64_t width,                 \
                                   int64_t channels, int stride, double* sums, int threads) {                         \
    (stride == 1 ? depthwise<1, T> : depthwise<2, T>)(e, scale, shift, weight, bias, d, n, height, width, channels,   \
                                                      sums, threads);                                                 \
  }                                                                                                                   \
  extern "C" void depthwise_backward_##NAME(                                                                          \
      const T* e, const float* scale, const float* shift, const float* weight, const T* d, const T* g,                \
      const float* scale2, const float* shift2, const float* k, T* out, int64_t n, int64_t height, int64_t width,     \
      int64_t channels, int stride, double* sums, int threads) {                                                      \
    (stride == 1 ? depthwise_backward<1, T> : depthwise_backward<2, T>)(                                              \
        e, scale, shift, weight, d, g, scale2, shift2, k, out, n, height, width, channels, sums, threads);            \
  }

EXPORT(float, float32)
EXPORT(uint16_t, bfloat16)
