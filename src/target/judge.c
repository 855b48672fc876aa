/* What both carriers say of an answer, or of its lack. */
#include "target/call.h"

#include <curl/curl.h>

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

struct target_answer target_no_answer(const struct target *target, bool sent, const char *why,
                                      const char *advice)
{
    struct target_answer answer = {.result = sent ? TARGET_UNKNOWN : TARGET_UNSENT,
                                   .retry_after_us = -1};
    err_set(&answer.err, ERR_NETWORK, "%s: %s%s", target->host, why, advice);
    return answer;
}

struct target_answer target_too_long(const struct target *target)
{
    struct target_answer answer = {.result = TARGET_UNKNOWN, .retry_after_us = -1};
    err_set(&answer.err, ERR_NETWORK, "%s: the answer is longer than %zu bytes", target->host,
            target->answer_max);
    return answer;
}
