/*
 * Proving: the canaries are looked up at the target by their external ids, and Clerk is asked to verify their
 * passwords and codes, one after another.
 */
#include "migrate/canary.h"

#include <stdio.h>

#include "clerk/clerk.h"
#include "migrate/courier.h"
#include "migrate/lookup.h"

bool canary_proves_totp(const struct canary *canary)
{
    return canary->totp_secret.len > 0 || canary->totp_code.len > 0;
}

/* One question under way. */
struct proof {
    struct parcel parcel;
    struct buf path, body;
    bool done, verified;
    int status;
    char code[64];
};

struct prover {
    struct canaries *canaries;
    struct migrate_canaries *found;
    struct courier *courier;
    struct json *json;
    bool over, failed; /* the look-up */
    struct err err;    /* of `failed` */
};

/* ---- who they are ---- */

static void on_found(struct lookup *lookup, struct lookup_item *item, struct json_value user)
{
    struct prover *prover = lookup->arg;
    struct canary *canary = item->owner;
    canary->clerk_id = arena_copy(&prover->canaries->arena, json_text(json_get(user, TEXT("id"))));
}

static void on_ended(struct lookup *lookup, const struct err *err)
{
    struct prover *prover = lookup->arg;
    prover->over = true;
    prover->failed = err != NULL;
    if (err)
        prover->err = *err;
}

static int look_up(struct prover *prover, size_t from, struct err *err)
{
    struct canaries *canaries = prover->canaries;
    struct lookup lookup;
    int status = 0;
    lookup_init(&lookup, LOOKUP_EXTERNAL_ID, prover->json, prover);
    lookup.found = on_found;
    lookup.ended = on_ended;
    for (size_t i = from; i < canaries->count && i < from + LOOKUP_MAX; i++)
        lookup_add(&lookup, canaries->at[i].id, &canaries->at[i]);
    prover->over = false;
    lookup_send(&lookup, prover->courier);
    while (status == 0 && !prover->over)
        status = courier_work(prover->courier, 100000, err);
    lookup_release(&lookup);
    if (status == 0 && prover->failed)
        *err = prover->err;
    return prover->failed ? -1 : status;
}

/* ---- what they know ---- */

static void on_answer(struct parcel *parcel, const struct target_answer *answer)
{
    struct proof *proof = parcel->arg;
    struct json *json;
    struct json_value root;
    struct clerk_problem problem = {"", "", ""};
    struct err err;
    if (answer->result != TARGET_ANSWERED) {
        courier_post(parcel->courier, parcel, 500000);
        return;
    }
    proof->done = true;
    proof->status = answer->status;
    if (json_new(&json, CANARIES_FILE_MAX, &err))
        return;
    if (json_parse(json, answer->body, &root, &err) == 0) {
        proof->verified = answer->status == 200 && json_true(json_get(root, TEXT("verified")));
        clerk_decode_problem(root, &problem);
        snprintf(proof->code, sizeof(proof->code), "%s", problem.code);
    }
    json_free(json);
}

static void post(struct proof *proof, struct courier *courier, struct text clerk_id,
                 const char *what, const char *name, struct text value)
{
    buf_printf(&proof->path, "/v1/users/%.*s/%s", TEXT_ARG(clerk_id), what);
    struct json_out out = json_out(&proof->body);
    json_open(&out, '{');
    json_key(&out, text_of(name));
    json_put_text(&out, value);
    json_close(&out, '}');
    proof->parcel = (struct parcel){
        .method = "POST",
        .path = buf_text(&proof->path),
        .body = buf_text(&proof->body),
        .done = on_answer,
        .arg = proof,
    };
    courier_post(courier, &proof->parcel, 0);
}

/* Asks one thing of a canary: `what` is the endpoint, `kind` what messages call it. */
static int prove(struct prover *prover, const struct canary *canary, const char *what,
                 const char *name, struct text value, const char *kind, struct err *err)
{
    struct proof proof = {0};
    int status = 0;
    buf_init(&proof.path, 4096);
    buf_init(&proof.body, 1 << 16);
    post(&proof, prover->courier, canary->clerk_id, what, name, value);
    while (status == 0 && !proof.done)
        status = courier_work(prover->courier, 100000, err);
    buf_release(&proof.path);
    buf_release(&proof.body);
    if (status == 0 && !proof.verified)
        status =
            err_set(err, ERR_REFUSED, "canary %.*s%s: the target does not verify its %s (%d %s)",
                    TEXT_ARG(canary->id), kind, name, proof.status, proof.code);
    return status;
}

static int prove_password(struct prover *prover, const struct canary *canary, struct err *err)
{
    char kind[DIGEST_CLASS_MAX + 4];
    if (canary->password.len == 0)
        return 0;
    snprintf(kind, sizeof(kind), " (%s)", prover->found->classes[canary->class].name);
    if (prove(prover, canary, "verify_password", "password", canary->password, kind, err))
        return -1;
    prover->found->passwords_proven++;
    return 0;
}

static int prove_totp(struct prover *prover, const struct canary *canary, struct err *err)
{
    char shown[DIGEST_TOTP_MAX];
    struct text code = canary->totp_code;
    if (!canary_proves_totp(canary))
        return 0;
    if (code.len == 0) {
        if (!digest_totp(canary->totp_secret, clock_wall_ms(), shown))
            return err_set(err, ERR_INPUT, "canary %.*s: its TOTP secret is not in base32",
                           TEXT_ARG(canary->id));
        code = text_of(shown);
    }
    if (prove(prover, canary, "verify_totp", "code", code, " (TOTP)", err))
        return -1;
    prover->found->totps_proven++;
    return 0;
}

static int prove_all(struct prover *prover, struct err *err)
{
    struct canaries *canaries = prover->canaries;
    for (size_t i = 0; i < canaries->count; i++) {
        const struct canary *canary = &canaries->at[i];
        if (i % LOOKUP_MAX == 0 && look_up(prover, i, err))
            return -1;
        if (canary->clerk_id.len == 0)
            return err_set(err, ERR_REFUSED, "canary %.*s is not at the target",
                           TEXT_ARG(canary->id));
        if (prove_password(prover, canary, err) || prove_totp(prover, canary, err))
            return -1;
    }
    return 0;
}

int canaries_verify(struct canaries *canaries, const struct migrate_opts *opts,
                    struct migrate_canaries *found, struct err *err)
{
    struct prover prover = {.canaries = canaries, .found = found};
    int status = courier_open(&prover.courier, &opts->target, err);
    if (status == 0)
        status = json_new(&prover.json, 32 << 20, err);
    found->passwords_proven = found->totps_proven = 0;
    if (status == 0)
        status = prove_all(&prover, err);
    if (prover.courier)
        found->requests += courier_requests(prover.courier);
    json_free(prover.json);
    courier_close(prover.courier);
    return status;
}

int canaries_prove(struct canaries *canaries, const struct migrate_opts *opts,
                   const struct migrate_instance *instance, const struct migrate_events *events,
                   const struct migrate_stop *stop, struct migrate_canaries *found, struct err *err)
{
    struct migrate_totals totals = {0};
    struct migrate_opts only = *opts;
    struct migrate_events quiet = {
        .failed = events->failed, .split = events->split, .arg = events->arg};
    only.only = canaries->ids;
    only.only_count = canaries->count;
    only.limit = 0;
    only.rejects = NULL;
    if (migrate_import(&only, instance, &quiet, stop, &totals, err))
        return -1;
    found->requests = totals.requests;
    return canaries_verify(canaries, opts, found, err);
}
