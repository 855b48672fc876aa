/* The inside of client: what its files share. Nobody else includes this. */
#ifndef USHER_NET_CLIENT_INSIDE_H
#define USHER_NET_CLIENT_INSIDE_H

#include "net/answer.h"
#include "net/channel.h"
#include "net/client.h"
#include "net/origin.h"

struct client_connection {
    struct channel channel; /* first: its watch leads here */
    struct client *client;
    struct client_call *call; /* that it carries; NULL: it rests */
    bool reused;              /* it has carried another call before this one */
    int64_t rests_since_us;
    struct client_connection *next, *prev; /* of those that rest, the last one first */
};

struct client_call {
    struct client *client;
    struct client_handler on;
    struct client_connection *connection; /* NULL: waits for addresses, or has failed */
    struct client_call *next, *prev;      /* among the active; next: of the free */
    struct client_call *next_stirred;
    bool stirred;            /* wants a turn: it was resumed, or has failed */
    bool failed;             /* for the reason in failure */
    bool open;               /* the connection is */
    bool mute;               /* the server takes no more, and may yet have answered */
    bool begun, told_lull;   /* of the answer */
    bool is_safe;            /* by its method: to do it twice is to do it once */
    bool uploads, in_chunks; /* the body is not all in out yet; and has no length */
    bool flushed;            /* bytes of it are gone from out, so that it cannot be sent again */
    uint64_t upload_left;
    size_t address; /* of the origin, that it connects to */
    int64_t give_up_us, connect_by_us, moved_us;
    struct buf out; /* the request, as far as it is there */
    size_t written; /* of out */
    struct buf in;  /* what has come and cannot be read yet, or was not taken */
    size_t refused; /* bytes in front of in: a piece that was not taken; 0: none */
    struct answer answer;
    struct client_failure failure;
};

struct client {
    struct loop_source source;
    struct client_opts opts; /* without its texts */
    struct origin origin;
    struct tls *tls;
    int64_t due_us; /* when something may have lasted too long */
    struct client_call *free, *active, *stirred;
    struct client_connection *resting;
    uint32_t in_flight;
    char scratch[CLIENT_PIECE_MAX]; /* what is being read */
};

/* --- client.c --- */

/* Has the call's turn come soon. */
void client_stir(struct client_call *call);
/* Ends a call in its next turn, as failed; its connection is closed at once. */
void client_fail(struct client_call *call, enum err_code code, const char *why);
/* Ends a call whose answer is whole; its connection has parted. It is gone afterwards. */
void client_finish(struct client_call *call);
/* Something may have lasted too long at that time. */
void client_note_due(struct client *client, int64_t due_us);
/* Empties a buffer that has held secrets. */
void client_wipe(struct buf *buf);

/* --- client_request.c --- */

/* Puts the head, and a body that is there, into call->out. False when memory is out. */
bool client_put_request(struct client_call *call, const struct client_request *request);
/* Puts more of a streamed body there. False when there is none now. */
bool client_put_more(struct client_call *call);

/* --- client_connect.c --- */

/* Finds a connection for a call and writes to it, or sets out to make one. */
void client_connect(struct client_call *call);
/* Connecting took too long. */
void client_connect_late(struct client_call *call);
/* The connection of a call has ended, well or not, before the answer was whole. */
void client_lost(struct client_call *call, const char *why);
/* Takes the connection, if any, away from its call: to rest, if it may, or to be closed. */
void client_part(struct client_call *call, bool keep);
/* Closes those that have rested for too long; now INT64_MAX: all. */
void client_close_resting(struct client *client, int64_t now);
/* For the origin: its addresses were found, or not. */
void client_on_found(void *arg, const struct err *err);

/* --- client_exchange.c --- */

/* Writes as far as that goes. The call may have failed afterwards. */
void client_write_on(struct client_call *call);
/* Reads as far as that goes. The call may be gone afterwards. */
void client_read_on(struct client_call *call);
/* Both, behind a client_resume. The call may be gone afterwards. */
void client_go_on(struct client_call *call);

#endif
