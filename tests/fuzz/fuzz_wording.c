/* Wordings of messages: every text can be filled, and nothing but {{names}} of it changes. */
#include <stdlib.h>
#include <string.h>

#include "sandbox/wording.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

/* What is left when every name is nothing. */
static struct text fill(struct text source, struct buf *to)
{
    buf_reset(to);
    wording_fill(source, TEXT(""), NULL, 0, to);
    return buf_text(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    const struct wording_value values[] = {{"otp_code", TEXT("{{otp_code}}")}};
    struct text source = {(const char *)at, len};
    struct buf once, twice;
    buf_init(&once, (size_t)1 << 24);
    buf_init(&twice, (size_t)1 << 24);
    bool plain = !memmem(at, len, "{{", 2), whole = wording_is_well_formed(source);
    if ((plain && !whole) ||
        (!whole && !text_ends(fill(source, &once), text_part(source, len - 1, 1))) ||
        (plain && !text_same(fill(source, &once), source)))
        abort();
    /* A value is put in once, whatever is in it. */
    wording_fill(source, TEXT("app"), values, ARRAY_COUNT(values), &twice);
    if (wording_uses(source, TEXT("otp_code")) !=
            (memmem(twice.at, twice.len, "{{otp_code}}", 12) != NULL) &&
        whole && !memmem(at, len, "{{{", 3))
        abort();
    buf_release(&once);
    buf_release(&twice);
    return 0;
}
