"""The product of rows with a weight, in C: the one part of an emitted file that is no plain loop.

A weight is packed into panels of as many columns as fit the processor's vector registers with a few rows of sums,
so that the inner loop reads it in order. (The scheme is that of Goto & van de Geijn 2008, ACM TOMS 34:12.) BLAS would
do the same, but the one in torch leaves half of some processors unused.
"""

from throughtime.engine.compiler.codegen.bf16 import FACTORS

WIDEST = 64  # columns of a panel on any processor
DEEP = 512  # rows of a panel that a tile goes through at once


def panels_size(inner: int, outer: int) -> int:
    """How many numbers the panels of a matrix [inner, outer] have at most."""
    return inner * -(-outer // WIDEST) * WIDEST


MULTIPLY = (
    f"\nenum {{ DEEP = {DEEP} }};"
    + FACTORS
    + r"""
/* y = base + x w for ROWS rows and one panel of columns, so many vectors of it at a time as leave room in the registers
   for all the sums; base is 0 where there is none. */
#define TILE(ROWS, VECTORS)                                                                                     \
    static void tile##ROWS(long inner, const factor *x, long i_step, long k_step, const factor *w,              \
                           const real *base, long base_row, real *y, long y_row) {                              \
        for (int at = 0; at < PANEL; at += (VECTORS) * LONG) {                                                  \
            total sum[ROWS][VECTORS];                                                                           \
            for (int i = 0; i < ROWS; ++i)                                                                      \
                for (int v = 0; v < VECTORS; ++v)                                                               \
                    sum[i][v] = base ? (total)*(const vector *)(base + i * base_row + at + v * LONG) : (total){0}; \
            for (long k = 0; k < inner; ++k) {                                                                  \
                factors columns[VECTORS];                                                                       \
                for (int v = 0; v < VECTORS; ++v) columns[v] = *(const factors *)(w + k * PANEL + at + v * LONG); \
                for (int i = 0; i < ROWS; ++i)                                                                  \
                    for (int v = 0; v < VECTORS; ++v) ADD(sum[i][v], x[i * i_step + k * k_step], columns[v]);   \
            }                                                                                                   \
            for (int i = 0; i < ROWS; ++i)                                                                      \
                for (int v = 0; v < VECTORS; ++v)                                                               \
                    *(vector *)(y + i * y_row + at + v * LONG) = (vector)sum[i][v];                             \
        }                                                                                                       \
    }
TILE(1, WIDE) TILE(2, WIDE) TILE(3, WIDE) TILE(4, WIDE) TILE(5, WIDE) TILE(6, WIDE)
TILE(7, WIDE / 2) TILE(8, WIDE / 2) TILE(9, WIDE / 2) TILE(10, WIDE / 2) TILE(11, WIDE / 2) TILE(12, WIDE / 2)
typedef void tile_of_rows(long, const factor *, long, long, const factor *, const real *, long, real *, long);
static tile_of_rows *const tiles[] = {0,     tile1, tile2, tile3,  tile4,  tile5, tile6,
                                      tile7, tile8, tile9, tile10, tile11, tile12};

/* The same for up to 2 TALL rows, of whose panel `wide` columns are there. */
static inline void tile(long tall, long wide, long inner, const factor *x, long i_step, long k_step,
                        const factor *w, const real *base, long base_row, real *y, long y_row) {
    if (wide >= PANEL) {
        tiles[tall](inner, x, i_step, k_step, w, base, base_row, y, y_row);
        return;
    }
    real edge[2 * TALL * PANEL] = {0};
    for (long i = 0; base && i < tall; ++i) memcpy(edge + i * PANEL, base + i * base_row, sizeof(real) * wide);
    tiles[tall](inner, x, i_step, k_step, w, edge, PANEL, edge, PANEL);
    for (long i = 0; i < tall; ++i) memcpy(y + i * y_row, edge + i * PANEL, sizeof(real) * wide);
}

/* y = start + x w for the columns first … last - 1 of y [rows, outer], with w [inner, outer] in panels. */
static void multiply(long rows, long inner, long outer, const real *x, long x_row, const factor *w,
                     const real *start, real *y, long first, long last) {
    /* Few rows go through the panels together, which then are read once or twice. */
    const long tallest = rows <= 4 * TALL ? 2 * TALL : TALL;
    const long blocks = (rows + tallest - 1) / tallest, panel_size = PAIRS(inner) * PANEL;
    for (long from = 0; from < inner || from == 0; from += DEEP) {
        const long deep = inner - from < DEEP ? inner - from : DEEP;
        for (long head = 0; head < blocks; head += GROUP) {
            const long end = head + GROUP < blocks ? head + GROUP : blocks, top = rows * head / blocks;
            LEFT(left, rows * end / blocks - top, deep, x + top * x_row + from, x_row);
            for (long j = first; j < last; j += PANEL)
                for (long block = head; block < end; ++block) {
                    const long i = rows * block / blocks, tall = rows * (block + 1) / blocks - i;
                    real *const target = y + i * outer + j;
                    const real *const base = from ? target : start ? start + j : 0;
                    tile(tall, outer - j, PAIRS(deep), left + (i - top) * left_row, left_row, 1,
                         w + j / PANEL * panel_size + from / PAIR * PANEL, base, from ? outer : 0, target, outer);
                }
        }
    }
}

/* A square of factors, turned over: row k of the panel is the k-th factor of w + j * j_step for j < LONG. */
static inline void turn(const real *w, long j_step, factor *panel) {
#if !defined(__clang__)
    factors rows[LONG];
    UNROLL for (int j = 0; j < LONG; ++j) rows[j] = along(w + j * j_step);
    order left, right;
    UNROLL for (int bit = 1; bit < LONG; bit *= 2) {
        UNROLL for (int j = 0; j < LONG; ++j) {
            left[j] = j & bit ? LONG + j - bit : j;
            right[j] = j & bit ? LONG + j : j + bit;
        }
        UNROLL for (int j = 0; j < LONG; ++j) {
            if (j & bit) continue;
            const factors a = rows[j], b = rows[j + bit];
            rows[j] = __builtin_shuffle(a, b, left), rows[j + bit] = __builtin_shuffle(a, b, right);
        }
    }
    UNROLL for (int k = 0; k < LONG; ++k) *(factors *)(panel + k * PANEL) = rows[k];
#else
    for (int k = 0; k < LONG; ++k)
        for (int j = 0; j < LONG; ++j) panel[k * PANEL + j] = one(w + k * PAIR + j * j_step, 1, PAIR);
#endif
}

/* The share of a thread in packing w [inner, outer], in memory w[k * k_step + j * j_step]; the last panel is filled
   up with zeros. */
static void pack(long inner, long outer, const real *w, long k_step, long j_step, factor *panels, long thread,
                 long count) {
    const long deep = PAIRS(inner), squares = (deep + LONG - 1) / LONG, first = squares * thread / count * LONG;
    const long end = squares * (thread + 1) / count * LONG, last = end < deep ? end : deep;
    for (long from = 0; from < outer; from += PANEL) {
        factor *const panel = panels + from * deep;
        const real *const columns = w + from * j_step;
        if (j_step == 1 && outer - from >= PANEL) {
            for (long k = first; k < last; ++k)
                for (int v = 0; v < PANEL; v += LONG)
                    *(factors *)(panel + k * PANEL + v) =
                        across(columns + k * PAIR * k_step + v, k_step, inner - k * PAIR);
            continue;
        }
        for (long j = 0; j < PANEL; j += LONG)
            for (long k = first; k < last; k += LONG)
                if (k_step == 1 && (k + LONG) * PAIR <= inner && from + j + LONG <= outer)
                    turn(columns + k * PAIR + j * j_step, j_step, panel + k * PANEL + j);
                else
                    for (long row = k; row < last && row < k + LONG; ++row)
                        for (long c = j; c < j + LONG; ++c)
                            panel[row * PANEL + c] =
                                from + c < outer
                                    ? one(columns + row * PAIR * k_step + c * j_step, k_step, inner - row * PAIR)
                                    : (factor)0;
    }
}
"""
)

SHARE = r"""
/* The function `name` of struct `type`, whose threads do `name`_part each. */
#define SHARED(type, name)                                                                                      \
    void name(const struct type *given) {                                                                       \
        struct team team = {0, 0};                                                                              \
        if (given->threads == 1) {                                                                              \
            name##_part(given, &team, 0, 1);                                                                    \
        } else {                                                                                                \
            _Pragma("omp parallel num_threads(given->threads)")                                                 \
            name##_part(given, &team, omp_get_thread_num(), omp_get_num_threads());                             \
        }                                                                                                       \
    }

/* y [rows, outer] = start + x w by all threads: each has a part of the columns. */
static void by_columns(long thread, long count, long rows, long inner, long outer, const real *x, long x_row,
                       const factor *w, const real *start, real *y) {
    const long panels = (outer + PANEL - 1) / PANEL;
    const long first = panels * thread / count * PANEL, end = panels * (thread + 1) / count * PANEL;
    multiply(rows, inner, outer, x, x_row, w, start, y, first, end < outer ? end : outer);
}
"""

STEP = r"""
/* y [lanes, outer] = x w at a step: the threads share the columns of all lanes, or each has its own lanes. */
static void product(const struct run *run, struct team *team, long thread, long count, long inner, long outer,
                    const real *x, long x_row, const factor *w, real *y) {
    if (run->shared) {
        meet(team, count);
        by_columns(thread, count, run->lanes, inner, outer, x, x_row, w, 0, y);
        meet(team, count);
    } else {
        const long first = run->lanes * thread / count, last = run->lanes * (thread + 1) / count;
        multiply(last - first, inner, outer, x + first * x_row, x_row, w, 0, y + first * outer, 0, outer);
    }
}
"""
