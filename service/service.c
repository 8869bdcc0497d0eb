#include "service/service.h"

/*
 * One at a time, the reload of the keys included: who finds the list up to date must find the
 * keys so, too, though another thread was the one to learn that they changed.
 */
enum rc service_follow(struct service *service, struct err *err)
{
    bool keys_changed = false;

    pthread_mutex_lock(&service->follow_lock);
    enum rc rc = blocklist_follow(service->list, &keys_changed, err);
    if (keys_changed)
        service->keys_stale = true;
    if (rc == RC_OK && service->keys_stale) {
        rc = keyring_load(service->keys, service->store, err);
        if (rc == RC_OK)
            service->keys_stale = false;
    }
    pthread_mutex_unlock(&service->follow_lock);
    return rc;
}
