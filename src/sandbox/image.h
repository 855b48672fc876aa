/*
 * sandbox/image: the pictures of users and organizations: one each, kept as it was sent and served at the address that
 * is told as image_url, /v1/sandbox/images/{owner}/{number}. A new picture has another number, so that no cache keeps
 * the old one.
 *
 *     if (image_take(call, account.clerk.id, &account.image)) call_put_account(call, &account);
 */
#ifndef USHER_SANDBOX_IMAGE_H
#define USHER_SANDBOX_IMAGE_H

#include "sandbox/call.h"

/* Bytes of a picture at most, and of a request that brings one. */
#define IMAGE_MAX      ((size_t)10 << 20)
#define IMAGE_BODY_MAX (IMAGE_MAX + ((size_t)64 << 10))

/* Whether a request of that path may bring one. */
bool image_is_path(struct text path);

/*
 * Keeps the picture of the body, the form's part "file" (multipart/form-data) or, in the Frontend API, base64
 * (application/octet-stream), as the owner's. Refuses with form_param_missing, unsupported_content_type (it is no
 * JPEG, PNG, GIF or WebP, whatever its name says) or image_too_large. Returns false after refusing.
 */
bool image_take(struct call *call, struct text owner, int64_t *number);
/* Forgets it. Refuses with image_not_found if *number is USER_UNSET, and sets it so. Returns false after refusing. */
bool image_drop(struct call *call, struct text owner, int64_t *number);

#endif
