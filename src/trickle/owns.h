/*
 * The gateway's own endpoints, one row each: OWN(method, path, handler). They stand beside the proxy's path, for
 * an application's servers; whoever is in front decides which of them the world sees.
 */
#ifndef USHER_TRICKLE_OWNS_H
#define USHER_TRICKLE_OWNS_H

#define OWNS(OWN)                                                                                  \
    OWN(GET, "/usher/health", own_health)                                                          \
    OWN(POST, "/usher/v1/sign_in", own_sign_in)                                                    \
    OWN(GET, "/usher/v1/bridge", own_bridge)                                                       \
    OWN(POST, "/usher/v1/bridge", own_bridge)                                                      \
    OWN(OPTIONS, "/usher/v1/bridge", own_bridge)                                                   \
    OWN(POST, "/usher/v1/webhook", own_webhook)

#endif
