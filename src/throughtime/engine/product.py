"""The product of rows with a weight, in C: the one part of an emitted file that is no plain loop.

A weight is packed into panels of as many columns as fit the processor's vector registers with a few rows of sums,
so that the inner loop reads it in order. The vectors are those of GCC and clang, so the same text serves every
processor. (The scheme is that of Goto & van de Geijn 2008, ACM TOMS 34:12.)
"""

PRODUCT = r"""
#if defined(__AVX512F__)
enum { BYTES = 64, TALL = 6, WIDE = 4 };
#elif defined(__AVX__)
enum { BYTES = 32, TALL = 6, WIDE = 2 };
#else
enum { BYTES = 16, TALL = 6, WIDE = 2 };
#endif
enum { LONG = BYTES / sizeof(real), PANEL = WIDE * LONG, DEEP = 512 };
typedef real vector __attribute__((vector_size(BYTES), aligned(sizeof(real)), may_alias));
const long panel = PANEL;

/* The panels of w [inner, outer], in memory w[k * k_step + j * j_step]; the last one is filled up with zeros. */
void pack(long inner, long outer, const real *w, long k_step, long j_step, real *panels) {
    for (long from = 0; from < outer; from += PANEL)
        for (long k0 = 0; k0 < inner; k0 += 16)
            for (long j = 0; j < PANEL; ++j)
                for (long k = k0; k < k0 + 16 && k < inner; ++k)
                    panels[from * inner + k * PANEL + j] =
                        from + j < outer ? w[k * k_step + (from + j) * j_step] : (real)0;
}

/* ROWS rows of x times one panel: y, or y += when there is more to add to. */
#define TILE(ROWS)                                                                                              \
    static void tile##ROWS(long inner, const real *x, long i_step, long k_step, const real *w, real *y,         \
                           long y_row, int more) {                                                              \
        vector sum[ROWS][WIDE];                                                                                 \
        for (int i = 0; i < ROWS; ++i)                                                                          \
            for (int v = 0; v < WIDE; ++v)                                                                      \
                sum[i][v] = more ? *(const vector *)(y + i * y_row + v * LONG) : (vector){0};                   \
        for (long k = 0; k < inner; ++k)                                                                        \
            for (int v = 0; v < WIDE; ++v) {                                                                    \
                const vector column = *(const vector *)(w + k * PANEL + v * LONG);                              \
                for (int i = 0; i < ROWS; ++i) sum[i][v] += x[i * i_step + k * k_step] * column;                \
            }                                                                                                   \
        for (int i = 0; i < ROWS; ++i)                                                                          \
            for (int v = 0; v < WIDE; ++v) *(vector *)(y + i * y_row + v * LONG) = sum[i][v];                   \
    }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
typedef void tile(long, const real *, long, long, const real *, real *, long, int);
static tile *const tiles[] = {0, tile1, tile2, tile3, tile4, tile5, tile6};

/* y [rows, outer] = x w, with x [rows, inner] in memory x[i * i_step + k * k_step] and w in panels. */
static void multiply(long rows, long inner, long outer, const real *x, long i_step, long k_step, const real *w,
                     real *y) {
    const long blocks = (rows + TALL - 1) / TALL;
    for (long from = 0; from < inner; from += DEEP) {
        const long deep = inner - from < DEEP ? inner - from : DEEP;
        for (long j = 0; j < outer; j += PANEL) {
            const real *const columns = w + j * inner + from * PANEL;
            const long wide = outer - j < PANEL ? outer - j : PANEL;
            for (long block = 0; block < blocks; ++block) {
                const long first = rows * block / blocks, tall = rows * (block + 1) / blocks - first;
                const real *const left = x + first * i_step + from * k_step;
                real *const target = y + first * outer + j;
                if (wide == PANEL) {
                    tiles[tall](deep, left, i_step, k_step, columns, target, outer, from > 0);
                    continue;
                }
                real edge[TALL * PANEL];
                if (from > 0)
                    for (long i = 0; i < tall; ++i) memcpy(edge + i * PANEL, target + i * outer, sizeof(real) * wide);
                tiles[tall](deep, left, i_step, k_step, columns, edge, PANEL, from > 0);
                for (long i = 0; i < tall; ++i) memcpy(target + i * outer, edge + i * PANEL, sizeof(real) * wide);
            }
        }
    }
}

/* The sum of outer products y [rows, outer] = xᵀ w, with x [inner, rows] and w [inner, outer] in panels. */
void outer_products(long inner, long rows, long outer, const real *x, const real *w, real *y, long threads) {
    if (threads == 1) {
        multiply(rows, inner, outer, x, 1, rows, w, y);
    } else {
#pragma omp parallel num_threads(threads)
        {
            const long thread = omp_get_thread_num(), count = omp_get_num_threads();
            const long first = rows * thread / count, last = rows * (thread + 1) / count;
            multiply(last - first, inner, outer, x + first, 1, rows, w, y + first * outer);
        }
    }
}
"""
