/**
 * gw_names: the bounded table of names behind gw_resolve.
 *
 * A hash table with the names in order of use; where it is full the least
 * recently used one goes. Owned by the resolver; its lock is held over every
 * call here.
 */
#ifndef GW_NAMES_H
#define GW_NAMES_H

#include "gw_addrset.h"
#include <apr_ring.h>

/** Longest name in presentation form, its final dot counted (RFC 1035
 * 2.3.4). */
#define GW_NAME_MAX 254

typedef struct gw_name gw_name;

/** A lookup that waits, or that nobody has taken the result of. */
struct gw_lookup {
    APR_RING_ENTRY(gw_lookup) link; /* in name->waiters until done */
    gw_resolver *resolver;          /* a reference */
    gw_waker *waker;
    gw_name *name;                  /* there until done */
    /* guarded by the resolver's lock */
    int done;
    apr_status_t rv;
    gw_addrset *set;                /* a reference */
};

/**
 * A cached name. Idle, it is what the cache says; busy, a query for it is
 * queued or under way (then it never goes), and lookups may wait on it.
 */
struct gw_name {
    unsigned int hash;              /* const */
    /* guarded by the resolver's lock */
    gw_name *chain;                 /* next in the hash table */
    APR_RING_ENTRY(gw_name) used;   /* in order of use */
    APR_RING_ENTRY(gw_name) todo;   /* while queued for the thread */
    int busy;
    gw_addrset *set;                /* the last good answer, or NULL */
    apr_status_t rv;                /* without a set: what lookups get */
    gw_time expires;                /* 0: at once */
    int failing;                    /* the last query had no answer */
    APR_RING_HEAD(, gw_lookup) waiters;
    char text[];                    /* const: the key */
};

typedef struct gw_names gw_names;

/** The key of a name: lower case, into key[GW_NAME_MAX + 1].
 * @return 1, or 0 when no such name can exist */
int gw_name_key(const char *text, char *key);

/** An empty table for up to max names. NULL: no memory. */
gw_names *gw_names_create(int max);
/** Free the table and its names; waiters must be gone. */
void gw_names_destroy(gw_names **pnames);

/** The name of a key, made where it is new, and the most recently used from
 * now on. NULL: all max names are busy, or no memory. */
gw_name *gw_names_use(gw_names *names, const char *key);

/** Let every name expire at once; the last good answers stay for the case
 * that no new ones come. */
void gw_names_expire(gw_names *names);

/** Walk all names: the one after name, the first after NULL; NULL at the
 * end. */
gw_name *gw_names_next(gw_names *names, gw_name *name);

/** Names held, for tests. */
int gw_names_count(const gw_names *names);

#endif
