// The one C++ file: simdjson's DOM behind the C face of json.h.
//
// A json_value is a simdjson element taken apart: the document and the index of its first tape word.
// simdjson 3.0 keeps that pair in dom::element (via internal::tape_ref), whose layout is the same two
// members in the same order; the static_asserts below hold it to that.

#include <cstdlib>
#include <cstring>
#include <new>

#include <simdjson.h>

extern "C" {
#include "json/json.h"
}

using namespace simdjson;

struct json {
    dom::parser parser;
    explicit json(size_t max) : parser(max)
    {
    }
};

static_assert(sizeof(dom::element) == sizeof(json_value), "element is document and index");
static_assert(JSON_PADDING >= SIMDJSON_PADDING, "padding");

static dom::element element_of(json_value value)
{
    dom::element element;
    memcpy(static_cast<void *>(&element), &value, sizeof(value));
    return element;
}

static json_value value_of(dom::element element)
{
    json_value value;
    memcpy(&value, static_cast<void *>(&element), sizeof(value));
    return value;
}

static text text_from(std::string_view view)
{
    return text{view.data(), view.size()};
}

// Memory set aside for operator new: an allocation that fails while it is held gets it, and is tried again.
struct reserve {
    reserve() : before(std::get_new_handler())
    {
        memory = malloc(64 << 10);
        if (!memory)
            throw std::bad_alloc();
        std::set_new_handler(give);
    }

    ~reserve()
    {
        std::set_new_handler(before);
        free(memory);
        memory = nullptr;
    }

    static void give()
    {
        if (!memory)
            throw std::bad_alloc();
        free(memory);
        memory = nullptr;
    }

    static void *memory;
    std::new_handler before;
};

void *reserve::memory;

// At its first use simdjson chooses its code for this processor, and allocates a few names in functions that must
// not throw: std::terminate would follow a failure. So it chooses here, with a reserve. Returns whether it has;
// if not, there is no memory, and the next call tries again.
static bool choose_code()
{
    try {
        static const bool chosen = [] {
            reserve held;
            get_active_implementation() = get_available_implementations().detect_best_supported();
            return true;
        }();
        return chosen;
    } catch (const std::bad_alloc &) {
        return false;
    }
}

int json_new(struct json **out, size_t max, struct err *err)
{
    if (!choose_code())
        return err_memory(err);
    struct json *made = new (std::nothrow) json(max);
    if (!made)
        return err_memory(err);
    if (made->parser.allocate(0, JSON_DEPTH_MAX) != SUCCESS) {
        delete made;
        return err_memory(err);
    }
    *out = made;
    return 0;
}

void json_free(struct json *json)
{
    delete json;
}

static int parse(struct json *json, text t, bool copy, json_value *root, struct err *err)
{
    dom::element element;
    if (json->parser.max_depth() != JSON_DEPTH_MAX &&
        json->parser.allocate(json->parser.capacity(), JSON_DEPTH_MAX) != SUCCESS)
        return err_memory(err);
    error_code code = json->parser.parse(t.at ? t.at : "", t.len, copy).get(element);
    if (code == MEMALLOC)
        return err_memory(err);
    if (code != SUCCESS)
        return err_set(err, ERR_INPUT, "not JSON: %s", error_message(code));
    *root = value_of(element);
    return 0;
}

int json_parse(struct json *json, text t, json_value *root, struct err *err)
{
    return parse(json, t, true, root, err);
}

int json_parse_padded(struct json *json, text t, json_value *root, struct err *err)
{
    return parse(json, t, false, root, err);
}

static inline enum json_type type_of(dom::element element)
{
    switch (element.type()) {
    case dom::element_type::ARRAY:
        return JSON_ARRAY;
    case dom::element_type::OBJECT:
        return JSON_OBJECT;
    case dom::element_type::INT64:
        return JSON_INT;
    case dom::element_type::UINT64:
        return JSON_UINT;
    case dom::element_type::DOUBLE:
        return JSON_DOUBLE;
    case dom::element_type::STRING:
        return JSON_STRING;
    case dom::element_type::BOOL:
        return JSON_BOOL;
    default:
        return JSON_NULL;
    }
}

