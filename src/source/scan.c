/*
 * Each block of 64 bytes becomes four bit masks, one bit a byte: quotes, backslashes, opening and
 * closing brackets. Escaped quotes are taken out; the running exclusive-or of the rest is one inside
 * strings (the way of Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019). The depth is
 * counted bit by bit only in a block in which it can come down to nothing.
 */
#include "source/scan.h"

#include <string.h>

#define BLOCK 64

struct masks {
    uint64_t quote, backslash, open, close;
};

#ifdef __SSE2__
#include <emmintrin.h>

static uint64_t equal(const __m128i part[4], char c)
{
    const __m128i wanted = _mm_set1_epi8(c);
    uint64_t mask = 0;
    for (int i = 3; i >= 0; i--)
        mask = mask << 16 | (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(part[i], wanted));
    return mask;
}

static struct masks masks_of(const char *at)
{
    __m128i part[4], folded[4];
    for (int i = 0; i < 4; i++) {
        part[i] = _mm_loadu_si128((const __m128i *)(const void *)(at + (size_t)i * 16));
        /* '[' and ']' differ from '{' and '}' by this bit alone. */
        folded[i] = _mm_or_si128(part[i], _mm_set1_epi8(0x20));
    }
    return (struct masks){equal(part, '"'), equal(part, '\\'), equal(folded, '{'),
                          equal(folded, '}')};
}
#else
static struct masks masks_of(const char *at)
{
    struct masks masks = {0};
    for (int i = 0; i < BLOCK; i++) {
        char folded = (char)(at[i] | 0x20);
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

static uint64_t running_xor(uint64_t bits)
{
    for (int step = 1; step < BLOCK; step *= 2)
        bits ^= bits << step;
    return bits;
}

/* Counts bracket by bracket; returns the index behind the last one, or BLOCK + 1. */
static size_t count_down(struct scan *scan, uint64_t open, uint64_t close)
{
    for (uint64_t both = open | close; both; both &= both - 1) {
        int i = __builtin_ctzll(both);
        if (open >> i & 1)
            scan->depth++;
        else if (scan->depth <= 1)
            return (size_t)i + 1;
        else
            scan->depth--;
    }
    return BLOCK + 1;
}

/*
 * The index behind the closing bracket, or BLOCK + 1. Of the block's bytes len are real; the others are
 * spaces, which change nothing.
 */
static size_t scan_block(struct scan *scan, const char *at, size_t len)
{
    struct masks masks = masks_of(at);
    uint64_t quote = masks.quote;
    if (masks.backslash | scan->escaped)
        quote &= ~find_escaped(scan, masks.backslash, len);
    uint64_t inside = running_xor(quote) ^ scan->in_string;
    scan->in_string = (uint64_t)((int64_t)inside >> 63);
    uint64_t open = masks.open & ~inside, close = masks.close & ~inside;
    unsigned closing = (unsigned)__builtin_popcountll(close);
    if (scan->depth <= closing)
        return count_down(scan, open, close);
    scan->depth += (unsigned)__builtin_popcountll(open);
    scan->depth -= closing;
    return BLOCK + 1;
}

size_t scan_value(struct scan *scan, const char *at, size_t len)
{
    char tail[BLOCK];
    size_t i = 0, end = BLOCK + 1;
    for (; len - i >= BLOCK; i += BLOCK) {
        end = scan_block(scan, at + i, BLOCK);
        if (end <= BLOCK)
            return i + end;
    }
    if (i < len) {
        memset(tail, ' ', sizeof(tail));
        memcpy(tail, at + i, len - i);
        end = scan_block(scan, tail, len - i);
    }
    return end <= BLOCK ? i + end : SCAN_OPEN;
}
