/* The readers, one row each: READER(name), in reader_NAME.c. reader.c says which first bytes are whose. */
#ifndef USHER_SOURCE_READERS_H
#define USHER_SOURCE_READERS_H

#define SOURCE_READERS(READER)                                                                     \
    READER(json)                                                                                   \
    READER(csv)

#endif
