/**
 * gwb_shm: the shared memory of one balancer: its head, a slot for each
 * member and each one that can be added, a row for each child process.
 *
 * One block from httpd's slotmem provider, anonymous and inherited by fork, so
 * that nothing of a server that was killed is ever found again. The parent
 * makes it in post_config; mod_slotmem_shm frees it when the configuration
 * goes, at graceful restarts too (gwb_carry keeps what is in it). All
 * processes read and write it with atomics, no locks.
 */
#ifndef GWB_SHM_H
#define GWB_SHM_H

#include "gwb_conf.h"

struct ap_slotmem_provider_t;

/** A member: its record, and what the configuration says about it. */
typedef struct gwb_slot gwb_slot;
struct gwb_slot {
    gwb_record rec;
    apr_uint32_t from_file;     /* the configuration has it */
    apr_uint32_t removed;       /* though the configuration has it */
    gwb_settings file;          /* as the configuration has them, or DNS */
    /* a member of a name, written by gwb_named */
    apr_uint32_t named;         /* 1 + index of the GatewayMember that has it;
                                   0: of none */
    apr_uint32_t gone;          /* the name has it no more: it drains */
    char name[GWB_URL_MAX];     /* URL of that GatewayMember */
};

/** rec.used while a slot is being filled: nobody else's any more, not yet a
 * member. */
enum { GWB_SLOT_FREE, GWB_SLOT_USED, GWB_SLOT_CLAIMED };

/** A child's own counters; nobody else writes them while it lives. */
typedef struct gwb_row gwb_row;
struct gwb_row {
    apr_uint32_t pid;           /* 0: free */
    apr_uint32_t waiting;       /* requests in its queue */
};

/** What all children share besides members. */
typedef struct gwb_front gwb_front;
struct gwb_front {
    gwb_head head;
    apr_uint64_t refused;       /* requests that found the queue full */
    apr_uint64_t gave_up;       /* that waited too long in it */
};

/** Where the parts are; const, in pconf. */
typedef struct gwb_shm gwb_shm;
struct gwb_shm {
    gwb_front *front;
    gwb_slot *slots;
    unsigned nslots;
    gwb_row *rows;
    unsigned nrows;
};

/** Settings that count as flags of a record; C and E are kept elsewhere. */
#define GWB_FLAGS_ADMIN (GWB_DISABLED | GWB_STOPPED | GWB_IGNORE \
                         | GWB_STANDBY | GWB_SPARE | GWB_DRAINING)

/** httpd's provider of shared memory, or NULL: mod_slotmem_shm is missing. */
const struct ap_slotmem_provider_t *gwb_shm_provider(void);

/**
 * Make the memory of a balancer, filled with what the configuration says.
 * @param nrows  children at one time
 */
apr_status_t gwb_shm_create(apr_pool_t *pconf,
                            const struct ap_slotmem_provider_t *provider,
                            const gateway_balancer *balancer, unsigned nrows,
                            gwb_shm **pshm);

/** Fill the slots from the configuration; the memory is zeroed. */
void gwb_shm_fill(gwb_shm *shm, const gateway_balancer *balancer);

/** Settings into a record, one by one; readers see each of them whole but for
 * routes, which a new table copies. */
void gwb_shm_store(gwb_record *rec, const gwb_settings *settings);
/** What the record says now. */
void gwb_shm_settings(const gwb_record *rec, gwb_settings *settings);

/** Something changed: every child makes a new table. */
void gwb_shm_changed(gwb_shm *shm);

/** Take a row for this process; NULL when there is none left. */
gwb_row *gwb_shm_claim_row(gwb_shm *shm, apr_uint32_t pid);
/** The process is gone, however it went. */
void gwb_shm_free_row(gwb_shm *shm, apr_uint32_t pid);
/** Requests that wait in all children. */
unsigned gwb_shm_waiting(const gwb_shm *shm);

/** Take a slot that no member of the configuration has; NULL: none left. Its
 * rec.used is GWB_SLOT_CLAIMED until the caller is done. */
gwb_slot *gwb_shm_claim_slot(gwb_shm *shm);

/** The GatewayMember that a slot's member is from; NULL: it was added at run
 * time. */
const gwb_member_conf *gwb_shm_conf(const gwb_shm *shm,
                                    const gateway_balancer *balancer,
                                    const gwb_slot *slot);

/** The GatewayMember that members added at run time are like: of the same
 * scheme, if there is one. */
const gwb_member_conf *gwb_shm_like(const gateway_balancer *balancer,
                                    const char *url);

#endif
