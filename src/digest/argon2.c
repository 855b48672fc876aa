/*
 * Argon2i and Argon2id (RFC 9106) as PHC strings:
 *
 *     $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH
 *
 * m is the memory in KiB, t the passes, p the lanes, in this order; salt and hash are base64
 * without padding. Version 19 (1.3) must be written: Clerk assumes it, and a string without a
 * version means 16 by convention. The reference implementation asks for 8 bytes of salt and 4 of
 * hash at least.
 */
#include "digest/answer.h"
#include "digest/shape.h"

#include <argon2.h>

#define MEMORY_MAX (UINT64_C(1) << 21) /* 2 GiB: the largest that RFC 9106 recommends */
#define WORK_MAX   (UINT64_C(1) << 24) /* KiB times passes: 16 GiB of memory traffic */
#define PASSES_MAX 100000
#define LANES_MAX  255
#define HASH_MAX   SHAPE_FIELD_MAX
/* Below this memory starting a thread costs more than it saves. */
#define THREADS_FROM 4096
#define THREADS_MAX  4

static bool parse_number(struct text t, const char *name, uint64_t max, uint64_t *value)
{
    struct text head = text_of(name);
    return text_starts(t, head) && text_u64(text_part(t, head.len, t.len), max, value);
}

static const char *parse_costs(struct digest *digest, struct text t)
{
    struct text parts[3];
    if (!shape_fields(t, ',', parts, 3) ||
        !parse_number(parts[0], "m=", MEMORY_MAX, &digest->cost) ||
        !parse_number(parts[1], "t=", PASSES_MAX, &digest->cost2) ||
        !parse_number(parts[2], "p=", LANES_MAX, &digest->cost3))
        return "parameters are not m=…,t=…,p=… within 2 GiB, 100000 passes, 255 lanes";
    if (digest->cost2 == 0 || digest->cost3 == 0)
        return "no passes or no lanes";
    if (digest->cost < 8 * digest->cost3)
        return "memory below 8 KiB a lane";
    if (digest->cost * digest->cost2 > WORK_MAX)
        return "memory times passes above 16 GiB";
    return NULL;
}

static const char *parse(struct digest *digest, const char *variant)
{
    struct text fields[6];
    size_t bytes;
    if (!shape_fields(digest->text, '$', fields, 6) || fields[0].len > 0)
        return "not $variant$v=19$parameters$salt$hash";
    if (!text_same(fields[1], text_of(variant)))
        return "the variant is not the hasher's";
    if (!text_same(fields[2], TEXT("v=19")))
        return "the version is not v=19";
    const char *wrong = parse_costs(digest, fields[3]);
    if (wrong)
        return wrong;
    if (!shape_base64_bare(fields[4], &bytes) || bytes < ARGON2_MIN_SALT_LENGTH ||
        bytes > SHAPE_FIELD_MAX)
        return "the salt is not unpadded base64 of 8 to 1023 bytes";
    if (!shape_base64_bare(fields[5], &bytes) || bytes < ARGON2_MIN_OUTLEN || bytes > HASH_MAX)
        return "the hash is not unpadded base64 of 4 to 1023 bytes";
    digest->salt = fields[4];
    digest->hash = fields[5];
    return NULL;
}

static const char *parse_i(struct digest *digest)
{
    return parse(digest, "argon2i");
}

static const char *parse_id(struct digest *digest)
{
    return parse(digest, "argon2id");
}

static uint32_t threads_for(const struct digest *digest)
{
    if (digest->cost < THREADS_FROM)
        return 1;
    return digest->cost3 < THREADS_MAX ? (uint32_t)digest->cost3 : THREADS_MAX;
}

static enum digest_answer verify(const struct digest *digest, struct text password, struct err *err,
                                 argon2_type type)
{
    uint8_t stored[BASE64_ROOM(DIGEST_MAX)], salt[BASE64_ROOM(DIGEST_MAX)], computed[HASH_MAX];
    size_t len = 0, salt_len = 0;
    base64_decode(BASE64_BARE, digest->hash, stored, sizeof(stored), &len);
    base64_decode(BASE64_BARE, digest->salt, salt, sizeof(salt), &salt_len);
    argon2_context context = {
        .out = computed,
        .outlen = (uint32_t)len,
        .pwd = (uint8_t *)password.at,
        .pwdlen = (uint32_t)password.len,
        .salt = salt,
        .saltlen = (uint32_t)salt_len,
        .m_cost = (uint32_t)digest->cost,
        .t_cost = (uint32_t)digest->cost2,
        .lanes = (uint32_t)digest->cost3,
        .threads = threads_for(digest),
        .version = ARGON2_VERSION_13,
    };
    if (argon2_ctx(&context, type) != ARGON2_OK)
        return answer_no_memory(err);
    return answer_compare(computed, stored, len);
}

static enum digest_answer verify_i(const struct digest *digest, struct text password,
                                   struct err *err)
{
    return verify(digest, password, err, Argon2_i);
}

static enum digest_answer verify_id(const struct digest *digest, struct text password,
                                    struct err *err)
{
    return verify(digest, password, err, Argon2_id);
}

const struct digest_ops digest_ops_argon2i = {
    .hasher = "argon2i",
    .cost_names = {"m", "t", "p"},
    .parse = parse_i,
    .verify = verify_i,
};

const struct digest_ops digest_ops_argon2id = {
    .hasher = "argon2id",
    .cost_names = {"m", "t", "p"},
    .parse = parse_id,
    .verify = verify_id,
};
