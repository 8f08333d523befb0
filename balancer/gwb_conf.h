/**
 * gwb_conf: balancers and members as the configuration has them.
 *
 * Filled by gwb_cmds and gwb_keys while httpd reads its configuration (one
 * thread, pconf); gwb_conf_freeze() completes it in check_config; afterwards
 * const, apart from the pointers to shared memory (set in post_config) and to
 * the child's own state (set in child_init, before its threads start).
 */
#ifndef GWB_CONF_H
#define GWB_CONF_H

#include <httpd.h>
#include <http_config.h>

#include <ap_expr.h>
#include <apr_hash.h>

#include "gwb_check_conf.h"
#include "gwb_health.h"
#include "gwb_record.h"
#include "gwb_sticky.h"
#include "gwb_value.h"
#include "mod_gateway.h"
#include "mod_gateway_balancer.h"

/* The one symbol that the module exports. */
extern module AP_MODULE_DECLARE_DATA
    __attribute__((visibility("default"))) gateway_balancer_module;

/* Members are counted by unsigned and shared memory is reserved for all. */
#define GWB_MEMBERS_MAX 10000
#define GWB_GROWTH_DEFAULT 64
#define GWB_GROWTH_MAX 1000
#define GWB_NAME_MAX 255

#define GWB_UNSET (-1)

/** What the configuration and the administration can set of a member. */
typedef struct gwb_settings gwb_settings;
struct gwb_settings {
    apr_uint32_t weight;        /* hundredths */
    apr_uint32_t lbset;
    apr_uint32_t flags;         /* GWB_* */
    char route[GWB_ROUTE_MAX];
    char redirect[GWB_ROUTE_MAX];
};

/** What a GatewayMember is: a member, or a name that has members. */
typedef enum {
    GWB_NAMES_NONE,
    GWB_NAMES_ADDRESSES,        /* one for each address */
    GWB_NAMES_SRV               /* one for each SRV record */
} gwb_names_kind;

/** One GatewayMember. */
typedef struct gwb_member_conf gwb_member_conf;
struct gwb_member_conf {
    const char *url;
    gwb_names_kind names;
    /* with names: what DNS is asked for, and a member's URL before and after
     * its host; the slot of this entry is never used */
    const char *name;
    const char *before, *after;
    const char *where;          /* file:line */
    gateway_target *target;
    gwb_settings settings;
    gw_time retry;              /* GWB_UNSET: the balancer's */
    gw_time slow_start;         /* the same */
    gwb_health_params health;   /* after the freeze */
    gwb_check_params check;
};

/** What its parameters say; unset ones have their default after the
 * freeze. */
typedef struct gwb_params gwb_params;
struct gwb_params {
    const char *lbmethod;
    const gateway_lbmethod *method;     /* after the freeze */
    int max_attempts;           /* GWB_UNSET: min(members - 1, 3) */
    gwb_sticky sticky;          /* key: after post_config */
    const char *sticky_key;     /* stickykey=, NULL: one of our own */
    int no_failover;
    gw_time timeout;            /* wait for a usable member, 0: none */
    gwb_codes fail_on_status;
    int fail_on_timeout;
    int force_recovery;
    int growth;
    unsigned retry_on;          /* GATEWAY_RETRY_* */
    gwb_codes retry_status;
    apr_size_t retry_buffer;
    gw_time deadline;           /* 0: none */
    int queue;                  /* requests that may wait for a full member */
    gw_time queue_timeout;
    ap_expr_info_t *hash_key;
    gwb_health_params health;
};

struct gwb_group;
struct gwb_shm;

struct gateway_balancer {
    const char *name;           /* lower case, without balancer:// */
    const char *id;             /* unique in the configuration, stable over
                                   restarts: server and name */
    server_rec *server;
    const char *where;          /* of its first mention */
    apr_hash_t *given;          /* parameter -> gwb_given */
    apr_array_header_t *members;        /* gwb_member_conf * */
    gwb_params params;
    int persist;                /* GatewayBalancerPersist of its server */
    struct gwb_shm *shm;        /* after post_config */
    struct gwb_group *group;    /* in a child */
};

/** A value and the place where it stands. */
typedef struct gwb_given gwb_given;
struct gwb_given {
    const char *value;
    const char *where;
};

/** Per server and virtual host. */
typedef struct gwb_server_conf gwb_server_conf;
struct gwb_server_conf {
    apr_array_header_t *balancers;      /* gateway_balancer *, own ones */
    const gwb_server_conf *base;        /* the main server's */
    int growth;                 /* GatewayBalancerGrowth, GWB_UNSET */
    int persist;                /* GatewayBalancerPersist, GWB_UNSET */
    int inherit;                /* GatewayBalancerInherit, GWB_UNSET */
    gwb_check_conf check;       /* GatewayHC* */
};

/** httpd's create and merge callbacks. */
void *gwb_conf_create_server(apr_pool_t *p, server_rec *s);
void *gwb_conf_merge_server(apr_pool_t *p, void *base, void *add);

/** The configuration of s; never NULL. */
gwb_server_conf *gwb_conf_of_server(const server_rec *s);

/** "file:line" of a directive. */
const char *gwb_conf_where(const cmd_parms *cmd);

/** May a directive stand here that belongs to a server or virtual host?
 * @return NULL, or one sentence */
const char *gwb_conf_server_only(cmd_parms *cmd);

/**
 * The balancer of this name that the server of cmd has, made when it is new.
 * @param name  without balancer://
 * @param perr  out, with NULL: one sentence
 */
gateway_balancer *gwb_conf_balancer(cmd_parms *cmd, const char *name,
                                    const char **perr);

/** The balancer with members that s sees under a name, inherited ones too;
 * NULL when there is none. */
gateway_balancer *gwb_conf_find(const server_rec *s, const char *name);

/** Call fn for every balancer of the configuration; stops when it does not
 * return OK. */
int gwb_conf_each(server_rec *main_server,
                  int (*fn)(gateway_balancer *balancer, void *baton),
                  void *baton);

/**
 * Complete what was read: defaults, methods, ids. In check_config, before
 * mod_gateway looks for balancers.
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR after one log line with file:line
 */
int gwb_conf_freeze(apr_pool_t *pconf, apr_pool_t *ptemp,
                    server_rec *main_server);

#endif
