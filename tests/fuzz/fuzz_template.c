/* Templates: whatever compiles writes JSON, over data that holds some of what it may ask for. */
#include <stdlib.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    static const char data[] =
        "{\"a\":{\"b\":[1,null,\"x\\\"\"]},\"c\":false,\"d\":1.5,\"e\":\"\\u0000\"}";
    struct text source = {(const char *)at, len};
    struct template *template;
    struct json_value root, made;
    struct json *json, *check;
    struct arena arena;
    struct buf out;
    struct err err;
    arena_init(&arena, (size_t)1 << 24);
    buf_init(&out, (size_t)1 << 24);
    if (json_new(&json, 1 << 16, &err) != 0 || json_new(&check, (size_t)1 << 24, &err) != 0 ||
        json_parse(json, text_of(data), &root, &err) != 0)
        abort();
    if (template_new(&template, source, &arena, &err) == 0) {
        template_write(template, root, &out);
        if (buf_ok(&out) && json_parse(check, buf_text(&out), &made, &err) != 0)
            abort();
        for (size_t i = 0; template_path(template, i).at; i++)
            ;
    }
    buf_release(&out);
    arena_release(&arena);
    json_free(json);
    json_free(check);
    return 0;
}
