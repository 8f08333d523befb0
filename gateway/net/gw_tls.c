#include "gw_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "gw_sock.h"
#include "gw_tls_why.h"

/* CA certificates between the backend's own and the trusted one. */
#define VERIFY_DEPTH 9

struct gw_tls_ctx {
    /* const after creation */
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    const char *sni;
    const char *peer;               /* the peer's name for messages */
    int verify;
    apr_thread_mutex_t *lock;
    /* guarded by lock */
    SSL_SESSION *sessions[GW_TLS_SESSIONS];     /* youngest last */
    int nsessions;
};

struct gw_tls {
    gw_tls_reject reject;           /* first: the verify callback gets it */
    gw_tls_ctx *ctx;                /* const, like fd */
    int fd;
    SSL *ssl;
    apr_status_t io;                /* of this call's last socket error */
    int offered;                    /* a session to resume */
    int done;                       /* handshake complete */
    int broken;                     /* no orderly end possible any more */
    char why[512];
};

/* --- the socket below OpenSSL ------------------------------------------- */

static int sock_result(BIO *bio, gw_tls *tls, apr_status_t rv, apr_size_t n,
                       int retry)
{
    BIO_clear_retry_flags(bio);
    if (rv == APR_SUCCESS) {
        return (int)n;
    }
    tls->io = rv;
    if (rv == APR_EAGAIN) {
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    }
    return rv == APR_EOF ? 0 : -1;
}

static int sock_bread(BIO *bio, char *buf, int len)
{
    gw_tls *tls = BIO_get_data(bio);
    apr_size_t n = 0;
    apr_status_t rv = gw_sock_read(tls->fd, buf, (apr_size_t)len, &n);

    return sock_result(bio, tls, rv, n, BIO_FLAGS_READ);
}

static int sock_bwrite(BIO *bio, const char *buf, int len)
{
    gw_tls *tls = BIO_get_data(bio);
    apr_size_t n = 0;
    apr_status_t rv = gw_sock_write(tls->fd, buf, (apr_size_t)len, &n);

    return sock_result(bio, tls, rv, n, BIO_FLAGS_WRITE);
}

static long sock_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    const gw_tls *tls = BIO_get_data(bio);

    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return tls->io == APR_EOF;
    default:
        return 0;
    }
}

static int sock_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *sock_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "gw_sock");

    if (m && BIO_meth_set_read(m, sock_bread)
        && BIO_meth_set_write(m, sock_bwrite)
        && BIO_meth_set_ctrl(m, sock_ctrl)
        && BIO_meth_set_create(m, sock_create)) {
        return m;
    }
    BIO_meth_free(m);
    return NULL;
}

/* --- sessions ----------------------------------------------------------- */

/* Called by OpenSSL, for TLS 1.3 when a ticket comes in during a read.
 * Returns 1 when the reference was kept. */
static int session_new(SSL *ssl, SSL_SESSION *session)
{
    const gw_tls *tls = SSL_get_app_data(ssl);
    gw_tls_ctx *ctx = tls->ctx;
    SSL_SESSION *oldest = NULL;

    apr_thread_mutex_lock(ctx->lock);
    if (ctx->nsessions == GW_TLS_SESSIONS) {
        oldest = ctx->sessions[0];
        ctx->nsessions--;
        memmove(ctx->sessions, ctx->sessions + 1,
                (size_t)ctx->nsessions * sizeof(ctx->sessions[0]));
    }
    ctx->sessions[ctx->nsessions++] = session;
    apr_thread_mutex_unlock(ctx->lock);
    SSL_SESSION_free(oldest);
    return 1;
}

/* A resumed session is not verified again, so that it must not outlive the
 * certificate that it was made with. */
static int session_usable(const SSL_SESSION *session)
{
    X509 *peer = SSL_SESSION_get0_peer((SSL_SESSION *)session);

    return SSL_SESSION_is_resumable(session)
           && SSL_SESSION_get_time(session)
              + SSL_SESSION_get_timeout(session) > (long)time(NULL)
           && (!peer || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0);
}

/* The youngest session, with a reference for the caller. A TLS 1.3 ticket is
 * used once (RFC 8446 C.4), an older session stays. */
