#include "migrate/numbers.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64

void numbers_release(struct numbers *numbers)
{
    free(numbers->words);
    *numbers = (struct numbers){NULL, 0};
}

static int grow(struct numbers *numbers, size_t word, struct err *err)
{
    size_t count = numbers->count ? numbers->count : 64;
    while (count <= word)
        count *= 2;
    uint64_t *words = realloc(numbers->words, count * sizeof(*words));
    if (!words)
        return err_memory(err);
    memset(words + numbers->count, 0, (count - numbers->count) * sizeof(*words));
    numbers->words = words;
    numbers->count = count;
    return 0;
}

int numbers_add(struct numbers *numbers, int64_t number, struct err *err)
{
    size_t word = (size_t)number / WORD_BITS;
    if (word >= numbers->count && grow(numbers, word, err))
        return -1;
    numbers->words[word] |= UINT64_C(1) << ((size_t)number % WORD_BITS);
    return 0;
}

bool numbers_has(const struct numbers *numbers, int64_t number)
{
    size_t word = (size_t)number / WORD_BITS;
    return word < numbers->count && (numbers->words[word] >> ((size_t)number % WORD_BITS) & 1);
}
