/*
 * Each block of 64 bytes becomes four bit masks, one bit a byte: quotes, backslashes, opening and
 * closing brackets. Escaped quotes are taken out; the running exclusive-or of the rest is one inside
 * strings (the way of Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019). The depth is
 * counted at the brackets that are left, which are few.
 */
#include "source/scan.h"

#include <string.h>

#define BLOCK 64

struct masks {
    uint64_t quote, backslash, open, close;
};

/* '[' and ']' differ from '{' and '}' by this bit alone. */
#define FOLD 0x20

#ifdef __SSE2__
#include <immintrin.h>

static inline uint64_t equal16(const __m128i part[4], char c)
{
    const __m128i wanted = _mm_set1_epi8(c);
    uint64_t mask[4];
    for (int i = 0; i < 4; i++)
        mask[i] = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(part[i], wanted));
    return mask[0] | mask[1] << 16 | mask[2] << 32 | mask[3] << 48;
}

static inline struct masks masks_16(const char *at)
{
    __m128i part[4], folded[4];
    for (int i = 0; i < 4; i++) {
        part[i] = _mm_loadu_si128((const __m128i *)(const void *)(at + (size_t)i * 16));
        folded[i] = _mm_or_si128(part[i], _mm_set1_epi8(FOLD));
    }
    return (struct masks){equal16(part, '"'), equal16(part, '\\'), equal16(folded, '{'),
                          equal16(folded, '}')};
}

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline uint64_t equal32(__m256i low, __m256i high, char c)
{
    const __m256i wanted = _mm256_set1_epi8(c);
    uint64_t mask = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));
    return mask << 32 | (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
}

AVX2 static inline struct masks masks_32(const char *at)
{
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(at + 32));
    __m256i fold = _mm256_set1_epi8(FOLD);
    __m256i low_folded = _mm256_or_si256(low, fold), high_folded = _mm256_or_si256(high, fold);
    return (struct masks){equal32(low, high, '"'), equal32(low, high, '\\'),
                          equal32(low_folded, high_folded, '{'),
                          equal32(low_folded, high_folded, '}')};
}
#else
static inline struct masks masks_1(const char *at)
{
    struct masks masks = {0};
    for (int i = 0; i < BLOCK; i++) {
        char folded = (char)(at[i] | FOLD);
        masks.quote |= (uint64_t)(at[i] == '"') << i;
        masks.backslash |= (uint64_t)(at[i] == '\\') << i;
        masks.open |= (uint64_t)(folded == '{') << i;
        masks.close |= (uint64_t)(folded == '}') << i;
    }
    return masks;
}
#endif

/* The bytes that stand behind a backslash which is not itself escaped; keeps the carry for byte len. */
static uint64_t find_escaped(struct scan *scan, uint64_t backslash, size_t len)
{
    uint64_t escaped = scan->escaped;
    scan->escaped = 0;
    backslash &= ~escaped;
    while (backslash) {
        int i = __builtin_ctzll(backslash);
        if (i == BLOCK - 1) {
            scan->escaped = 1;
            break;
        }
        escaped |= UINT64_C(2) << i;
        backslash &= ~(UINT64_C(3) << i);
    }
    if (len < BLOCK)
        scan->escaped = escaped >> len & 1;
    return escaped;
}

/* Bit i of the result is the exclusive-or of bits 0 to i. */
static inline uint64_t running_xor(uint64_t bits)
{
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    return bits ^ bits << 32;
}

/* The index behind the bracket that closes the value, or BLOCK + 1. */
static inline size_t count(struct scan *scan, uint64_t open, uint64_t close)
{
    for (uint64_t both = open | close; both; both &= both - 1) {
        uint64_t lowest = both & (0 - both);
        if (open & lowest)
            scan->depth++;
        else if (scan->depth <= 1)
            return (size_t)__builtin_ctzll(both) + 1;
        else
            scan->depth--;
    }
    return BLOCK + 1;
}

/*
 * The index behind the closing bracket, or BLOCK + 1. Of the block's bytes len are real; the others are
 * spaces, which change nothing.
 */
static inline size_t scan_masks(struct scan *scan, struct masks masks, size_t len)
{
    uint64_t quote = masks.quote;
    if (masks.backslash | scan->escaped)
        quote &= ~find_escaped(scan, masks.backslash, len);
    uint64_t inside = running_xor(quote) ^ scan->in_string;
    scan->in_string = (uint64_t)((int64_t)inside >> 63);
    return count(scan, masks.open & ~inside, masks.close & ~inside);
}

/* The same loop for each way to make masks. */
#define SCAN_ALL(name, attribute, masks_of)                                                        \
    attribute static size_t name(struct scan *scan, const char *at, size_t len)                    \
    {                                                                                              \
        char tail[BLOCK];                                                                          \
        size_t i = 0, end = BLOCK + 1;                                                             \
        for (; len - i >= BLOCK; i += BLOCK) {                                                     \
            end = scan_masks(scan, masks_of(at + i), BLOCK);                                       \
            if (end <= BLOCK)                                                                      \
                return i + end;                                                                    \
        }                                                                                          \
        if (i < len) {                                                                             \
            memset(tail, ' ', sizeof(tail));                                                       \
            memcpy(tail, at + i, len - i);                                                         \
            end = scan_masks(scan, masks_of(tail), len - i);                                       \
        }                                                                                          \
        return end <= BLOCK ? i + end : SCAN_OPEN;                                                 \
    }

#ifdef __SSE2__
SCAN_ALL(scan_16, , masks_16)
SCAN_ALL(scan_32, AVX2, masks_32)

size_t scan_value(struct scan *scan, const char *at, size_t len)
{
    return __builtin_cpu_supports("avx2") ? scan_32(scan, at, len) : scan_16(scan, at, len);
}
#else
SCAN_ALL(scan_1, , masks_1)

size_t scan_value(struct scan *scan, const char *at, size_t len)
{
    return scan_1(scan, at, len);
}
#endif
