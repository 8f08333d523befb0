/**
 * gw_addrset: how address sets are built; what may be done with a finished
 * one is in gw_resolve.h.
 *
 * A set belongs to its builder until it is first handed out, and never
 * changes after. Memory is malloc'ed: a set outlives pools and threads.
 */
#ifndef GW_ADDRSET_H
#define GW_ADDRSET_H

#include "gw_resolve.h"

/** An empty set, 1 reference, with room for up to room addresses (cut to
 * GW_ADDRS_MAX). NULL: no memory. */
gw_addrset *gw_addrset_make(int room);

/** Add an IPv4 or IPv6 address, its port dropped; any other family and an
 * address that is in already are passed over. room is that of make(). */
void gw_addrset_add(gw_addrset *set, int room, const struct sockaddr *sa);

/** Is this address of another set (equal bytes) in the set? */
int gw_addrset_has(const gw_addrset *set, const gw_addr *addr);

/** Same addresses in any order? NULL equals nothing. */
int gw_addrset_equal(const gw_addrset *a, const gw_addrset *b);

/** The addresses with ", " between, for logs; cut to len. */
void gw_addrset_text(const gw_addrset *set, char *buf, apr_size_t len);

#endif
