#include "gw_addrset.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <apr_strings.h>

gw_addrset *gw_addrset_make(int room)
{
    gw_addrset *set;

    if (room > GW_ADDRS_MAX) {
        room = GW_ADDRS_MAX;
    }
    set = calloc(1, sizeof(*set) + (apr_size_t)room * sizeof(gw_addr));
    if (set) {
        set->refs = 1;
    }
    return set;
}

/* Only what identifies the address, so that equal ones are equal bytes. The
 * same bytes are seen as several types of socket address here: only memcpy()
 * may do that, a cast lets the compiler reorder reads and writes. */
static int addr_set(gw_addr *addr, const struct sockaddr *sa)
{
    sa_family_t family;

    memset(addr, 0, sizeof(*addr));
    memcpy(&family, (const char *)sa + offsetof(struct sockaddr, sa_family),
           sizeof(family));
    if (family == AF_INET) {
        struct sockaddr_in from, sin;

        memcpy(&from, sa, sizeof(from));
        memset(&sin, 0, sizeof(sin));
        sin.sin_family = AF_INET;
        sin.sin_addr = from.sin_addr;
        addr->len = sizeof(sin);
        memcpy(&addr->ss, &sin, sizeof(sin));
        return 1;
    }
    if (family == AF_INET6) {
        struct sockaddr_in6 from, sin6;

        memcpy(&from, sa, sizeof(from));
        memset(&sin6, 0, sizeof(sin6));
        sin6.sin6_family = AF_INET6;
        sin6.sin6_addr = from.sin6_addr;
        sin6.sin6_scope_id = from.sin6_scope_id;
        addr->len = sizeof(sin6);
        memcpy(&addr->ss, &sin6, sizeof(sin6));
        return 1;
    }
    return 0;
}

int gw_addrset_has(const gw_addrset *set, const gw_addr *addr)
{
    int i;

    for (i = 0; i < set->n; i++) {
        if (set->addrs[i].len == addr->len
            && !memcmp(&set->addrs[i].ss, &addr->ss, addr->len)) {
            return 1;
        }
    }
    return 0;
}

void gw_addrset_add(gw_addrset *set, int room, const struct sockaddr *sa)
{
    gw_addr addr;

    if (set->n < room && set->n < GW_ADDRS_MAX && addr_set(&addr, sa)
        && !gw_addrset_has(set, &addr)) {
        memcpy(&set->addrs[set->n++], &addr, sizeof(addr));
    }
}

gw_addrset *gw_addrset_literal(const char *ip)
{
    struct sockaddr_in sin;
    struct sockaddr_in6 sin6;
    const struct sockaddr *sa;
    gw_addrset *set;

    memset(&sin, 0, sizeof(sin));
    memset(&sin6, 0, sizeof(sin6));
    if (inet_pton(AF_INET, ip, &sin.sin_addr) == 1) {
        sin.sin_family = AF_INET;
        sa = (const struct sockaddr *)&sin;
    }
    else if (inet_pton(AF_INET6, ip, &sin6.sin6_addr) == 1) {
        sin6.sin6_family = AF_INET6;
        sa = (const struct sockaddr *)&sin6;
    }
    else {
        return NULL;
    }
    set = gw_addrset_make(1);
    if (set) {
        gw_addrset_add(set, 1, sa);
    }
    return set;
}

gw_addrset *gw_addrset_unix(const char *path)
{
    apr_size_t len = strlen(path);
    struct sockaddr_un *sun;
    gw_addrset *set;

    if (!len || len >= sizeof(sun->sun_path)) {
        return NULL;
    }
    set = gw_addrset_make(1);
    if (set) {
        sun = (struct sockaddr_un *)&set->addrs[0].ss;
        sun->sun_family = AF_UNIX;
        memcpy(sun->sun_path, path, len + 1);
        set->addrs[0].len = sizeof(*sun);
        set->n = 1;
    }
    return set;
}

gw_addrset *gw_addrset_ref(gw_addrset *set)
{
    __atomic_add_fetch(&set->refs, 1, __ATOMIC_RELAXED);
    return set;
}

void gw_addrset_release(gw_addrset **pset)
{
    gw_addrset *set = *pset;

    *pset = NULL;
    /* release: our reads end before another thread frees; acquire: so that
     * the one who frees comes after them */
    if (set && !__atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL)) {
        free(set);
    }
}

int gw_addrset_equal(const gw_addrset *a, const gw_addrset *b)
{
    int i;

    if (!a || !b || a->n != b->n) {
        return 0;
    }
    for (i = 0; i < a->n; i++) {
        if (!gw_addrset_has(b, &a->addrs[i])) {
            return 0;
        }
    }
    return 1;
}

static void ip_text(const gw_addr *addr, char *buf, socklen_t len)
{
    const void *ip = addr->ss.ss_family == AF_INET6
        ? (const void *)&((const struct sockaddr_in6 *)&addr->ss)->sin6_addr
        : (const void *)&((const struct sockaddr_in *)&addr->ss)->sin_addr;

    if (!inet_ntop(addr->ss.ss_family, ip, buf, len)) {
        apr_cpystrn(buf, "?", len);
    }
}

void gw_addr_text(const gw_addr *addr, int port, char *buf, apr_size_t len)
{
    char ip[INET6_ADDRSTRLEN];

    if (addr->ss.ss_family == AF_UNIX) {
        apr_snprintf(buf, len, "unix:%s",
                     ((const struct sockaddr_un *)&addr->ss)->sun_path);
        return;
    }
    ip_text(addr, ip, sizeof(ip));
    apr_snprintf(buf, len,
                 addr->ss.ss_family == AF_INET6 ? "[%s]:%d" : "%s:%d",
                 ip, port);
}

void gw_addrset_text(const gw_addrset *set, char *buf, apr_size_t len)
{
    apr_size_t used = 0;
    int i;

    buf[0] = '\0';
    for (i = 0; i < set->n && used + 1 < len; i++) {
        char ip[INET6_ADDRSTRLEN];

        ip_text(&set->addrs[i], ip, sizeof(ip));
        used += (apr_size_t)apr_snprintf(buf + used, len - used, "%s%s",
                                         i ? ", " : "", ip);
    }
}
