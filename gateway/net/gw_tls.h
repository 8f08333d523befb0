/**
 * gw_tls: TLS to backends on OpenSSL 3, non-blocking.
 *
 * A gw_tls_ctx is one profile (verification, trust, names) of one origin
 * identity: made at configuration time, const afterwards but for its session
 * store (own lock), shared by all threads of a child. A gw_tls is one
 * connection's TLS state, one thread at a time. Verified by default: chain
 * (system store or the given files), dates, serverAuth purpose, name by
 * subjectAltName only (X509_CHECK_FLAG_NEVER_CHECK_SUBJECT), IP literals by
 * iPAddress; TLS 1.2 at least; no renegotiation, no compression. SIGPIPE
 * cannot come: OpenSSL reads and writes through gw_sock.
 */
#ifndef GW_TLS_H
#define GW_TLS_H

#include <apr_pools.h>
#include "gw_wants.h"

typedef struct gw_tls_ctx gw_tls_ctx;
typedef struct gw_tls gw_tls;

typedef struct gw_tls_params gw_tls_params;
struct gw_tls_params {
    int verify;                 /* 1 require, 0 none */
    const char *ca_file;        /* PEM, or NULL */
    const char *ca_path;        /* hashed folder, or NULL; with neither: the
                                   system's store */
    const char *sni;            /* name sent; NULL: none (IP literal) */
    const char *name;           /* name or IP literal to be verified */
    int name_is_ip;
};

/** Sessions kept of one context for resumption. */
#define GW_TLS_SESSIONS 8

/**
 * Build a context. Contexts of one pool that trust the same files share the
 * store of CA certificates.
 * @param params  copied; name is needed with verify
 * @param perr  out: one sentence for the administrator on failure
 * Freed by a cleanup of pool.
 */
apr_status_t gw_tls_ctx_create(apr_pool_t *pool, const gw_tls_params *params,
                               gw_tls_ctx **pctx, const char **perr);

/** New client state on a connected non-blocking fd (borrowed); NULL: memory.
 * Offers a stored session when there is one. */
gw_tls *gw_tls_create(gw_tls_ctx *ctx, int fd);

/** Free; no I/O. NULLs the pointer. */
void gw_tls_destroy(gw_tls **ptls);

/**
 * Go on with the handshake.
 * @param pevents  out, on APR_EAGAIN: GW_WANT_* to wait for
 * @return APR_SUCCESS (verified as asked), APR_EAGAIN, APR_EGENERAL; then
 *         gw_tls_why() explains for people: what failed, subject, issuer,
 *         reason, and which directive changes it
 */
apr_status_t gw_tls_handshake(gw_tls *tls, int *pevents);
const char *gw_tls_why(const gw_tls *tls);
/** Did the handshake fail because we did not accept the certificate? */
int gw_tls_rejected(const gw_tls *tls);

/**
 * Read or write. APR_SUCCESS with *pn > 0; APR_EAGAIN (*pevents: what for);
 * APR_EOF close_notify; APR_ECONNRESET an end without it, or a reset;
 * APR_EGENERAL protocol error. gw_tls_why() explains the last two, and is ""
 * before. A failed write leaves reading possible.
 */
apr_status_t gw_tls_read(gw_tls *tls, char *buf, apr_size_t len,
                         apr_size_t *pn, int *pevents);
apr_status_t gw_tls_write(gw_tls *tls, const char *buf, apr_size_t len,
                          apr_size_t *pn, int *pevents);

/** Bytes decrypted but not read yet: do not wait for the fd then. */
int gw_tls_pending(const gw_tls *tls);
/** Was more taken from the fd than was looked at yet? Only a read tells what
 * it is; it may be part of a record. */
int gw_tls_buffered(const gw_tls *tls);

/** Nothing more will be written: send close_notify; reading goes on.
 * @return APR_SUCCESS, also when nothing can be sent any more; APR_EAGAIN
 *         (*pevents: what for) */
apr_status_t gw_tls_end(gw_tls *tls, int *pevents);

/** Send close_notify if that needs no wait. */
void gw_tls_shutdown(gw_tls *tls);

/** "TLSv1.3", and was the session resumed? */
const char *gw_tls_version(const gw_tls *tls);
int gw_tls_resumed(const gw_tls *tls);

#endif
