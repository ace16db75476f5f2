// Passes over feature maps in channels-last order that a training step of the light networks waits on, fused.
//
// A map is (N, H, W, C), stored as float or bfloat16 and computed in float. "Affine" is a batch norm with its
// statistics put in: scale[c] * x + shift[c]. Sums over a map are kept in double, [C] each. C is a multiple of 16,
// except in the passes of searched cells. There a map may also be a slice of the channels of a wider one: its pixels
// are `step` apart.

#include <algorithm>
#include <cmath>
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

// The same of the first `count` channels alone, where a map has fewer left.
template <class T>
inline Vector load(const T* p, int64_t count) {
  if (count >= LANES) return load(p);
  T part[LANES] = {};
  std::memcpy(part, p, count * sizeof(T));
  return load(part);
}

template <class T>
inline Vector store(T* p, Vector v, int64_t count) {
  if (count >= LANES) return store(p, v);
  T part[LANES];
  v = store(part, v);
  std::memcpy(p, part, count * sizeof(T));
  return v;
}

inline int64_t blocks(int64_t channels) { return (channels + LANES - 1) / LANES; }

void add(Vector v, double* sums, int64_t count = LANES) {
  for (int64_t i = 0; i < std::min<int64_t>(count, LANES); i++) sums[i] += v[i];
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

// sums: [2][C], of the gradient g and of g * x, g taken as 0 where a ReLU after the affine is off; g may be a slice.
template <class T>
void gradient_sums(const T* x, const T* g, int64_t g_step, const float* scale, const float* shift, bool relu,
                   int64_t rows, int64_t channels, double* sums, int threads) {
  share(rows, threads, 2 * channels, sums, [=](int64_t first, int64_t last, double* mine) {
    for (int64_t block = first; block < last; block += BLOCK) {
      int64_t end = std::min(block + BLOCK, last);
      for (int64_t c = 0; c < channels; c += LANES) {
        int64_t lanes = channels - c;
        Vector sum = {}, products = {}, a = load(scale + c, lanes), b = load(shift + c, lanes);
        for (int64_t r = block; r < end; r++) {
          const T *from = x + r * channels + c, *behind = g + r * g_step + c;
          __builtin_prefetch(from + AHEAD * BLOCK * channels);
          __builtin_prefetch(behind + AHEAD * BLOCK * g_step);
          Vector v = load(from, lanes), d = load(behind, lanes);
          if (relu) d = positive(d, a * v + b);
          sum += d;
          products += d * v;
        }
        add(sum, mine + c, lanes);
        add(products, mine + channels + c, lanes);
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

// The passes of searched cells (cells.py).

// Sums of a map's values and squares while it is made, pixel by pixel, at one block of channels.
struct Moments {
  Vector sum = {}, squares = {}, origin = {};
  int64_t count = 0;
  void take(Vector v) {
    if (count++ == 0) origin = v;
    v -= origin;
    sum += v;
    squares += v * v;
  }
  void add_to(double* sums, int64_t channels, int64_t lanes) {
    double both[2 * LANES] = {};
    add_moments(sum, squares, origin, count, LANES, both);
    for (int64_t i = 0; i < std::min<int64_t>(lanes, LANES); i++) {
      sums[i] += both[i];
      sums[channels + i] += both[LANES + i];
    }
  }
};

// A product of matrices takes floats or, where the processor multiplies them twice as fast, pairs of bfloat16, whose two
// products are added. Rows of LANES numbers lie in memory as `Row`; PER numbers are one factor.
template <class F>
constexpr int64_t PER = std::is_same_v<F, float> ? 1 : 2;
template <class F>
using Row = std::conditional_t<std::is_same_v<F, float>, Vector, Halves>;
inline void put(Vector& to, Vector v) { to = v; }
inline void put(Halves& to, Vector v) { to = narrow(v); }
inline Vector add_product(Vector total, float left, Vector right) { return total + left * right; }

// How many factors `count` numbers are.
template <class F>
int64_t factors(int64_t count) { return (count + PER<F> - 1) / PER<F>; }

// Rows as the right factor of `product`, of `vectors` * LANES columns; pairs are of two rows that follow each other.
inline const float* right_factor(const Vector* rows, int64_t, int64_t, std::vector<Vector>&) { return (float*)rows; }

#ifdef __AVX512BF16__
struct __attribute__((may_alias)) Pair { uint32_t both; };  // what it reads was written as other types
template <class T>
using Factor = std::conditional_t<std::is_same_v<T, uint16_t>, Pair, float>;

inline Bits load(const Pair* p) { Bits v; std::memcpy(&v, p, sizeof v); return v; }
inline Vector add_product(Vector total, Pair left, Bits right) {
  return (Vector)_mm512_dpbf16_ps((__m512)total, (__m512bh)(Bits{} + left.both), (__m512bh)right);
}

const Pair* right_factor(const Halves* rows, int64_t count, int64_t vectors, std::vector<Vector>& room) {
  room.resize((count + 1) / 2 * vectors);
  for (int64_t r = 0; r < count; r += 2)
    for (int64_t v = 0; v < vectors; v++) {
      Halves first = rows[r * vectors + v], second = r + 1 < count ? rows[(r + 1) * vectors + v] : Halves{};
      Bits pairs = __builtin_convertvector(first, Bits) | __builtin_convertvector(second, Bits) << 16;
      room[r / 2 * vectors + v] = (Vector)pairs;
    }
  return (Pair*)room.data();
}
#else
template <class T>
using Factor = float;
#endif

// Product of matrices: out[r][c] = sum over k of a[r * down + k * along] * b[k][c], added to what is in `out` where
// `more`, for a tile of ROWS x VECTORS * LANES. `b` and `out` have rows of `wide` and `out_wide` numbers.
template <int ROWS, int VECTORS, class F>
inline void tile(const F* a, int64_t down, int64_t along, const F* b, int64_t wide, float* out, int64_t out_wide,
                 int64_t depth, bool more) {
  Vector totals[ROWS][VECTORS] = {};
  for (int64_t k = 0; k < depth; k++) {
    decltype(load(b)) right[VECTORS];
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++) right[v] = load(b + k * wide + v * LANES);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
      F left = a[r * down + k * along];
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS; v++) totals[r][v] = add_product(totals[r][v], left, right[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
    for (int v = 0; v < VECTORS; v++) {
      float* to = out + r * out_wide + v * LANES;
      store(to, more ? load(to) + totals[r][v] : totals[r][v]);
    }
}

constexpr int TILE = LANES == 16 ? 8 : 4;  // rows: with two vectors each they fill half of the registers

template <int VECTORS, class F>
void columns(const F* a, int64_t down, int64_t along, const F* b, int64_t wide, float* out, int64_t out_wide,
             int64_t rows, int64_t depth, bool more) {
  int64_t r = 0;
  for (; r + TILE <= rows; r += TILE)
    tile<TILE, VECTORS>(a + r * down, down, along, b, wide, out + r * out_wide, out_wide, depth, more);
  if (r < rows && rows >= TILE && !more) {  // the last rows again with some before them
    r = rows - TILE;
    tile<TILE, VECTORS>(a + r * down, down, along, b, wide, out + r * out_wide, out_wide, depth, more);
  } else {
    for (; r < rows; r++)
      tile<1, VECTORS>(a + r * down, down, along, b, wide, out + r * out_wide, out_wide, depth, more);
  }
}

// As `tile`, for `rows` rows and `vectors` * LANES columns.
template <class F>
void product(const F* a, int64_t down, int64_t along, const F* b, int64_t wide, float* out, int64_t out_wide,
             int64_t rows, int64_t depth, int64_t vectors, bool more) {
  for (; vectors >= 2; vectors -= 2, b += 2 * LANES, out += 2 * LANES)
    columns<2>(a, down, along, b, wide, out, out_wide, rows, depth, more);
  if (vectors) columns<1>(a, down, along, b, wide, out, out_wide, rows, depth, more);
}

// The geometry of a pass over windows, padded so that stride 1 keeps the resolution; `offset` moves them by that many
// pixels, down and to the right.
struct Geometry {
  int64_t n, height, width, stride, offset;
  int64_t rows() const { return (height - 1) / stride + 1; }
  int64_t columns() const { return (width - 1) / stride + 1; }
};

// One picture's map at one block of channels, with a border on all sides and a pixel more at the end, for the offset.
struct Padded {
  int64_t border, across;
  std::vector<Vector> pixels;
  Padded(const Geometry& g, int64_t border, Vector value)
      : border(border), across(g.width + 2 * border + 1), pixels((g.height + 2 * border + 1) * across, value) {}
  Vector* at(int64_t r, int64_t c) { return &pixels[(r + border) * across + c + border]; }
};

inline Vector constant(float value) { return Vector{} + value; }

// Fills the inside of `map` with change(v) of each pixel of a picture at `from`.
template <class T, class Change>
inline void fill(Padded& map, const T* from, int64_t step, int64_t lanes, const Geometry& g, Change change) {
  for (int64_t r = 0; r < g.height; r++, from += g.width * step) {
    Vector* to = map.at(r, 0);
    for (int64_t w = 0; w < g.width; w++) {
      __builtin_prefetch(from + (w + AHEAD * g.width) * step);
      to[w] = change(load(from + w * step, lanes));
    }
  }
}

// How many pixels of the picture a 3x3 pool has at output (r, w).
inline float pooled(const Geometry& g, int64_t r, int64_t w) {
  auto count = [&](int64_t i, int64_t size) {
    return std::min(i * g.stride + 2, size) - std::max<int64_t>(i * g.stride - 1, 0);
  };
  return count(r, g.height) * count(w, g.width);
}

// The first pixel that the taps see whose centre is (r, c).
template <int K, int D>
inline Vector* corner(Padded& map, int64_t r, int64_t c) {
  return map.at(r - D * (K / 2), c - D * (K / 2));
}

// Depthwise convolution of what is in `map`, with a border of D * (K / 2); its pixels go to `out`, `step` apart. Not
// inlined, as the next function: each needs all registers.
template <int K, int D, class R>
__attribute__((noinline)) void convolve(Padded& map, const Vector* taps, const Geometry& g, R* out, int64_t step) {
  Vector local[K * K];
  std::copy_n(taps, K * K, local);
  int64_t across = map.across;
  for (int64_t r = 0; r < g.rows(); r++) {
    const Vector* from = corner<K, D>(map, r * g.stride + g.offset, g.offset);
    for (int64_t c = 0; c < g.columns(); c++, from += g.stride, out += step) {
      Vector v = {};
#pragma GCC unroll 25
      for (int k = 0; k < K * K; k++) v += local[k] * from[k / K * D * across + k % K * D];
      put(*out, v);
    }
  }
}

// The gradients of its taps, from `behind`, that of its output.
template <int K, int D>
__attribute__((noinline)) void gradients(Padded& map, const Vector* behind, const Geometry& g, Vector* of_taps) {
  Vector totals[K * K] = {};
  int64_t across = map.across;
  for (int64_t r = 0; r < g.rows(); r++) {
    const Vector* from = corner<K, D>(map, r * g.stride + g.offset, g.offset);
    for (int64_t c = 0; c < g.columns(); c++, from += g.stride, behind++) {
      Vector v = *behind;
#pragma GCC unroll 25
      for (int k = 0; k < K * K; k++) totals[k] += v * from[k / K * D * across + k % K * D];
    }
  }
  std::copy_n(totals, K * K, of_taps);
}

// The taps [inputs][K * K] by block of inputs, a row for each tap.
template <int K>
std::vector<Vector> by_block(const float* taps, int64_t inputs) {
  std::vector<Vector> found(blocks(inputs) * K * K);
  for (int64_t i = 0; i < inputs; i++)
    for (int k = 0; k < K * K; k++) found[i / LANES * K * K + k][i % LANES] = taps[i * K * K + k];
  return found;
}

// A matrix as rows of blocks(columns) * LANES numbers; value(r, c) is one of it.
template <class R, class Value>
std::vector<R> matrix(int64_t rows, int64_t columns, Value value) {
  std::vector<R> found(rows * blocks(columns));
  for (int64_t i = 0; i < (int64_t)found.size(); i++) {
    Vector row = {};
    int64_t r = i / blocks(columns), c = i % blocks(columns) * LANES;
    for (int64_t lane = 0; lane < std::min<int64_t>(columns - c, LANES); lane++) row[lane] = value(r, c + lane);
    put(found[i], row);
  }
  return found;
}

// z = 1x1 convolution (weight [outputs][inputs]) of the depthwise one (K x K, dilation D, taps [inputs][K * K]) of
// ReLU(affine of x), whose scale and shift may be null; sums [2][outputs] as of moments(z). Unlike `depthwise`, a
// picture at a time: what is between the two convolutions stays in the caches and is computed again on the way back.
template <int K, int D, class T>
void separable(const T* x, int64_t x_step, const float* scale, const float* shift, const float* taps,
               const float* weight, T* z, int64_t z_step, const Geometry& g, int64_t inputs, int64_t outputs,
               double* sums, int threads) {
  using F = Factor<T>;
  int64_t pixels = g.rows() * g.columns(), in = blocks(inputs) * LANES, out = blocks(outputs) * LANES;
  auto kernel = by_block<K>(taps, inputs);
  auto transposed = matrix<Row<F>>(inputs, outputs, [=](int64_t i, int64_t o) { return weight[o * inputs + i]; });
  std::vector<Vector> room;
  const F* right = right_factor(transposed.data(), inputs, out / LANES, room);
  share(g.n, threads, 2 * outputs, sums, [&](int64_t first, int64_t last, double* mine) {
    Padded y(g, D * (K / 2), Vector{});
    std::vector<Row<F>> middle(pixels * in / LANES);
    std::vector<Vector> made(pixels * out / LANES);
    for (int64_t image = first; image < last; image++) {
      for (int64_t c = 0; c < inputs; c += LANES) {
        int64_t lanes = inputs - c;
        Vector a = scale ? load(scale + c, lanes) : constant(1), b = shift ? load(shift + c, lanes) : Vector{};
        const T* from = x + image * g.height * g.width * x_step + c;
        fill(y, from, x_step, lanes, g, [=](Vector v) { return positive(a * v + b, a * v + b); });
        convolve<K, D>(y, &kernel[c / LANES * K * K], g, &middle[c / LANES], in / LANES);
      }
      product((F*)middle.data(), in / PER<F>, 1, right, out, (float*)made.data(), out, pixels, factors<F>(inputs),
              out / LANES, false);
      for (int64_t c = 0; c < outputs; c += LANES) {
        int64_t lanes = outputs - c;
        Moments moments;
        T* to = z + image * pixels * z_step + c;
        for (int64_t p = 0; p < pixels; p++)
          moments.take(store(to + p * z_step, made[(p * out + c) / LANES], lanes));
        moments.add_to(mine + c, outputs, lanes);
      }
    }
  });
}

// The way back through `separable` and the batch norm of z: d is the gradient behind that norm, k its coefficients as
// in normalised_gradient. into: gradient at the affine of x, added to what is there where `more`; sums [2][inputs], of
// `into` and of `into` * x. of_taps and of_weight are laid out as taps and weight; one that is null is not computed.
template <int K, int D, class T>
void separable_backward(const T* x, int64_t x_step, const float* scale, const float* shift, const float* taps,
                        const float* weight, const T* z, int64_t z_step, const T* d, int64_t d_step, const float* k,
                        T* into, int64_t into_step, bool more, const Geometry& g, int64_t inputs, int64_t outputs,
                        float* of_taps, float* of_weight, double* sums, int threads) {
  using F = Factor<T>;
  int64_t pixels = g.rows() * g.columns(), in = blocks(inputs) * LANES, out = blocks(outputs) * LANES;
  auto kernel = by_block<K>(taps, inputs), turned = kernel;
  for (size_t i = 0; i < kernel.size(); i++) turned[i] = kernel[i + K * K - 1 - 2 * (i % (K * K))];
  auto rows = matrix<Row<F>>(outputs, inputs, [=](int64_t o, int64_t i) { return weight[o * inputs + i]; });
  std::vector<Vector> room;
  const F* right = right_factor(rows.data(), outputs, in / LANES, room);
  std::vector<double> found((2 + K * K + outputs) * inputs);  // sums, of the taps and of the weight, [inputs] each
  share(g.n, threads, found.size(), found.data(), [&](int64_t first, int64_t last, double* mine) {
    Padded y(g, D * (K / 2), Vector{}), spread = y;  // `spread`: the gradient behind the taps, zeros between
    std::vector<Row<F>> behind(pixels * out / LANES), middle(pixels);
    std::vector<Vector> carried(pixels), weights(in * out / LANES), through(g.height * g.width), rooms[2];
    for (int64_t image = first; image < last; image++) {
      for (int64_t c = 0; c < outputs; c += LANES) {
        int64_t lanes = outputs - c;
        Vector k0 = load(k + c, lanes), k1 = load(k + outputs + c, lanes), k2 = load(k + 2 * outputs + c, lanes);
        const T *from = z + image * pixels * z_step + c, *given = d + image * pixels * d_step + c;
        for (int64_t p = 0; p < pixels; p++) {
          Vector v = load(from + p * z_step, lanes);
          put(behind[(p * out + c) / LANES], k0 * load(given + p * d_step, lanes) + k1 * v + k2);
        }
      }
      const F* pixel_rows = of_weight ? right_factor(behind.data(), pixels, out / LANES, rooms[0]) : nullptr;
      for (int64_t c = 0; c < inputs; c += LANES) {
        int64_t lanes = inputs - c;
        Vector a = scale ? load(scale + c, lanes) : constant(1), b = shift ? load(shift + c, lanes) : Vector{};
        const T* from = x + image * g.height * g.width * x_step + c;
        fill(y, from, x_step, lanes, g, [=](Vector v) { return positive(a * v + b, a * v + b); });
        if (of_weight) {
          convolve<K, D>(y, &kernel[c / LANES * K * K], g, middle.data(), 1);
          product(right_factor(middle.data(), pixels, 1, rooms[1]), 1, LANES, pixel_rows, out,
                  (float*)weights.data() + c * out, out, LANES, factors<F>(pixels), out / LANES, true);
        }
        product((F*)behind.data(), out / PER<F>, 1, right + c, in, (float*)carried.data(), LANES, pixels,
                factors<F>(outputs), 1, false);
        if (of_taps) {
          Vector of_tap[K * K];
          gradients<K, D>(y, carried.data(), g, of_tap);
          for (int t = 0; t < K * K; t++) add(of_tap[t], mine + (2 + t) * inputs + c, lanes);
        }
        for (int64_t r = 0, p = 0; r < g.rows(); r++)
          for (int64_t w = 0; w < g.columns(); w++, p++)
            *spread.at(r * g.stride + g.offset, w * g.stride + g.offset) = carried[p];
        convolve<K, D>(spread, &turned[c / LANES * K * K], {g.n, g.height, g.width, 1, 0}, through.data(), 1);
        Vector sum = {}, products = {};
        T* to = into + image * g.height * g.width * into_step + c;
        for (int64_t r = 0, p = 0; r < g.height; r++) {
          const Vector* on = y.at(r, 0);
          for (int64_t w = 0; w < g.width; w++, p++) {
            Vector v = positive(through[p], on[w]);
            if (more) v += load(to + p * into_step, lanes);
            v = store(to + p * into_step, v, lanes);
            sum += v;
            products += v * load(from + p * x_step, lanes);
          }
        }
        add(sum, mine + c, lanes);
        add(products, mine + inputs + c, lanes);
      }
      if (!of_weight || ((image + 1 - first) % 8 && image + 1 < last)) continue;
      for (int64_t i = 0; i < inputs; i++)
        for (int64_t o = 0; o < outputs; o++)
          mine[(2 + K * K) * inputs + i * outputs + o] += ((float*)weights.data())[i * out + o];
      std::fill(weights.begin(), weights.end(), Vector{});
    }
  });
  std::copy_n(found.data(), 2 * inputs, sums);
  const double *by_tap = found.data() + 2 * inputs, *by_input = by_tap + K * K * inputs;
  for (int64_t i = 0; i < inputs; i++) {
    for (int t = 0; of_taps && t < K * K; t++) of_taps[i * K * K + t] = by_tap[t * inputs + i];
    for (int64_t o = 0; of_weight && o < outputs; o++) of_weight[o * inputs + i] = by_input[i * outputs + o];
  }
}

// z = 3x3 pool, the maximum or the average without the border, of x; sums [2][channels] as of moments(z).
template <bool MAX, class T>
void pool(const T* x, int64_t x_step, T* z, const Geometry& g, int64_t channels, double* sums, int threads) {
  int64_t pixels = g.rows() * g.columns();
  share(g.n, threads, 2 * channels, sums, [&](int64_t first, int64_t last, double* mine) {
    Padded y(g, 1, constant(MAX ? -INFINITY : 0));
    for (int64_t image = first; image < last; image++)
      for (int64_t c = 0; c < channels; c += LANES) {
        int64_t lanes = channels - c;
        fill(y, x + image * g.height * g.width * x_step + c, x_step, lanes, g, [](Vector v) { return v; });
        Moments moments;
        T* to = z + image * pixels * channels + c;
        for (int64_t r = 0, p = 0; r < g.rows(); r++)
          for (int64_t w = 0; w < g.columns(); w++, p++) {
            const Vector* near = y.at(r * g.stride - 1, w * g.stride - 1);
            Vector v = *near;
#pragma GCC unroll 9
            for (int t = 1; t < 9; t++) {
              Vector other = near[t / 3 * y.across + t % 3];
              v = !MAX ? v + other : (other > v) | (other != other) ? other : v;
            }
            if (!MAX) v /= pooled(g, r, w);
            moments.take(store(to + p * channels, v, lanes));
          }
        moments.add_to(mine + c, channels, lanes);
      }
  });
}

// The way back through `pool` and the batch norm of z; d, k, into and `more` as in separable_backward. The gradient of
// a maximum goes to the first pixel that has it.
template <bool MAX, class T>
void pool_backward(const T* x, int64_t x_step, const T* z, const T* d, int64_t d_step, const float* k, T* into,
                   int64_t into_step, bool more, const Geometry& g, int64_t channels, int threads) {
  int64_t pixels = g.rows() * g.columns();
  share(g.n, threads, 0, nullptr, [&](int64_t first, int64_t last, double*) {
    Padded y(g, 1, constant(-INFINITY)), spread(g, 1, Vector{});
    for (int64_t image = first; image < last; image++)
      for (int64_t c = 0; c < channels; c += LANES) {
        int64_t lanes = channels - c;
        Vector k0 = load(k + c, lanes), k1 = load(k + channels + c, lanes), k2 = load(k + 2 * channels + c, lanes);
        if (MAX) fill(y, x + image * g.height * g.width * x_step + c, x_step, lanes, g, [](Vector v) { return v; });
        std::fill(spread.pixels.begin(), spread.pixels.end(), Vector{});
        const T *from = z + image * pixels * channels + c, *given = d + image * pixels * d_step + c;
        for (int64_t r = 0, p = 0; r < g.rows(); r++)
          for (int64_t w = 0; w < g.columns(); w++, p++) {
            const Vector* near = y.at(r * g.stride - 1, w * g.stride - 1);
            Vector *to = spread.at(r * g.stride - 1, w * g.stride - 1), v = load(from + p * channels, lanes);
            Vector behind = k0 * load(given + p * d_step, lanes) + k1 * v + k2;
            if (!MAX) behind /= pooled(g, r, w);
#pragma GCC unroll 9
            for (int t = 0; t < 9; t++) {
              int64_t place = t / 3 * y.across + t % 3;
              if (!MAX) {
                to[place] += behind;
              } else {
                auto here = near[place] == v;
                to[place] += here ? behind : Vector{};
                behind = here ? Vector{} : behind;
              }
            }
          }
        T* to = into + image * g.height * g.width * into_step + c;
        for (int64_t r = 0, p = 0; r < g.height; r++)
          for (int64_t w = 0; w < g.width; w++, p++)
            store(to + p * into_step, *spread.at(r, w) + (more ? load(to + p * into_step, lanes) : Vector{}), lanes);
      }
  });
}

// y = affine of first + affine of second; a scale that is null leaves its map as it is, `second` may be null.
template <class T>
void join(const T* first, int64_t first_step, const float* scale1, const float* shift1, const T* second,
          int64_t second_step, const float* scale2, const float* shift2, T* y, int64_t y_step, int64_t rows,
          int64_t channels, int threads) {
  share(rows, threads, 0, nullptr, [=](int64_t start, int64_t stop, double*) {
    for (int64_t c = 0; c < channels; c += LANES) {
      int64_t lanes = channels - c;
      Vector a1 = scale1 ? load(scale1 + c, lanes) : constant(1), b1 = scale1 ? load(shift1 + c, lanes) : Vector{};
      Vector a2 = scale2 ? load(scale2 + c, lanes) : constant(1), b2 = scale2 ? load(shift2 + c, lanes) : Vector{};
      for (int64_t r = start; r < stop; r++) {
        Vector v = a1 * load(first + r * first_step + c, lanes) + b1;
        if (second) v += a2 * load(second + r * second_step + c, lanes) + b2;
        store(y + r * y_step + c, v, lanes);
      }
    }
  });
}

}  // namespace

// A batch norm in training from the sums of x and of its squares over `count` pixels, [2][C]. weight and bias may be
// null. known: double [2][C], mean and 1 / deviation; out: [4][C], scale, shift, mean, variance with `count` - 1.
extern "C" __attribute__((optimize("fp-contract=off")))  // each product is rounded: the same bits everywhere
void statistics_float32(const double* sums, int64_t count, int64_t channels, const float* weight,
                                   const float* bias, double eps, double* known, float* out, int) {
  for (int64_t c = 0; c < channels; c++) {
    double mean = sums[c] / count, variance = std::max(sums[channels + c] / count - mean * mean, 0.0);
    double inverse = 1 / std::sqrt(variance + eps);
    known[c] = mean;
    known[channels + c] = inverse;
    out[c] = weight ? weight[c] * inverse : inverse;
    out[channels + c] = (bias ? bias[c] : 0) - mean * out[c];
    out[2 * channels + c] = mean;
    out[3 * channels + c] = variance * count / std::max<int64_t>(count - 1, 1);
  }
}

// The gradients of its weight and bias, from the sums of the gradient g and of g * x, and the coefficients k [3][C] of
// the gradient at x (normalised_gradient).
extern "C" __attribute__((optimize("fp-contract=off")))
void statistics_back_float32(const double* sums, int64_t count, int64_t channels, const double* known,
                                        const float* scale, float* of_weight, float* of_bias, float* k, int) {
  for (int64_t c = 0; c < channels; c++) {
    double mean = known[c], inverse = known[channels + c], factor = scale[c];
    double weights = (sums[channels + c] - mean * sums[c]) * inverse, slope = -factor * inverse * weights / count;
    of_weight[c] = weights;
    of_bias[c] = sums[c];
    k[c] = factor;
    k[channels + c] = slope;
    k[2 * channels + c] = -factor * sums[c] / count - slope * mean;
  }
}

#define EXPORT(T, NAME)                                                                                               \
  extern "C" void moments_##NAME(const T* x, int64_t rows, int64_t channels, double* sums, int threads) {             \
    moments(x, rows, channels, sums, threads);                                                                        \
  }                                                                                                                   \
  extern "C" void affine_##NAME(const T* x, const float* scale, const float* shift, const T* residual, int relu,      \
                                T* y, int64_t rows, int64_t channels, int threads) {                                  \
    affine(x, scale, shift, residual, relu, y, rows, channels, threads);                                              \
  }                                                                                                                   \
  extern "C" void gradient_sums_##NAME(const T* x, const T* g, int64_t g_step, const float* scale,                    \
                                       const float* shift, int relu, int64_t rows, int64_t channels, double* sums,    \
                                       int threads) {                                                                 \
    gradient_sums(x, g, g_step, scale, shift, relu, rows, channels, sums, threads);                                   \
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

#define EXPORT_SEPARABLE(T, NAME, K, D)                                                                               \
  extern "C" void separable_##K##_##D##_##NAME(                                                                       \
      const T* x, int64_t x_step, const float* scale, const float* shift, const float* taps, const float* weight,     \
      T* z, int64_t z_step, int64_t n, int64_t height, int64_t width, int64_t stride, int64_t offset, int64_t inputs, \
      int64_t outputs, double* sums, int threads) {                                                                   \
    separable<K, D>(x, x_step, scale, shift, taps, weight, z, z_step, {n, height, width, stride, offset}, inputs,     \
                    outputs, sums, threads);                                                                          \
  }                                                                                                                   \
  extern "C" void separable_##K##_##D##_backward_##NAME(                                                              \
      const T* x, int64_t x_step, const float* scale, const float* shift, const float* taps, const float* weight,     \
      const T* z, int64_t z_step, const T* d, int64_t d_step, const float* k, T* into, int64_t into_step, int more,   \
      int64_t n, int64_t height, int64_t width, int64_t stride, int64_t offset, int64_t inputs, int64_t outputs,      \
      float* of_taps, float* of_weight, double* sums, int threads) {                                                  \
    separable_backward<K, D>(x, x_step, scale, shift, taps, weight, z, z_step, d, d_step, k, into, into_step, more,   \
                             {n, height, width, stride, offset}, inputs, outputs, of_taps, of_weight, sums, threads); \
  }

#define EXPORT_POOL(T, NAME, KIND, MAX)                                                                               \
  extern "C" void KIND##_pool_##NAME(const T* x, int64_t x_step, T* z, int64_t n, int64_t height, int64_t width,      \
                                     int64_t stride, int64_t channels, double* sums, int threads) {                   \
    pool<MAX>(x, x_step, z, {n, height, width, stride, 0}, channels, sums, threads);                                  \
  }                                                                                                                   \
  extern "C" void KIND##_pool_backward_##NAME(                                                                        \
      const T* x, int64_t x_step, const T* z, const T* d, int64_t d_step, const float* k, T* into, int64_t into_step, \
      int more, int64_t n, int64_t height, int64_t width, int64_t stride, int64_t channels, int threads) {            \
    pool_backward<MAX>(x, x_step, z, d, d_step, k, into, into_step, more, {n, height, width, stride, 0}, channels,    \
                       threads);                                                                                      \
  }

#define EXPORT_CELL(T, NAME)                                                                                          \
  EXPORT_SEPARABLE(T, NAME, 1, 1)                                                                                     \
  EXPORT_SEPARABLE(T, NAME, 3, 1)                                                                                     \
  EXPORT_SEPARABLE(T, NAME, 3, 2)                                                                                     \
  EXPORT_SEPARABLE(T, NAME, 5, 1)                                                                                     \
  EXPORT_SEPARABLE(T, NAME, 5, 2)                                                                                     \
  EXPORT_POOL(T, NAME, max, true)                                                                                     \
  EXPORT_POOL(T, NAME, avg, false)                                                                                    \
  extern "C" void join_##NAME(const T* first, int64_t first_step, const float* scale1, const float* shift1,           \
                              const T* second, int64_t second_step, const float* scale2, const float* shift2, T* y,   \
                              int64_t y_step, int64_t rows, int64_t channels, int threads) {                          \
    join(first, first_step, scale1, shift1, second, second_step, scale2, shift2, y, y_step, rows, channels, threads); \
  }

EXPORT_CELL(float, float32)
EXPORT_CELL(uint16_t, bfloat16)
