#include "digest/answer.h"

enum digest_answer answer_compare(uint8_t *computed, const void *stored, size_t len)
{
    bool same = secret_same(computed, stored, len);
    secret_wipe(computed, len);
    return same ? DIGEST_MATCH : DIGEST_NO_MATCH;
}

enum digest_answer answer_no_memory(struct err *err)
{
    err_set(err, ERR_MEMORY, "the password could not be hashed: out of memory");
    return DIGEST_CANNOT_TELL;
}

enum digest_answer answer_too_costly(struct err *err)
{
    err_set(err, ERR_INPUT, "the digest's cost is too high to be verified here");
    return DIGEST_CANNOT_TELL;
}
