/*
 * What became of a request.
 *
 * Answered: a status and a whole body. Unsent: curl wrote not one byte of the request; that is asked of
 * CURLINFO_REQUEST_SIZE, which adds up over curl's own second attempts, and not concluded from the error
 * code, since the second attempt of a request may fail to connect after the first one was sent. All else
 * is unknown.
 */
#include "target/call.h"

#define DAY_S INT64_C(86400)

int64_t target_retry_after_us(const char *value, int64_t now_ms)
{
    uint64_t seconds;
    struct text t = text_trim(text_of(value));
    if (t.len > 0 && text_find(t, ' ', 0) == t.len) {
        while (t.len > 1 && t.at[0] == '0')
            t = text_part(t, 1, t.len);
        if (!text_u64(t, INT64_MAX, &seconds))
            return -1;
        return (seconds > (uint64_t)DAY_S ? DAY_S : (int64_t)seconds) * 1000000;
    }
    time_t at = curl_getdate(value, NULL);
    if (at == -1)
        return -1;
    int64_t us = ((int64_t)at * 1000 - now_ms) * 1000;
    if (us < 0)
        return 0;
    return us > DAY_S * 1000000 ? DAY_S * 1000000 : us;
}

static int64_t retry_after_us(CURL *easy)
{
    struct curl_header *header;
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    return target_retry_after_us(header->value, clock_wall_ms());
}

static void judge_answered(struct target_call *call, struct target_answer *answer)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->result = TARGET_ANSWERED;
    answer->status = (int)status;
    answer->body = buf_text(&call->answer);
    if (status >= 300)
        answer->retry_after_us = retry_after_us(call->easy);
}

static const char *advice(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return "; check CLERK_API_URL and the name server";
    case CURLE_COULDNT_CONNECT:
        return "; check CLERK_API_URL, and that the host can be reached from here";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
        return "; check CLERK_API_URL, this machine's clock and its certificates (ca-certificates)";
    default:
        return "";
    }
}

void target_judge(struct target_call *call, CURLcode code, const char *host,
                  struct target_answer *answer)
{
    *answer = (struct target_answer){.retry_after_us = -1};
    if (code == CURLE_OK && !call->too_long) {
        judge_answered(call, answer);
        return;
    }
    long sent = 1;
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
    answer->result = sent == 0 ? TARGET_UNSENT : TARGET_UNKNOWN;
    if (call->too_long)
        err_set(&answer->err, ERR_NETWORK, "%s: the answer is longer than %zu bytes", host,
                call->answer.max);
    else
        err_set(&answer->err, ERR_NETWORK, "%s: %s%s", host,
                call->error[0] ? call->error : curl_easy_strerror(code), advice(code));
}
