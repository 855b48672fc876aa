/*
 * Forms, cookies and multipart bodies: whatever comes is read or refused, what is read lies inside the input or
 * the arena, and an encoded form reads back as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox/cookie.h"
#include "net/net.h"

#define MEMORY_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void write_form(const struct form_fields *form, struct buf *to)
{
    for (size_t i = 0; i < form->count; i++) {
        if (i > 0)
            buf_byte(to, '&');
        form_encode(form->at[i].name, to);
        buf_byte(to, '=');
        form_encode(form->at[i].value, to);
    }
}

/* An empty form has no parameters; one with names that end in [] loses them twice. */
static bool comes_back(const struct form_fields *a, const struct form_fields *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!text_same(a->at[i].value, b->at[i].value) ||
            (!text_same(a->at[i].name, b->at[i].name) && !text_ends(a->at[i].name, TEXT("[]"))))
            return false;
    return true;
}

static void try_form(struct text input, struct arena *arena)
{
    struct form_fields form, again;
    struct buf encoded;
    if (form_parse(input, arena, &form) != FORM_OK)
        return;
    buf_init(&encoded, 4 * MEMORY_MAX);
    write_form(&form, &encoded);
    if (form.count > 0 && buf_ok(&encoded) &&
        form_parse(buf_text(&encoded), arena, &again) == FORM_OK && !comes_back(&form, &again))
        abort();
    form_get(&form, TEXT("identifier"));
    buf_release(&encoded);
}

static void check_inside(struct text whole, struct text part)
{
    if (part.len > 0 && (part.at < whole.at || part.at + part.len > whole.at + whole.len))
        abort();
}

/* The first line is the Content-Type, what follows the body. */
static void try_multipart(struct text input)
{
    size_t line = text_find(input, '\n', 0);
    struct text type = text_part(input, 0, line), body = text_part(input, line + 1, input.len);
    struct form_part part;
    if (!form_part(type, body, TEXT("file"), &part))
        return;
    check_inside(body, part.content);
    check_inside(body, part.filename);
    check_inside(body, part.type);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct text input = {(const char *)at, len};
    struct arena arena;
    arena_init(&arena, MEMORY_MAX);
    try_form(input, &arena);
    try_multipart(input);
    check_inside(input, cookie_get(input, TEXT("__client")));
    check_inside(input, cookie_domain(input));
    arena_release(&arena);
    return 0;
}