static SSL_SESSION *session_take(gw_tls_ctx *ctx)
{
    SSL_SESSION *session = NULL;

    apr_thread_mutex_lock(ctx->lock);
    while (ctx->nsessions && !session) {
        session = ctx->sessions[ctx->nsessions - 1];
        if (!session_usable(session)) {
            SSL_SESSION_free(session);
            session = NULL;
            ctx->nsessions--;
        }
        else if (SSL_SESSION_get_protocol_version(session)
                 >= TLS1_3_VERSION) {
            ctx->nsessions--;
        }
        else {
            SSL_SESSION_up_ref(session);
        }
    }
    apr_thread_mutex_unlock(ctx->lock);
    return session;
}

static void sessions_forget(gw_tls_ctx *ctx)
{
    apr_thread_mutex_lock(ctx->lock);
    while (ctx->nsessions) {
        SSL_SESSION_free(ctx->sessions[--ctx->nsessions]);
    }
    apr_thread_mutex_unlock(ctx->lock);
}

/* --- contexts ----------------------------------------------------------- */

static apr_status_t ctx_free(void *data)
{
    gw_tls_ctx *ctx = data;

    if (ctx->lock) {
        sessions_forget(ctx);
    }
    SSL_CTX_free(ctx->ssl);
    BIO_meth_free(ctx->bio);
    return APR_SUCCESS;
}

static apr_status_t store_free(void *data)
{
    X509_STORE_free(data);
    return APR_SUCCESS;
}

static const char *error_text(apr_pool_t *pool)
{
    char text[160];

    return apr_pstrdup(pool, gw_tls_error(text, sizeof(text)));
}

static const char *no_trust(apr_pool_t *pool, const char *what,
                            const char *path, const char *why)
{
    return apr_psprintf(pool, "cannot read CA certificates from the %s %s: "
                        "%s", what, path, why);
}

static const char *load_folder(apr_pool_t *pool, X509_STORE *store,
                               const char *path)
{
    apr_finfo_t info;
    char err[120];
    apr_status_t rv = apr_stat(&info, path, APR_FINFO_TYPE, pool);

    if (rv != APR_SUCCESS) {
        return no_trust(pool, "folder", path,
                        apr_strerror(rv, err, sizeof(err)));
    }
    if (info.filetype != APR_DIR) {
        return no_trust(pool, "folder", path, "it is not a folder");
    }
    if (!X509_STORE_load_path(store, path)) {
        return no_trust(pool, "folder", path, error_text(pool));
    }
    return NULL;
}

static const char *load_trust(apr_pool_t *pool, X509_STORE *store,
                              const gw_tls_params *p)
{
    if (p->ca_file && !X509_STORE_load_file(store, p->ca_file)) {
        return no_trust(pool, "file", p->ca_file, error_text(pool));
    }
    if (p->ca_path) {
        return load_folder(pool, store, p->ca_path);
    }
    if (!p->ca_file && !X509_STORE_set_default_paths(store)) {
        return no_trust(pool, "store of", "the system", error_text(pool));
    }
    return NULL;
}

/* One store of each trust in pool: a system's is a megabyte and ten
 * milliseconds. */
static const char *shared_store(apr_pool_t *pool, const gw_tls_params *p,
                                X509_STORE **pstore)
{
    const char *key = apr_psprintf(pool, "gw_tls:%s:%s",
                                   p->ca_file ? p->ca_file : "",
                                   p->ca_path ? p->ca_path : "");
    const char *err;
    void *found = NULL;

    apr_pool_userdata_get(&found, key, pool);
    if (!found) {
        found = X509_STORE_new();
        if (!found) {
            return "out of memory";
        }
        err = load_trust(pool, found, p);
        if (err) {
            X509_STORE_free(found);
            return err;
        }
        apr_pool_userdata_set(found, key, store_free, pool);
    }
    *pstore = found;
    return NULL;
}

/* A trailing dot is no part of a name in TLS (RFC 6066 3). */
static const char *plain_name(apr_pool_t *pool, const char *name)
{
    apr_size_t len = name ? strlen(name) : 0;

    if (len > 1 && name[len - 1] == '.') {
        len--;
    }
    return name ? apr_pstrmemdup(pool, name, len) : NULL;
}

