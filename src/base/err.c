#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
    char inner[ERR_MESSAGE_MAX], context[ERR_MESSAGE_MAX];
    va_list args;
    memcpy(inner, err->message, sizeof(inner));
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    return err_set(err, err->code, "%s: %s", context, inner);
}

int err_memory(struct err *err)
{
    return err_set(err, ERR_MEMORY, "out of memory");
}
