// Passes over feature maps in channels-last order that a training step of the light networks waits on, fused.
//
// A map is (N, H, W, C), C a multiple of 16, stored as float or bfloat16 and computed in float. "Affine" is a batch
// norm with its statistics put in: scale[c] * x + shift[c]. Sums over a map are kept in double, [C] each.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace {

constexpr int LANES = 16;
typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES)));
typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));

inline Vector load(const float* p) { Vector v; std::memcpy(&v, p, sizeof v); return v; }
inline void store(float* p, Vector v) { std::memcpy(p, &v, sizeof v); }

inline Vector load(const uint16_t* p) {
  Halves h;
  std::memcpy(&h, p, sizeof h);
  return (Vector)(__builtin_convertvector(h, Bits) << 16);
}
inline void store(uint16_t* p, Vector v) {  // to the nearest bfloat16, ties to even; NaN is kept one
  Bits bits = (Bits)v;
  Halves h = __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, Halves);
  std::memcpy(p, &h, sizeof h);
}

// x where `of` is above 0 or NaN, else 0.
inline Vector positive(Vector x, Vector of) { return (Vector)((Bits)x & ~(Bits)(of <= 0)); }

void add(const std::vector<float>& part, double* sums) {
  for (size_t i = 0; i < part.size(); i++) sums[i] += part[i];
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

constexpr int64_t BLOCK = 64;  // rows summed in float before they are added to the double sums

// Sums of x - origin and of its squares -> sums [2][C] of x and of its squares: a map far from 0 loses no digits.
void add_moments(const std::vector<float>& part, const std::vector<float>& origin, int64_t rows, double* sums) {
  int64_t channels = origin.size();
  for (int64_t c = 0; c < channels; c++) {
    double o = origin[c], sum = part[c];
    sums[c] += sum + rows * o;
    sums[channels + c] += part[channels + c] + 2 * o * sum + rows * o * o;
  }
}

// sums: [2][C], of x and of its squares.
template <class T>
void moments(const T* x, int64_t rows, int64_t channels, double* sums, int threads) {
  share(rows, threads, 2 * channels, sums, [=](int64_t first, int64_t last, double* mine) {
    std::vector<float> part(2 * channels), origin(channels);
    for (int64_t block = first; block < last; block += BLOCK) {
      int64_t end = std::min(block + BLOCK, last);
      for (int64_t c = 0; c < channels; c += LANES) {
        Vector sum = {}, squares = {}, o = load(x + block * channels + c);
        store(&origin[c], o);
        for (int64_t r = block; r < end; r++) {
          Vector v = load(x + r * channels + c) - o;
          sum += v;
          squares += v * v;
        }
        store(&part[c], sum);
        store(&part[channels + c], squares);
      }
      add_moments(part, origin, end - block, mine);
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
    std::vector<float> part(2 * channels);
    for (int64_t block = first; block < last; block += BLOCK) {
      int64_t end = std::min(block + BLOCK, last);
      for (int64_t c = 0; c < channels; c += LANES) {
        Vector sum = {}, products = {}, a = load(scale + c), b = load(shift + c);
        for (int64_t r = block; r < end; r++) {
          Vector v = load(x + r * channels + c), d = load(g + r * channels + c);
          if (relu) d = positive(d, a * v + b);
          sum += d;
          products += d * v;
        }
        store(&part[c], sum);
        store(&part[channels + c], products);
      }
      add(part, mine);
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

// Rows of float with a column of zeros at either side; rows are made in order and the last three are kept.
struct Window {
  int64_t width, channels, next = 0;
  std::vector<float> rows, zeros;
  Window(int64_t width, int64_t channels)
      : width(width), channels(channels), rows(3 * (width + 2) * channels), zeros((width + 2) * channels) {}
  float* row(int64_t i) { return &rows[i % 3 * (width + 2) * channels] + channels; }
  const float* get(int64_t i, int64_t count) { return i < 0 || i >= count ? &zeros[channels] : row(i); }
};

// d = depthwise 3x3 (stride S, padding 1, weight [9][C], bias) of ReLU(affine of e); sums [2][C] as of moments(d).
template <int S, class T>
void depthwise(const T* e, const float* scale, const float* shift, const float* weight, const float* bias, T* d,
               int64_t n, int64_t height, int64_t width, int64_t channels, double* sums, int threads) {
  int64_t rows = (height - 1) / S + 1, columns = (width - 1) / S + 1;
  share(n, threads, 2 * channels, sums, [=](int64_t first, int64_t last, double* mine) {
    Window window(width, channels);
    std::vector<float> part(2 * channels), origin(channels);
    for (int64_t image = first; image < last; image++) {
      window.next = 0;
      for (int64_t r = 0; r < rows; r++) {
        for (; window.next < std::min(r * S + 2, height); window.next++) {
          const T* from = e + (image * height + window.next) * width * channels;
          float* to = window.row(window.next);
          for (int64_t w = 0; w < width; w++)
            for (int64_t c = 0; c < channels; c += LANES) {
              Vector v = load(scale + c) * load(from + w * channels + c) + load(shift + c);
              store(to + w * channels + c, positive(v, v));
            }
        }
        const float* in[3];
        for (int k = 0; k < 3; k++) in[k] = window.get(r * S - 1 + k, height);
        T* out = d + (image * rows + r) * columns * channels;
        for (int64_t c = 0; c < channels; c += LANES) {
          Vector taps[9], sum = {}, squares = {}, b = load(bias + c);
          for (int k = 0; k < 9; k++) taps[k] = load(weight + k * channels + c);
          for (int64_t w = 0; w < columns; w++) {
            Vector v = b;
            for (int k = 0; k < 9; k++) v += taps[k] * load(in[k / 3] + (w * S - 1 + k % 3) * channels + c);
            store(out + w * channels + c, v);
            v = load(out + w * channels + c);  // as stored
            if (w == 0) store(&origin[c], v);
            v -= load(&origin[c]);
            sum += v;
            squares += v * v;
          }
          store(&part[c], sum);
          store(&part[channels + c], squares);
        }
        add_moments(part, origin, columns, mine);
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
    Window window(columns, channels);  // of the gradient at d
    std::vector<float> part(12 * channels);
    for (int64_t image = first; image < last; image++) {
      window.next = 0;
      for (int64_t r = 0; r < height; r++) {
        std::fill(part.begin() + 2 * channels, part.begin() + 3 * channels, 0.f);
        for (; window.next < std::min((r + 1) / S + 1, rows); window.next++) {
          int64_t row = (image * rows + window.next) * columns * channels;
          float* to = window.row(window.next);
          for (int64_t c = 0; c < channels; c += LANES) {
            Vector sum = {}, a = load(scale2 + c), b = load(shift2 + c), k0 = load(k + c),
                   k1 = load(k + channels + c), k2 = load(k + 2 * channels + c);
            for (int64_t i = c; i < columns * channels; i += channels) {
              Vector v = load(d + row + i);
              v = k0 * positive(load(g + row + i), a * v + b) + k1 * v + k2;
              store(to + i, v);
              sum += v;
            }
            store(&part[2 * channels + c], load(&part[2 * channels + c]) + sum);
          }
        }
        const float* in[3];  // the row of d that tap row k carries row r of e to
        for (int t = 0; t < 3; t++) in[t] = window.get((r + 1 - t) % S ? -1 : (r + 1 - t + S) / S - 1, rows);
        const T* from = e + (image * height + r) * width * channels;
        T* to = out + (image * height + r) * width * channels;
        for (int64_t c = 0; c < channels; c += LANES) {
          Vector taps[9], sum = {}, products = {}, a = load(scale + c), b = load(shift + c), weights[9] = {};
          for (int t = 0; t < 9; t++) taps[t] = load(weight + t * channels + c);
          auto pixel = [&](int64_t x, auto phase) {  // phase: x % S, which says what tap columns carry x anywhere
            Vector v = load(from + x * channels + c), normal = a * v + b, y = positive(normal, normal), gradient = {};
#pragma GCC unroll 9
            for (int t = 0; t < 9; t++) {
              if ((phase + 1 - t % 3) % S) continue;
              Vector carried = load(in[t / 3] + ((x + 1 - t % 3 + S) / S - 1) * channels + c);
              gradient += taps[t] * carried;
              weights[t] += y * carried;
            }
            store(to + x * channels + c, positive(gradient, normal));
            gradient = load(to + x * channels + c);  // as stored
            sum += gradient;
            products += gradient * v;
          };
          for (int64_t x = 0; x < width; x += S) {
            pixel(x, std::integral_constant<int, 0>());
            if (S == 2 && x + 1 < width) pixel(x + 1, std::integral_constant<int, 1>());
          }
          store(&part[c], sum);
          store(&part[channels + c], products);
          for (int t = 0; t < 9; t++) store(&part[(3 + t) * channels + c], weights[t]);
        }
        add(part, mine);
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
