/* net: HTTP as servers and clients need it; thin faces over libmicrohttpd, libcurl and OpenSSL. */
#ifndef USHER_NET_H
#define USHER_NET_H

#include "net/client.h"
#include "net/form.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/server.h"
#include "net/timer.h"

#endif
