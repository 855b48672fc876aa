/*
 * notify: tells a service manager how the process is, as systemd's sd_notify(3) describes it: a datagram to the
 * socket that the environment names, NOTIFY_SOCKET. Without one, or if nobody is there, nothing happens.
 *
 *     notify_ready();  notify_reloading(); … notify_ready();  notify_stopping();
 */
#ifndef USHER_CLI_NOTIFY_H
#define USHER_CLI_NOTIFY_H

/* Requests are taken from now on; also once a reload is over, however it went. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

#endif
