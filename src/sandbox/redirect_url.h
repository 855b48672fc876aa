/* sandbox/redirect_url: where applications have browsers and people sent back to. */
#ifndef USHER_SANDBOX_REDIRECT_URL_H
#define USHER_SANDBOX_REDIRECT_URL_H

#include "base/base.h"

/* Whether it is a whole URL of any scheme: "https://…", "my-app://…"; no blanks or control characters. */
bool redirect_url_is_whole(struct text url);

#endif
