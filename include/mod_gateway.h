/**
 * mod_gateway: the public contract of mod_gateway.so.
 *
 * Other modules include this file only (and gateway/base, which it names).
 * Two parts: what mod_gateway offers (targets, probes; optional functions),
 * and what a balancer gives it (a provider). mod_gateway_balancer.so is one
 * such balancer; nothing here knows how it chooses.
 *
 * Threads: configuration functions while httpd reads its configuration;
 * request functions in the thread that drives the request; the others as
 * said.
 */
#ifndef MOD_GATEWAY_H
#define MOD_GATEWAY_H

#include <apr_optional.h>
#include <apr_pools.h>

#include "gw_base.h"
#include "gw_waker.h"

struct cmd_parms_struct;
struct request_rec;
struct server_rec;

/** Version of this contract; grows when something changes. */
#define GATEWAY_API_VERSION 4

/* -- names in r->subprocess_env, set before the request is logged -------- */

#define GATEWAY_ENV_ADDR        "GATEWAY_ADDR"          /* address:port of the
                                                           last attempt */
#define GATEWAY_ENV_CONNECT_MS  "GATEWAY_CONNECT_MS"    /* likewise */
#define GATEWAY_ENV_TTFB_MS     "GATEWAY_TTFB_MS"       /* to the response
                                                           head */
#define GATEWAY_ENV_MS          "GATEWAY_MS"            /* whole exchange */
#define GATEWAY_ENV_STATUS      "GATEWAY_STATUS"        /* of the backend */
#define GATEWAY_ENV_TRIES       "GATEWAY_TRIES"         /* every address that
                                                           was tried, in
                                                           order, ", " between
                                                           */
#define GATEWAY_ENV_ATTEMPTS    "GATEWAY_ATTEMPTS"      /* how many */
#define GATEWAY_ENV_REUSED      "GATEWAY_REUSED"        /* 0 or 1 */
#define GATEWAY_ENV_TLS         "GATEWAY_TLS"           /* e.g. TLSv1.3 */
#define GATEWAY_ENV_REASON      "GATEWAY_REASON"        /* of a failure */
#define GATEWAY_ENV_LANE        "GATEWAY_LANE"          /* inline, helper,
                                                            blocking (why) */
/* of a tunnel (101): bytes to the backend, and from it */
#define GATEWAY_ENV_TUNNEL_SENT     "GATEWAY_TUNNEL_SENT"
#define GATEWAY_ENV_TUNNEL_RECEIVED "GATEWAY_TUNNEL_RECEIVED"
#define GATEWAY_ENV_MEMBER      "GATEWAY_MEMBER"        /* URL that answered */

/* -- targets: backends that a balancer can choose from ------------------- */

/**
 * A backend URL with the options of its connections. Made while the
 * configuration is read, complete once check_config ran; const afterwards.
 */
typedef struct gateway_target gateway_target;

/**
 * Read a member's URL.
 * @return NULL, or one sentence for the administrator
 */
APR_DECLARE_OPTIONAL_FN(const char *, gateway_target_read,
                        (struct cmd_parms_struct *cmd, const char *url,
                         gateway_target **ptarget));

/**
 * Give a target a key=value that concerns its connections (timeout, ttl, max,
 * ...).
 * @param pmine  out: 0 when the key is none of those: it is the balancer's
 * @return NULL, or what is wrong with the value
 */
APR_DECLARE_OPTIONAL_FN(const char *, gateway_target_key,
                        (struct cmd_parms_struct *cmd,
                         gateway_target *target, const char *word,
                         int *pmine));

/**
 * A target made at run time, like another one but for its URL; any thread,
 * pool is the caller's own and must outlive every use of the target.
 * @param named  1: url has an address of like's name. Host, SNI and the name
 *               that is verified stay those of like
 * @param perr   out, when NULL is returned: one sentence
 */
APR_DECLARE_OPTIONAL_FN(gateway_target *, gateway_target_new,
                        (apr_pool_t *pool, const gateway_target *like,
                         const char *url, int named, const char **perr));

/** The URL as text: scheme://host[:port][/path]; any thread. */
APR_DECLARE_OPTIONAL_FN(const char *, gateway_target_url,
                        (const gateway_target *target));

/** Requests in flight to it in all children, and its max= (0: none); any
 * thread. */
APR_DECLARE_OPTIONAL_FN(unsigned, gateway_target_busy,
                        (const gateway_target *target, unsigned *pmax));

/* -- names: what DNS says now -------------------------------------------- */

/** Where a name leads to. */
typedef struct gateway_place gateway_place;
struct gateway_place {
    const char *host;       /* address without brackets; of SRV: a name */
    int port;               /* of SRV, like the next two; else 0 */
    int weight;             /* 0..65535 */
    int priority;           /* 0..65535, the lowest first */
};

typedef struct gateway_names gateway_names;
struct gateway_names {
    /* in */
    int srv;                /* SRV records; else addresses, with those of the
                               hosts file */
    gw_time timeout;        /* of the whole lookup */
    int stop_fd;            /* readable: end at once, as failed; 0: none */
    /* out, in the pool given */
    gw_time ttl;            /* as DNS has it, 0 included */
    const char *why;        /* of a failure, for the log */
    struct apr_array_header_t *places;  /* gateway_place, 1 at least */
};

/**
 * Ask for a name, past all caches, in the calling thread, which it blocks up
 * to timeout. Any thread of the parent or a child.
 * @return APR_SUCCESS; APR_ENOENT DNS has nothing of the kind; APR_TIMEUP;
 *         APR_EGENERAL no usable answer
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, gateway_names_lookup,
                        (apr_pool_t *pool, const char *name,
                         gateway_names *names));

/* -- probes: one request of a health check ------------------------------- */