enum json_type json_type(json_value value)
{
    return value.document ? type_of(element_of(value)) : JSON_ABSENT;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {"absent",   "null",     "a boolean", "a number", "a number",
                                        "a number", "a string", "an array",  "an object"};
    return names[type];
}

text json_text(json_value value)
{
    std::string_view view;
    if (!value.document || element_of(value).get(view) != SUCCESS)
        return text{nullptr, 0};
    return text_from(view);
}

bool json_true(json_value value)
{
    bool truth;
    return value.document && element_of(value).get(truth) == SUCCESS && truth;
}

int64_t json_int(json_value value)
{
    int64_t number;
    return value.document && element_of(value).get(number) == SUCCESS ? number : 0;
}

uint64_t json_uint(json_value value)
{
    uint64_t number;
    return value.document && element_of(value).get(number) == SUCCESS ? number : 0;
}

double json_double(json_value value)
{
    double number;
    return value.document && element_of(value).get(number) == SUCCESS ? number : 0;
}

json_value json_get(json_value value, text key)
{
    dom::object object;
    dom::element found;
    if (!value.document || element_of(value).get(object) != SUCCESS)
        return json_value{nullptr, 0};
    if (object.at_key(std::string_view(key.at, key.len)).get(found) != SUCCESS)
        return json_value{nullptr, 0};
    return value_of(found);
}

static json_value element_at(json_value value, text digits)
{
    uint64_t index;
    dom::array array;
    dom::element found;
    if (!text_u64(digits, SIZE_MAX, &index) || element_of(value).get(array) != SUCCESS ||
        array.at(static_cast<size_t>(index)).get(found) != SUCCESS)
        return json_value{nullptr, 0};
    return value_of(found);
}

json_value json_path(json_value value, text path)
{
    text step;
    while (value.document && text_field(&path, '.', &step))
        value = json_type(value) == JSON_ARRAY ? element_at(value, step) : json_get(value, step);
    return value;
}

size_t json_count(json_value value)
{
    size_t count = 0;
    struct json_walk walk = json_walk(value);
    while (json_next(&walk))
        count++;
    return count;
}

struct json_walk json_walk(json_value value)
{
    struct json_walk walk = {};
    dom::array array;
    dom::object object;
    if (!value.document)
        return walk;
    walk.document = value.document;
    if (element_of(value).get(object) == SUCCESS) {
        dom::object::iterator from = object.begin(), to = object.end();
        json_value at;
        walk.object = true;
        memcpy(&at, static_cast<void *>(&from), sizeof(at));
        walk.at = at.index;
        memcpy(&at, static_cast<void *>(&to), sizeof(at));
        walk.end = at.index;
    } else if (element_of(value).get(array) == SUCCESS) {
        dom::array::iterator from = array.begin(), to = array.end();
        json_value at;
        memcpy(&at, static_cast<void *>(&from), sizeof(at));
        walk.at = at.index;
        memcpy(&at, static_cast<void *>(&to), sizeof(at));
        walk.end = at.index;
    }
    return walk;
}

static_assert(sizeof(dom::object::iterator) == sizeof(json_value), "iterator is a tape_ref");
static_assert(sizeof(dom::array::iterator) == sizeof(json_value), "iterator is a tape_ref");

bool json_next(struct json_walk *walk)
{
    if (walk->at == walk->end)
        return false;
    json_value here = {walk->document, walk->at};
    if (walk->object) {
        dom::object::iterator at;
        memcpy(static_cast<void *>(&at), &here, sizeof(here));
        walk->key = text_from(at.key());
        dom::element value = at.value();
        walk->value = value_of(value);
        walk->type = type_of(value);
        ++at;
        memcpy(&here, static_cast<void *>(&at), sizeof(here));
    } else {
        dom::array::iterator at;
        memcpy(static_cast<void *>(&at), &here, sizeof(here));
        dom::element value = *at;
        walk->value = value_of(value);
        walk->type = type_of(value);
        ++at;
        memcpy(&here, static_cast<void *>(&at), sizeof(here));
    }
    walk->at = here.index;
    return true;
}
