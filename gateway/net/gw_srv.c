#include "gw_srv.h"

#include <arpa/nameser.h>
#include <string.h>

#include <ares.h>
#include <apr_strings.h>

#define HEADER      12      /* RFC 1035 4.1.1 */
#define QUESTION    4       /* type and class after the name */
#define RECORD      10      /* type, class, TTL and length after the name */
#define SRV_FIXED   6       /* priority, weight and port before the target */
/* Beyond it a TTL means 0 (RFC 2181 8). */
#define TTL_MAX     0x7fffffffu

typedef struct reader reader;
struct reader {
    const unsigned char *message;
    int len;
    int at;
};

static unsigned get16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static int has(const reader *r, int n)
{
    return r->len - r->at >= n;
}

/** @param pname  out, may be NULL: the name, in pool
 * @return 1, or 0 when there is none */
static int take_name(reader *r, apr_pool_t *pool, const char **pname)
{
    char *name = NULL;
    long used = 0;

    if (!has(r, 1)
        || ares_expand_name(r->message + r->at, r->message, r->len, &name,
                            &used) != ARES_SUCCESS) {
        return 0;
    }
    if (pname) {
        *pname = apr_pstrdup(pool, name);
    }
    ares_free_string(name);
    r->at += (int)used;
    return used > 0 && r->at <= r->len;
}

/* It becomes a part of a URL. */
static int is_host(const char *name)
{
    return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789-_.")] == '\0';
}

/** The record's data begin at r->at, size bytes of them. */
static int take_srv(reader *r, apr_pool_t *pool, int size,
                    apr_array_header_t *srvs)
{
    const unsigned char *p = r->message + r->at;
    reader target = *r;
    gw_srv srv;

    if (size < SRV_FIXED + 1) {
        return 0;
    }
    srv.priority = (int)get16(p);
    srv.weight = (int)get16(p + 2);
    srv.port = (int)get16(p + 4);
    target.at += SRV_FIXED;
    if (!take_name(&target, pool, &srv.target)
        || target.at > r->at + size) {
        return 0;
    }
    if (srv.port && is_host(srv.target) && srvs->nelts < GW_SRV_MAX) {
        APR_ARRAY_PUSH(srvs, gw_srv) = srv;
    }
    return 1;
}

static int take_record(reader *r, apr_pool_t *pool, apr_array_header_t *srvs,
                       gw_time *pttl)
{
    const unsigned char *p;
    unsigned ttl;
    int size;

    if (!take_name(r, pool, NULL) || !has(r, RECORD)) {
        return 0;
    }
    p = r->message + r->at;
    ttl = get16(p + 4) << 16 | get16(p + 6);
    size = (int)get16(p + 8);
    r->at += RECORD;
    if (!has(r, size)
        || (get16(p) == ns_t_srv && get16(p + 2) == ns_c_in
            && !take_srv(r, pool, size, srvs))) {
        return 0;
    }
    r->at += size;
    ttl = ttl > TTL_MAX ? 0 : ttl;
    *pttl = GW_SEC(ttl) < *pttl ? GW_SEC(ttl) : *pttl;
    return 1;
}

apr_status_t gw_srv_parse(apr_pool_t *pool, const unsigned char *message,
                          int len, apr_array_header_t **psrvs, gw_time *pttl)
{
    reader r = { message, len, HEADER };
    apr_array_header_t *srvs = apr_array_make(pool, 8, sizeof(gw_srv));
    unsigned questions, answers;

    *psrvs = srvs;
    *pttl = GW_SEC(TTL_MAX);
    if (len < HEADER) {
        return APR_EGENERAL;
    }
    questions = get16(message + 4);
    answers = get16(message + 6);
    for (; questions; questions--) {
        if (!take_name(&r, pool, NULL) || !has(&r, QUESTION)) {
            return APR_EGENERAL;
        }
        r.at += QUESTION;
    }
    for (; answers; answers--) {
        if (!take_record(&r, pool, srvs, pttl)) {
            return APR_EGENERAL;
        }
    }
    return srvs->nelts ? APR_SUCCESS : APR_ENOENT;
}
