/* net: thin faces over the HTTP libraries. */
#ifndef USHER_NET_H
#define USHER_NET_H

#include "net/http.h"

#endif
