/*
 * sandbox/resource: serves the small things of entry.h. A resource is a table of its fields and what is
 * special about it; reading bodies, composing what is stored, answering, listing and deleting are here.
 *
 *     static const struct resource_field fields[] = {{"url", BODY_TEXT, RESOURCE_NEEDED | RESOURCE_SHOWN}};
 *     static const struct resource redirect = {.kind = ENTRY_REDIRECT_URL, .object = "redirect_url", …};
 *     void redirect_urls_create(struct call *call) { resource_create(call, &redirect, none); }
 *
 * An entry's doc is the JSON object of all its fields, in the order of the table.
 */
#ifndef USHER_SANDBOX_RESOURCE_H
#define USHER_SANDBOX_RESOURCE_H

#include "sandbox/body.h"
#include "sandbox/filter.h"
#include "sandbox/paging.h"
#include "sandbox/entry.h"
#include "sandbox/event.h"

enum {
    RESOURCE_GIVEN = 1,   /* create takes it */
    RESOURCE_NEEDED = 3,  /* and must have it */
    RESOURCE_CHANGED = 4, /* update takes it */
    RESOURCE_SHOWN = 8    /* it is in the answer */
};

struct resource_field {
    const char *name;
    enum body_kind kind;
    int ways;
    const char *preset;  /* JSON, when it was not given or null; NULL: null */
    const char *choices; /* as in struct body_field, as are min and max */
    int64_t min, max;
};

/* What a list can be filtered by. */
enum {
    RESOURCE_BY_STATUS = 1, /* status=pending */
    RESOURCE_BY_QUERY = 2,  /* query=…: id, or part of the name or of the claim */
    RESOURCE_BY_EMAIL = 4   /* email_address=…: the name */
};

/* What webhooks are told of a create, an update and a delete. */
struct resource_events {
    enum event_kind created, updated, deleted;
};

struct resource {
    enum entry_kind kind;
    const char *object; /* of the answer: "redirect_url" */
    const char *what;   /* in sentences: "redirect URL" */
    const char *prefix; /* of ids */
    const struct resource_field *fields;
    size_t count;
    const char *name; /* the field that the entry is called by; NULL: none */
    bool unique;      /* no two of an owner have the same name, whatever its case */
    enum clerk_code taken;
    int filters;
    const char *statuses;                 /* those that a list can be filtered by, "a|b" */
    bool array;                           /* a list is a bare array unless paginated=true */
    bool no_times;                        /* the answer has no created_at and updated_at */
    const struct resource_events *events; /* told with the answer as data; NULL: none */
    /*
     * The last word on what a create (old is NULL) or an update has composed: it may refuse, and change the
     * entry's columns. doc is what the entry's doc holds; valid until desk->json parses something else.
     */
    bool (*check)(struct call *call, const struct entry *old, struct entry *entry,
                  struct json_value doc);
    /* Adds members to the answer; NULL: none. doc as above. Returns false after refusing. */
    bool (*write)(struct call *call, const struct entry *entry, struct json_value doc,
                  struct json_out *out);
};

/* An entry from a body. Returns false after refusing; nothing is stored. old: what an update changes. */
bool resource_read(struct call *call, const struct resource *resource, struct json_value body,
                   struct text owner, const struct entry *old, struct entry *entry);
/* Stores a new entry. Returns false after refusing. */
bool resource_keep(struct call *call, const struct resource *resource, const struct entry *entry);
/* Stores an entry that has changed. */
bool resource_put(struct call *call, const struct resource *resource, struct entry *entry);
/* The entry of an id; refuses with a 404 if the owner (absent: any) has none. */
bool resource_get(struct call *call, const struct resource *resource, struct text owner,
                  struct text id, struct entry *entry);
/* The one of the path's first {}, whosever it is; refuses with a 404 if there is none. */
bool resource_get_path(struct call *call, const struct resource *resource, struct entry *entry);
/* Refuses with that code if the owner (absent: the instance) has `max` of them. */
bool resource_check_room(struct call *call, const struct resource *resource, struct text owner,
                         int64_t max, enum clerk_code code);
/* The entry's status now: "expired" if it was pending until then. */
struct text resource_status(const struct call *call, const struct entry *entry);
/* Parses an entry's doc into desk->json. Returns false after refusing. */
bool resource_doc(struct call *call, const struct entry *entry, struct json_value *doc);
/* Replaces one member of a doc by a JSON value; absent: takes it away. */
bool resource_set(struct call *call, struct entry *entry, const char *member, struct text json);

/* A copy in lower case, as names are compared; absent when memory is out. */
struct text resource_fold(struct arena *arena, struct text t);

/* Appends the object. Returns false after refusing. */
bool resource_write(struct call *call, const struct resource *resource, const struct entry *entry,
                    struct buf *to);

/* Whole handlers: each answers or refuses. */
bool resource_show(struct call *call, const struct resource *resource, const struct entry *entry);
bool resource_create(struct call *call, const struct resource *resource, struct text owner);
bool resource_update(struct call *call, const struct resource *resource, const struct entry *old);
bool resource_delete(struct call *call, const struct resource *resource, const struct entry *entry);

/* Further conditions of a list; NULL: none. owner absent: of every owner. */
struct resource_list {
    struct text owner;
    bool any_owner;
    const struct paging_order *orders;
    size_t order_count;
    bool (*filter)(struct call *call, struct filter *filter);
    bool (*write)(struct call *call, const struct resource *resource, const struct entry *entry,
                  struct buf *to); /* NULL: resource_write */
};
bool resource_list(struct call *call, const struct resource *resource,
                   const struct resource_list *list);
/* The instance's, ordered by created_at, name or key, which is the claim. */
bool resource_list_keyed(struct call *call, const struct resource *resource);

/*
 * {"data":[…],"total_count":…}, around what is written in between: for lists of other things too. On a route of the
 * Frontend API the answer is wrapped as there.
 */
struct json_out resource_begin_list(struct call *call);
void resource_end_list(struct call *call, struct json_out *out, int64_t total);

#endif
