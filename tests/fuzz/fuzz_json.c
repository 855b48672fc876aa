/* JSON: whatever parses is written compactly, and what was written parses to the same bytes again. */
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

#define DOCUMENT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static bool rewrite(struct json *json, struct text t, struct buf *to)
{
    struct json_value root;
    struct err err;
    if (json_parse(json, t, &root, &err))
        return false;
    json_write(root, to);
    return buf_ok(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct json *json;
    struct buf once, twice;
    struct err err;
    if (json_new(&json, DOCUMENT_MAX, &err))
        return 0;
    buf_init(&once, DOCUMENT_MAX);
    buf_init(&twice, DOCUMENT_MAX);
    if (rewrite(json, (struct text){(const char *)at, len}, &once)) {
        if (!rewrite(json, buf_text(&once), &twice) ||
            !text_same(buf_text(&once), buf_text(&twice)))
            abort();
    }
    buf_release(&once);
    buf_release(&twice);
    json_free(json);
    return 0;
}
