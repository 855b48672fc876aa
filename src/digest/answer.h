/* answer: the last step of every verify. */
#ifndef USHER_DIGEST_ANSWER_H
#define USHER_DIGEST_ANSWER_H

#include "digest/digest.h"

/* Match if both are the same len bytes, compared in constant time. Wipes `computed`. */
enum digest_answer answer_compare(uint8_t *computed, const void *stored, size_t len);

/* Cannot tell, because the library could not compute: memory. */
enum digest_answer answer_no_memory(struct err *err);

/* Cannot tell, because computing it would take minutes or longer. */
enum digest_answer answer_too_costly(struct err *err);

#endif
