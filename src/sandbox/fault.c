#include "sandbox/fault.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAULT_KINDS] = {"500", "429", "drop-before", "drop-after",
                                               "slow-body"};

const char *fault_name(enum fault_kind kind)
{
    return names[kind];
}

static bool parse_probability(struct text t, double *probability)
{
    char z[32], *end;
    if (t.len == 0 || t.len >= sizeof(z) || text_find(t, '.', 0) == t.len)
        return false;
    memcpy(z, t.at, t.len);
    z[t.len] = 0;
    if (strspn(z, "0123456789.") != t.len)
        return false;
    *probability = strtod(z, &end);
    return *end == 0 && *probability >= 0 && *probability <= 1;
}

int fault_parse(struct fault *fault, struct text spec, struct err *err)
{
    size_t equals = text_find(spec, '=', 0);
    struct text name = text_part(spec, 0, equals), value = text_part(spec, equals + 1, spec.len);
    *fault = (struct fault){.kind = FAULT_KINDS};
    for (size_t i = 0; i < FAULT_KINDS; i++)
        if (text_same(name, text_of(names[i])))
            fault->kind = (enum fault_kind)i;
    if (fault->kind == FAULT_KINDS)
        return err_set(err, ERR_USAGE,
                       "no fault '%.*s': there are 500, 429, drop-before, drop-after, slow-body",
                       TEXT_ARG(name));
    if (parse_probability(value, &fault->probability) || text_u64(value, INT64_MAX, &fault->count))
        return 0;
    return err_set(err, ERR_USAGE,
                   "'%.*s' is no probability (0.02) and no count (5) for the fault %s",
                   TEXT_ARG(value), names[fault->kind]);
}

/* SplitMix64 (Steele, Lea, Flood 2014): a number in [0, 1). */
static double next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return ldexp((double)((z ^ z >> 31) >> 11), -53);
}

bool faults_ask(struct faults *faults, enum fault_kind kind)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->at[i];
        if (fault->kind != kind)
            continue;
        bool hit = fault->count > 0;
        if (hit)
            fault->count--;
        else if (fault->probability > 0)
            hit = next_random(&faults->state) < fault->probability;
        if (hit) {
            faults->given[kind]++;
            return true;
        }
    }
    return false;
}