static const char *set_verify(apr_pool_t *pool, gw_tls_ctx *ctx,
                              const gw_tls_params *p)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx->ssl);
    const char *name = plain_name(pool, p->name);
    X509_STORE *store;
    const char *err;

    if (!p->verify) {
        SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_NONE, NULL);
        return NULL;
    }
    if (!name || !*name) {
        return "there is no name to verify the certificate against";
    }
    err = shared_store(pool, p, &store);
    if (err) {
        return err;
    }
    SSL_CTX_set1_cert_store(ctx->ssl, store);
    SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER, gw_tls_on_verify);
    X509_VERIFY_PARAM_set_depth(param, VERIFY_DEPTH);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
                                    | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (p->name_is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, name)
                      : X509_VERIFY_PARAM_set1_host(param, name, 0)) {
        return NULL;
    }
    return apr_psprintf(pool, "'%s' cannot be verified against: %s", name,
                        error_text(pool));
}

static int set_protocol(SSL_CTX *ssl)
{
    static const unsigned char alpn[] = "\x08http/1.1";

    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION
                        | SSL_OP_NO_COMPRESSION);
    SSL_CTX_clear_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE
                     | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                     | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    /* header and content of a record in one read(2) */
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT
                                   | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, session_new);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION)
           && SSL_CTX_set_alpn_protos(ssl, alpn, sizeof(alpn) - 1) == 0;
}

apr_status_t gw_tls_ctx_create(apr_pool_t *pool, const gw_tls_params *params,
                               gw_tls_ctx **pctx, const char **perr)
{
    gw_tls_ctx *ctx = apr_pcalloc(pool, sizeof(*ctx));
    apr_status_t rv;

    *pctx = NULL;
    ERR_clear_error();
    /* the mutex first: the sessions' cleanup, which uses it, runs before
     * its own */
    rv = apr_thread_mutex_create(&ctx->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv != APR_SUCCESS) {
        *perr = "out of memory";
        return rv;
    }
    apr_pool_cleanup_register(pool, ctx, ctx_free, apr_pool_cleanup_null);
    ctx->verify = params->verify;
    ctx->sni = plain_name(pool, params->sni);
    ctx->peer = params->name ? plain_name(pool, params->name)
        : ctx->sni ? ctx->sni : "the backend";
    ctx->bio = sock_method();
    ctx->ssl = SSL_CTX_new(TLS_client_method());
    if (!ctx->bio || !ctx->ssl || !set_protocol(ctx->ssl)) {
        *perr = error_text(pool);
        return APR_EGENERAL;
    }
    *perr = set_verify(pool, ctx, params);
    if (*perr) {
        return APR_EGENERAL;
    }
    *pctx = ctx;
    return APR_SUCCESS;
}

/* --- connections -------------------------------------------------------- */

static int attach_socket(gw_tls *tls)
{
    BIO *bio = BIO_new(tls->ctx->bio);

    if (!bio) {
        return 0;
    }
    BIO_set_data(bio, tls);
    SSL_set_bio(tls->ssl, bio, bio);
    return 1;
}

static void offer_session(gw_tls *tls)
{
    SSL_SESSION *session = session_take(tls->ctx);

    if (session) {
        tls->offered = SSL_set_session(tls->ssl, session);
        SSL_SESSION_free(session);
    }
}

gw_tls *gw_tls_create(gw_tls_ctx *ctx, int fd)
{
    gw_tls *tls = calloc(1, sizeof(*tls));

    if (!tls) {
        return NULL;
    }
    ERR_clear_error();
    tls->ctx = ctx;
    tls->fd = fd;
    tls->ssl = SSL_new(ctx->ssl);
    if (!tls->ssl || !SSL_set_app_data(tls->ssl, tls)
        || !attach_socket(tls)
        || (ctx->sni && !SSL_set_tlsext_host_name(tls->ssl, ctx->sni))) {
        gw_tls_destroy(&tls);
        return NULL;
    }
    SSL_set_connect_state(tls->ssl);
    offer_session(tls);
    return tls;
}

