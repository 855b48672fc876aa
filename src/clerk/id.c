#include "clerk/id.h"

#include <string.h>

#define EPOCH_S INT64_C(1400000000)
#define DIGITS  27

/* Writes a 160-bit number, five 32-bit words with the highest first, as 27 base62 digits. */
static void put_base62(uint32_t words[5], char to[DIGITS])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const uint64_t five = UINT64_C(62) * 62 * 62 * 62 * 62;
    size_t at = DIGITS;
    while (at > 0) {
        uint64_t rest = 0;
        for (int i = 0; i < 5; i++) {
            uint64_t value = rest << 32 | words[i];
            words[i] = (uint32_t)(value / five);
            rest = value % five;
        }
        for (int i = 0; i < 5 && at > 0; i++) {
            to[--at] = digits[rest % 62];
            rest /= 62;
        }
    }
}

static void take_random(struct clerk_ids *ids, void *to, size_t len)
{
    if (ids->random_left < len) {
        random_bytes(ids->random, sizeof(ids->random));
        ids->random_left = sizeof(ids->random);
    }
    ids->random_left -= len;
    memcpy(to, ids->random + ids->random_left, len);
}

static uint32_t second_of(int64_t at_ms)
{
    return (uint32_t)(at_ms / 1000 - EPOCH_S);
}

static size_t write_id(const char *prefix, uint32_t words[5], char to[CLERK_ID_MAX])
{
    size_t len = strnlen(prefix, CLERK_ID_MAX - DIGITS - 1);
    memcpy(to, prefix, len);
    put_base62(words, to + len);
    to[len + DIGITS] = 0;
    return len + DIGITS;
}

size_t clerk_id_new(struct clerk_ids *ids, const char *prefix, int64_t now_ms,
                    char to[CLERK_ID_MAX])
{
    uint32_t second = second_of(now_ms), words[5];
    if (second > ids->second) {
        take_random(ids, &ids->count, sizeof(ids->count));
        ids->count >>= 1; /* room to count up */
        ids->second = second;
    }
    ids->count++;
    take_random(ids, &words[3], 8);
    words[0] = ids->second;
    words[1] = (uint32_t)(ids->count >> 32);
    words[2] = (uint32_t)ids->count;
    return write_id(prefix, words, to);
}

size_t clerk_id_of(const char *prefix, int64_t at_ms, const uint8_t bits[16], char to[CLERK_ID_MAX])
{
    uint32_t words[5] = {second_of(at_ms)};
    memcpy(&words[1], bits, 16);
    return write_id(prefix, words, to);
}
