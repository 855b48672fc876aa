#include "migrate/select.h"

bool select_is_wanted(const struct migrate_opts *opts, struct text id)
{
    for (size_t i = 0; i < opts->only_count; i++)
        if (text_same(text_of(opts->only[i]), id))
            return true;
    return opts->only_count == 0;
}