void gw_tls_destroy(gw_tls **ptls)
{
    gw_tls *tls = *ptls;

    *ptls = NULL;
    if (!tls) {
        return;
    }
    if (tls->ssl) {
        if (tls->done && !tls->broken) {
            /* else OpenSSL takes an end without close_notify for a reason
             * not to resume the session */
            SSL_set_shutdown(tls->ssl,
                             SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        }
        SSL_free(tls->ssl);
    }
    free(tls);
}

/* --- input and output --------------------------------------------------- */

static void begin_call(gw_tls *tls)
{
    ERR_clear_error();
    tls->io = APR_SUCCESS;
}

/* What a failed call of OpenSSL means; APR_EGENERAL for all that is final. */
static apr_status_t outcome(const gw_tls *tls, int ret, int *pevents)
{
    switch (SSL_get_error(tls->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
        *pevents = GW_WANT_READ;
        return APR_EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        *pevents = GW_WANT_WRITE;
        return APR_EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return APR_EOF;
    default:
        return APR_EGENERAL;
    }
}

static apr_status_t handshake_failed(gw_tls *tls)
{
    tls->broken = 1;
    if (tls->offered) {
        /* maybe the sessions are to blame */
        sessions_forget(tls->ctx);
    }
    if (tls->reject.error) {
        gw_tls_why_rejected(&tls->reject, tls->ctx->peer, tls->why,
                            sizeof(tls->why));
    }
    else {
        gw_tls_why_handshake(tls->ctx->peer, tls->io, tls->why,
                             sizeof(tls->why));
    }
    ERR_clear_error();
    return APR_EGENERAL;
}

apr_status_t gw_tls_handshake(gw_tls *tls, int *pevents)
{
    apr_status_t rv;
    int ret;

    begin_call(tls);
    ret = SSL_do_handshake(tls->ssl);
    if (ret != 1) {
        rv = outcome(tls, ret, pevents);
        return rv == APR_EAGAIN ? rv : handshake_failed(tls);
    }
    if (tls->ctx->verify) {
        tls->reject.error = (int)SSL_get_verify_result(tls->ssl);
        if (tls->reject.error != X509_V_OK) {
            return handshake_failed(tls);
        }
    }
    tls->done = 1;
    return APR_SUCCESS;
}

const char *gw_tls_why(const gw_tls *tls)
{
    return tls->why;
}

int gw_tls_rejected(const gw_tls *tls)
{
    return tls->reject.error != 0;
}

static apr_status_t io_failed(gw_tls *tls)
{
    apr_status_t rv = tls->io;

    if (gw_tls_is_protocol_error() || rv == APR_SUCCESS || rv == APR_EAGAIN) {
        rv = APR_EGENERAL;
    }
    else if (rv == APR_EOF || rv == EPIPE) {
        rv = APR_ECONNRESET;
    }
    tls->broken = 1;
    gw_tls_why_io(tls->io, tls->why, sizeof(tls->why));
    ERR_clear_error();
    return rv;
}

apr_status_t gw_tls_read(gw_tls *tls, char *buf, apr_size_t len,
                         apr_size_t *pn, int *pevents)
{
    apr_status_t rv;
    int ret;

    *pn = 0;
    begin_call(tls);
    ret = SSL_read_ex(tls->ssl, buf, len, pn);
    if (ret == 1) {
        return APR_SUCCESS;
    }
    rv = outcome(tls, ret, pevents);
    return rv == APR_EGENERAL ? io_failed(tls) : rv;
}

apr_status_t gw_tls_write(gw_tls *tls, const char *buf, apr_size_t len,
                          apr_size_t *pn, int *pevents)
{
    apr_status_t rv;
    int ret;

    *pn = 0;
    begin_call(tls);
    ret = SSL_write_ex(tls->ssl, buf, len, pn);
    if (ret == 1) {
        return APR_SUCCESS;
    }
    rv = outcome(tls, ret, pevents);
    return rv == APR_EAGAIN ? rv : io_failed(tls);
}

int gw_tls_pending(const gw_tls *tls)
{
    return SSL_pending(tls->ssl);
}

int gw_tls_buffered(const gw_tls *tls)
{
    return SSL_has_pending(tls->ssl);
}

apr_status_t gw_tls_end(gw_tls *tls, int *pevents)
{
    apr_status_t rv = APR_SUCCESS;
    int ret;

    if (tls->done && !tls->broken) {
        begin_call(tls);
        ret = SSL_shutdown(tls->ssl);
        if (ret < 0 && outcome(tls, ret, pevents) == APR_EAGAIN) {
            rv = APR_EAGAIN;
        }
        ERR_clear_error();
    }
    return rv;
}

void gw_tls_shutdown(gw_tls *tls)
{
    if (tls->done && !tls->broken) {
        ERR_clear_error();
        (void)SSL_shutdown(tls->ssl);
        ERR_clear_error();
    }
}

const char *gw_tls_version(const gw_tls *tls)
{
    return SSL_get_version(tls->ssl);
}

int gw_tls_resumed(const gw_tls *tls)
{
    return SSL_session_reused(tls->ssl);
}
