/*
 * sandbox/jwt_template: named sets of claims for tokens that other services read.
 */
#ifndef USHER_SANDBOX_JWT_TEMPLATE_H
#define USHER_SANDBOX_JWT_TEMPLATE_H

#include "sandbox/row.h"

/* signing_key: as in jwt_signature.h; absent: the instance's RS256 key signs. */
#define JWT_TEMPLATE_COLUMNS(TEXT_, NUMBER_)                                                       \
    TEXT_(name)                                                                                    \
    TEXT_(claims)                                                                                  \
    NUMBER_(lifetime)                                                                              \
    NUMBER_(allowed_clock_skew)                                                                    \
    TEXT_(signing_algorithm) TEXT_(signing_key) NUMBER_(created_at) NUMBER_(updated_at)
struct jwt_template {
    struct text id;
    JWT_TEMPLATE_COLUMNS(ROW_TEXT, ROW_NUMBER)
};
extern const struct row_table jwt_template_table;

struct call;

/* The template of that name; refuses with a 404 if there is none. */
bool jwt_template_find(struct call *call, struct text name, struct jwt_template *template);

/* Appends header and payload, encoded ("a.b"), of those claims, for the template's own key. */
void jwt_template_encode(const struct call *call, const struct jwt_template *template,
                         struct text claims, struct buf *to);

#endif
