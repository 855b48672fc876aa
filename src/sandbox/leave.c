#include "sandbox/leave.h"

#include <stdio.h>

#include "sandbox/jwt_signature.h"

/* A slow body comes in so many pieces, with so long a pause before each. */
#define SLOW_PIECES   10
#define SLOW_PAUSE_US 200000

static void count(struct stats *stats, int status)
{
    if (status >= 500)
        stats->failed++;
    else if (status >= 400)
        stats->refused++;
}

/* Keeps what the page shows of a request; its own ones are not worth it. */
static void keep(struct ring *ring, const struct call *call)
{
    const struct server_request *request = call->request;
    if (!text_starts(request->path, TEXT("/v1/sandbox/")))
        ring_put(ring, &(struct ring_request){.method = request->method,
                                              .path = request->path,
                                              .at_ms = call->now_ms,
                                              .took_us = clock_now_us() - request->arrived_us,
                                              .status = call->drop ? 0 : call->status});
}

/* From any thread. */
static void release(struct call *call)
{
    char retry_after[24];
    struct server_answer answer = {.status = call->status,
                                   .content_type = call->content_type,
                                   .body = buf_text(&call->request->out),
                                   .drop = call->drop};
    for (size_t i = 0; i < call->header_count; i++)
        answer.headers[answer.header_count++] = call->headers[i];
    if (call->retry_after_s >= 0) {
        snprintf(retry_after, sizeof(retry_after), "%lld", (long long)call->retry_after_s);
        answer.headers[answer.header_count++] = (struct server_header){"Retry-After", retry_after};
    }
    if (call->slow) {
        answer.pieces = SLOW_PIECES;
        answer.pause_us = SLOW_PAUSE_US;
    }
    int64_t latency_us = call->desk->latency_us;
    if (latency_us > 0)
        answer.not_before_us = call->request->arrived_us + latency_us;
    server_answer(call->request, &answer);
}

/* A signature of any length: what is behind the token makes room for it. */
static bool sign_with_own(const struct call_signature *signature, struct buf *body)
{
    size_t end = signature->at + signature->len;
    struct buf behind;
    buf_init(&behind, body->max);
    buf_add(&behind, text_part(buf_text(body), end, body->len));
    body->len = end;
    bool ok = jwt_signature_append(signature->algorithm, signature->key, signature->at, body);
    buf_add(body, buf_text(&behind));
    ok = ok && buf_ok(&behind) && buf_ok(body);
    buf_release(&behind);
    return ok;
}

static bool sign_with_instance(const struct call_signature *signature,
                               const struct key_signer *signer, struct buf *body)
{
    struct text input = {body->at + signature->at, signature->len};
    return signer && keys_sign(signer, input, body->at + signature->at + input.len + 1);
}

/* The last one first, so that those before it stay where they are. */
static bool sign_all(struct call *call)
{
    struct buf *body = &call->request->out;
    for (size_t i = call->signature_count; i-- > 0;) {
        const struct call_signature *signature = &call->signatures[i];
        if (signature->key.at ? !sign_with_own(signature, body)
                              : !sign_with_instance(signature, call->signer, body))
            return false;
    }
    return true;
}

/* What was committed leaves, signed. From any thread. */
static void sign(void *arg)
{
    struct call *call = arg;
    if (!sign_all(call))
        call_fail(call, CLERK_internal_clerk_error, NULL, "A token could not be signed.");
    key_drop(call->signer);
    release(call);
}

void leave_note(struct call *call)
{
    struct desk *desk = call->desk;
    const struct key *key = keys_current(&desk->instance->keys);
    count(&desk->stats, call->status);
    keep(&desk->ring, call);
    if (call->signature_count > 0 && key)
        call->signer = key_hold(key);
}

void leave_note_spoiled(struct call *call, const struct err *err)
{
    call->status = 0;
    call->retry_after_s = -1;
    call_broken(call, err);
    leave_note(call);
}

void leave(struct call *call, struct pool *signers)
{
    if (call->signature_count == 0)
        release(call);
    else if (!signers || !pool_put(signers, sign, call))
        sign(
            call); /* when more wait than the queue holds, whoever brings the next one waits with them */
}
