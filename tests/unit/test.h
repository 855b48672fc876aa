/* What every cmocka program includes: cmocka needs these headers before it. */
#ifndef USHER_TEST_H
#define USHER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

/* Asserts that a text equals a string literal. */
#define assert_text(actual, literal)                                                               \
    do {                                                                                           \
        struct text actual_ = (actual);                                                            \
        assert_int_equal(actual_.len, sizeof(literal) - 1);                                        \
        assert_memory_equal(actual_.at, literal, sizeof(literal) - 1);                             \
    } while (0)

#endif
