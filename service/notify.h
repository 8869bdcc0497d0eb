/* Tells the service manager how we are: systemd's protocol over $NOTIFY_SOCKET. */
#ifndef SERVICE_NOTIFY_H
#define SERVICE_NOTIFY_H

/* "READY=1", "STOPPING=1".  Nobody listening is no failure. */
void notify_manager(const char *state);

#endif
