/**
 * gwb_record: what all children know of a member: plain records in shared
 * memory.
 *
 * No pointers; every field that changes at run time is written with atomics
 * (gwb_load/gwb_store and __atomic builtins), so that no lock is held in the
 * request path and a child that is killed leaves nothing locked. Settings
 * are written by the administration and at start, health by gwb_health alone,
 * counters by everybody. Times are gw_time of the monotonic clock, which is
 * one for all processes of a machine.
 */
#ifndef GWB_RECORD_H
#define GWB_RECORD_H

#include "gw_base.h"

/* Bumped when the layout changes: a stored state of another version is not
 * read. */
#define GWB_RECORD_VERSION 1

/* Longer names are configuration errors, never cut. */
#define GWB_URL_MAX     512
#define GWB_ROUTE_MAX   96

/** Status flags under mod_proxy's letters. */
enum {
    GWB_DISABLED = 1,       /* D takes nothing */
    GWB_STOPPED = 2,        /* S takes nothing, never retried */
    GWB_IGNORE = 4,         /* I errors never make it unusable */
    GWB_STANDBY = 8,        /* H when nobody else of its lbset works */
    GWB_SPARE = 16,         /* R replaces unusable ones of its lbset */
    GWB_DRAINING = 32,      /* N only requests that stick to it */
    GWB_ERROR = 64,         /* E ejected by failures: see gwb_health */
    GWB_CHECK_FAILED = 128  /* C by active checks */
};

typedef struct gwb_record gwb_record;
struct gwb_record {
    /* fixed while used */
    apr_uint32_t used;              /* 0: a free slot */
    apr_uint32_t id;                /* unique in its balancer, never reused */
    char url[GWB_URL_MAX];
    /* settings */
    char route[GWB_ROUTE_MAX];
    char redirect[GWB_ROUTE_MAX];
    apr_uint32_t weight;            /* hundredths, 100..10000 */
    apr_uint32_t lbset;             /* 0..99 */
    apr_uint32_t flags;             /* D S I H R N of the administration;
                                       E and C are in the fields below */
    /* passive health, written by gwb_health */
    apr_uint32_t failures;          /* in a row */
    apr_uint32_t ejections;         /* without a success in between */
    apr_int64_t ejected_until;      /* 0: not ejected */
    apr_int64_t trial_until;        /* a trial request is under way */
    apr_int64_t slow_since;         /* begin of a slow start, 0: none */
    /* active checks, written by the checking child */
    apr_uint32_t check_failed;      /* C */
    apr_uint32_t check_passes;      /* in a row */
    apr_uint32_t check_fails;       /* in a row */
    apr_uint32_t check_status;      /* last HTTP status, 0: none */
    apr_int64_t check_at;           /* end of the last one */
    /* counters since start */
    apr_uint64_t elected;
    apr_uint64_t errors;
    apr_uint64_t sent;
    apr_uint64_t received;
    apr_int64_t ttfb;               /* EWMA, us, 0: none yet */
    apr_int64_t traffic_at;         /* of the decaying sum below */
    apr_uint64_t traffic;           /* bytes, halves in 10 s */
};

/** One balancer's own record. */
typedef struct gwb_head gwb_head;
struct gwb_head {
    apr_uint32_t version;           /* GWB_RECORD_VERSION */
    apr_uint32_t generation;        /* bumped by every change of members or
                                       settings: children refresh */
    apr_uint32_t next_id;
    apr_uint32_t queued;            /* waiting in all children */
    apr_int64_t window_at;          /* the retry budget's 10 s windows */
    apr_uint32_t requests[2];
    apr_uint32_t retries[2];
};

/** Atomic access to a field of any width. */
#define gwb_load(p)         __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define gwb_store(p, v)     __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define gwb_add(p, v)       __atomic_add_fetch((p), (v), __ATOMIC_ACQ_REL)

#endif