typedef struct gateway_probe gateway_probe;
struct gateway_probe {
    /* in */
    const char *method;     /* "TCP", "HEAD", "GET", "OPTIONS" */
    int minor;              /* HTTP/1.minor */
    const char *path;       /* added to the target's own path */
    const char *host;       /* Host field, NULL: the target's */
    const char *const *headers; /* name, value, ..., NULL; or NULL */
    int port;               /* instead of the target's, 0: its own */
    gw_time timeout;        /* of the whole probe */
    apr_size_t body_max;    /* bytes of the body kept, 0: none */
    int stop_fd;            /* readable: end at once, as failed; 0: none */
    /* out, in the pool given */
    gw_fail fail;           /* GW_OK: a whole response came (TCP: connected,
                               TLS included) */
    const char *why;        /* for the log */
    int status;
    struct apr_table_t *response;   /* header fields */
    const char *body;       /* NUL-terminated, "" */
    gw_time took;
};

/** Run a probe in the calling thread, which it blocks up to timeout. */
APR_DECLARE_OPTIONAL_FN(void, gateway_probe_run,
                        (apr_pool_t *pool, const gateway_target *target,
                         gateway_probe *probe));

/* -- what a balancer gives ------------------------------------------------ */

#define GATEWAY_BALANCER_GROUP      "gateway-balancer"
#define GATEWAY_BALANCER_NAME       "default"
#define GATEWAY_BALANCER_VERSION    "2"

/** One balancer://name; the provider's own. */
typedef struct gateway_balancer gateway_balancer;
/** One request's way through it; lives in r->pool. */
typedef struct gateway_selection gateway_selection;

/** Bits of gateway_limits.retry_on. */
enum {
    GATEWAY_RETRY_CONNECT = 1,      /* connect failed, name, slot */
    GATEWAY_RETRY_TLS = 2,
    GATEWAY_RETRY_RESET = 4,        /* died before any response byte */
    GATEWAY_RETRY_TIMEOUT = 8,      /* no first byte in time */
    GATEWAY_RETRY_STATUS = 16       /* retry_status() says which */
};

/** What bounds one request; const for its life. */
typedef struct gateway_limits gateway_limits;
struct gateway_limits {
    int attempts_max;       /* further attempts on other members */
    unsigned retry_on;      /* GATEWAY_RETRY_* */
    gw_time deadline;       /* span for the whole request, 0: none */
    apr_size_t retry_buffer;    /* body bytes kept to be sent again */
};

/** How one attempt went. */
typedef struct gateway_attempt gateway_attempt;
struct gateway_attempt {
    gw_fail fail;           /* GW_OK: a final response came whole */
    int status;             /* of the response, 0 when none */
    int reused;             /* a dead kept connection is no member's fault */
    gw_time connect_time;
    gw_time ttfb;           /* -1: no response head came */
    apr_off_t sent, received;
};

typedef struct gateway_balancer_provider gateway_balancer_provider;
struct gateway_balancer_provider {
    /**
     * A parameter of a GatewayPass or GatewaySet with this balancer.
     * @return NULL, or what is wrong
     */
    const char *(*key)(struct cmd_parms_struct *cmd, const char *name,
                       const char *word);

    /** The balancer that s sees under this name (without balancer://), or
     * NULL. After the configuration was read. */
    gateway_balancer *(*find)(struct server_rec *s, const char *name);

    /** Call fn for each target it has now; any thread. */
    void (*each_target)(gateway_balancer *balancer,
                        void (*fn)(void *baton,
                                   const gateway_target *target),
                        void *baton);

    /**
     * Begin to serve r.
     * @param waker    for pick() when it waits; borrowed until end()
     * @param plimits  out: bounds of this request
     */
    gateway_selection *(*begin)(gateway_balancer *balancer,
                                struct request_rec *r, gw_waker *waker,
                                const gateway_limits **plimits);

    /**
     * Choose a target for the next attempt; never one tried before while
     * others are left.
     * @param puntil  out, with APR_EAGAIN: call again then at the latest
     * @param pwhy    out, when nobody is chosen: for the log
     * @return APR_SUCCESS; APR_EAGAIN wait in the queue; APR_NOTFOUND nobody
     *         may be used; APR_ENOSPC the queue is full; APR_TIMEUP waited
     *         too long in it
     */
    apr_status_t (*pick)(gateway_selection *selection,
                         const gateway_target **ptarget, gw_time *puntil,
                         const char **pwhy);

    /** Is a member left that pick() could choose after this one? */
    int (*others)(gateway_selection *selection);

    /** Is this response status a reason to try another member? */
    int (*retry_status)(gateway_selection *selection, int status);

    /**
     * May the budget pay for another attempt after this failure? Takes from
     * the budget when it says yes.
     */
    int (*pay)(gateway_selection *selection, gw_fail fail);

    /** The attempt with the last pick() ended; exactly once for each. With
     * GW_FAIL_BUSY somebody else took the last place: pick() is asked again,
     * and the target counts as not tried. */
    void (*report)(gateway_selection *selection,
                   const gateway_attempt *attempt);

    /** The response's fields are in r->headers_out, about to be sent: cookies
     * may be added. */
    void (*head)(gateway_selection *selection, struct request_rec *r);

    /** The request is over: BALANCER_* for the logs, places given back. */
    void (*end)(gateway_selection *selection, struct request_rec *r);

    /** The target has answered, but the attempt lasts (a tunnel): it is well
     * now; report() comes when the attempt ends. */
    void (*opened)(gateway_selection *selection);
};

#endif
