#include "gw_tls.c"

#include "tap.h"
#include "peer.h"
#include "certs.h"

static apr_pool_t *pool;
static cert ca, other_ca;
static char ca_file[] = "/tmp/gw_tls_caXXXXXX";
static char other_file[] = "/tmp/gw_tls_caXXXXXX";

/* --- the server --------------------------------------------------------- */

typedef struct server server;
struct server {
    SSL_CTX *ctx;
    int mode;
    int seen;                   /* atomic: handshakes, after what follows */
    pthread_mutex_t lock;       /* guards the next two */
    char sni[100];              /* of the last one */
    char alpn[20];
};

enum {
    ECHO,                       /* until the client closes */
    LATE_ECHO,                  /* the same, after a pause */
    CLOSE_NOTIFY,               /* "bye", then an orderly end */
    CUT,                        /* "bye", then FIN alone */
    RESET_UNREAD,               /* "413", then RST with bytes unread */
    GARBAGE                     /* a record that cannot be decrypted */
};

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
                   const unsigned char *in, unsigned len, void *data)
{
    server *s = data;

    pthread_mutex_lock(&s->lock);
    snprintf(s->alpn, sizeof(s->alpn), "%.*s", (int)in[0],
             (const char *)in + 1);
    pthread_mutex_unlock(&s->lock);
    *out = in + 1;
    *n = in[0];
    return SSL_TLSEXT_ERR_OK;
}

static void echo(SSL *ssl)
{
    static __thread char buf[65536];
    int n;

    while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0) {
        SSL_write(ssl, buf, n);
    }
    SSL_shutdown(ssl);
}

/* A record whose content does not decrypt. */
static void say_garbage(int fd)
{
    char record[5 + 0x101];

    memset(record, 'x', sizeof(record));
    memcpy(record, "\x17\x03\x03\x01\x01", 5);
    send(fd, record, sizeof(record), MSG_NOSIGNAL);
}

static void serve(peer *p, int fd, int nth)
{
    server *s = p->baton;
    SSL *ssl = cert_accept(s->ctx, fd);
    const char *sni;

    if (!ssl) {
        close(fd);
        return;
    }
    sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    pthread_mutex_lock(&s->lock);
    snprintf(s->sni, sizeof(s->sni), "%s", sni ? sni : "-");
    pthread_mutex_unlock(&s->lock);
    __atomic_add_fetch(&s->seen, 1, __ATOMIC_SEQ_CST);
    switch (s->mode) {
    case LATE_ECHO:
        poll(NULL, 0, 50);
        echo(ssl);
        break;
    case ECHO:
        echo(ssl);
        break;
    case CLOSE_NOTIFY:
        cert_say(ssl, "bye");
        SSL_shutdown(ssl);
        peer_drain(fd);
        break;
    case CUT:
        cert_say(ssl, "bye");
        shutdown(fd, SHUT_WR);
        peer_drain(fd);
        break;
    case RESET_UNREAD:
        cert_say(ssl, "413");
        poll(NULL, 0, 50);
        break;
    default:
        say_garbage(fd);
        peer_drain(fd);
    }
    SSL_free(ssl);
    close(fd);
}

/* --- the client --------------------------------------------------------- */

static int tcp(int port)
{
    gw_addrset *set = gw_addrset_literal("127.0.0.1");
    int fd;
    apr_status_t rv = gw_sock_connect(&set->addrs[0], port, 0, &fd);

    gw_addrset_release(&set);
    if (rv != APR_SUCCESS && rv != APR_EINPROGRESS) {
        bail_out("connect: %d", rv);
    }
    await((rv = gw_sock_connected(fd)) != APR_EINPROGRESS);
    return fd;
}

static int wait_events(int fd, int events)
{
    gw_wants w;

    gw_wants_reset(&w);
    gw_wants_fd(&w, fd, events);
    return wait_for(&w, NULL);
}

static apr_status_t handshake(gw_tls *tls)
{
    int events = 0;
    apr_status_t rv;

    while ((rv = gw_tls_handshake(tls, &events)) == APR_EAGAIN) {
        if (!wait_events(tls->fd, events)) {
            return APR_TIMEUP;
        }
    }
    return rv;
}

static apr_status_t read_some(gw_tls *tls, char *buf, apr_size_t len,
                              apr_size_t *pn)
{
    int events = 0;
    apr_status_t rv;

    while ((rv = gw_tls_read(tls, buf, len, pn, &events)) == APR_EAGAIN) {
        if (!wait_events(tls->fd, events)) {
            return APR_TIMEUP;
        }
    }
    return rv;
}

static gw_tls_ctx *context(int verify, const char *name, int is_ip)
{
    gw_tls_params p = { verify, ca_file, NULL, is_ip ? NULL : name, name,
                        is_ip };
    gw_tls_ctx *ctx;
    const char *err = NULL;

    if (gw_tls_ctx_create(pool, &p, &ctx, &err) != APR_SUCCESS) {
        bail_out("context: %s", err);
    }
    return ctx;
}

/* Connect and shake hands; the caller ends it with done(). */
static apr_status_t dial(gw_tls_ctx *ctx, int port, gw_tls **ptls)
{
    *ptls = gw_tls_create(ctx, tcp(port));
    return handshake(*ptls);
}

static void done(gw_tls **ptls)
{
    int fd = (*ptls)->fd;

    gw_tls_shutdown(*ptls);
    gw_tls_destroy(ptls);
    close(fd);
}

static void make_server(server *s)
{
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->lock, NULL);
}

static peer *start(server *s, const cert *c, int mode)
{
    make_server(s);
    s->ctx = cert_server(c);
    s->mode = mode;
    return peer_start(serve, s);
}

static void stop(peer *p, server *s)
{
    peer_stop(p);
    SSL_CTX_free(s->ctx);
}

static int seen(const server *s)
{
    return __atomic_load_n(&s->seen, __ATOMIC_SEQ_CST);
}

static const cert_spec good = {
    "a.example", "DNS:a.example, DNS:*.w.example, IP:127.0.0.1, IP:::1",
    "serverAuth", -1, 10, 0
};

/* --- verification ------------------------------------------------------- */

typedef struct verify_case verify_case;
struct verify_case {
    const char *label;
    cert_spec spec;
    int issuer;                 /* 0 the trusted CA, 1 another, 2 itself */
    const char *name;           /* what the client wants to see */
    int is_ip;
    const char *why[4];         /* in the message; none: accepted */
};

#define SERVER_AUTH "serverAuth"
#define NONE_WOULD "GatewaySSLVerify none would accept it"

static const verify_case cases[] = {
    { "right name", { "x", "DNS:a.example", SERVER_AUTH, -1, 1, 0 }, 0,
      "a.example", 0, { NULL } },
    { "letters in another case", { "x", "DNS:a.example", NULL, -1, 1, 0 }, 0,
      "A.Example", 0, { NULL } },
    { "a trailing dot", { "x", "DNS:a.example", NULL, -1, 1, 0 }, 0,
      "a.example.", 0, { NULL } },
    { "no extended key usage at all", { "x", "DNS:a.example", NULL, -1, 1, 0 },
      0, "a.example", 0, { NULL } },
    { "wildcard", { "x", "DNS:*.example.org", SERVER_AUTH, -1, 1, 0 }, 0,
      "b.example.org", 0, { NULL } },
    { "address", { "x", "IP:127.0.0.1", SERVER_AUTH, -1, 1, 0 }, 0,
      "127.0.0.1", 1, { NULL } },
    { "IPv6 address", { "x", "IP:::1", SERVER_AUTH, -1, 1, 0 }, 0,
      "::1", 1, { NULL } },
    { "unknown CA", { "x", "DNS:a.example", SERVER_AUTH, -1, 1, 0 }, 1,
      "a.example", 0,
      { "certificate of a.example rejected: ",
        "unable to get local issuer certificate (subject O=gw tests,CN=x, "
        "issuer O=gw tests,CN=other CA)",
        "GatewaySSLCACertificateFile names a CA to trust", NONE_WOULD } },
    { "signed by itself", { "a.example", "DNS:a.example", NULL, -1, 1, 0 }, 2,
      "a.example", 0,
      { "self-signed certificate", "GatewaySSLCACertificateFile",
        NONE_WOULD } },
    { "expired", { "x", "DNS:a.example", SERVER_AUTH, -9, -1, 0 }, 0,
      "a.example", 0, { "certificate has expired", "renewed", NONE_WOULD } },
    { "not yet valid", { "x", "DNS:a.example", SERVER_AUTH, 1, 9, 0 }, 0,
      "a.example", 0, { "not yet valid", "clocks", NONE_WOULD } },
    { "another name", { "x", "DNS:b.example, IP:10.0.0.1", NULL, -1, 1, 0 },
      0, "a.example", 0,
      { "mismatch", "valid for b.example, 10.0.0.1", NONE_WOULD } },
    { "purpose clientAuth", { "x", "DNS:a.example", "clientAuth", -1, 1, 0 },
      0, "a.example", 0, { "purpose", NONE_WOULD } },
    { "CN fits, SAN differs",
      { "a.example", "DNS:b.example", SERVER_AUTH, -1, 1, 0 }, 0,
      "a.example", 0, { "mismatch", "valid for b.example" } },
    { "CN fits, no SAN", { "a.example", NULL, SERVER_AUTH, -1, 1, 0 }, 0,
      "a.example", 0, { "mismatch", "it has no subjectAltName" } },
    { "CN is the address, no SAN",
      { "127.0.0.1", NULL, SERVER_AUTH, -1, 1, 0 }, 0,
      "127.0.0.1", 1, { "mismatch", "it has no subjectAltName" } },
    { "another address", { "x", "IP:127.0.0.2", SERVER_AUTH, -1, 1, 0 }, 0,
      "127.0.0.1", 1, { "mismatch", "valid for 127.0.0.2" } },
    { "an address written as a DNS name",
      { "x", "DNS:127.0.0.1", SERVER_AUTH, -1, 1, 0 }, 0,
      "127.0.0.1", 1, { "mismatch" } },
    { "wildcard over two labels",
      { "x", "DNS:*.example.org", SERVER_AUTH, -1, 1, 0 }, 0,
      "c.b.example.org", 0, { "mismatch" } },
    { "partial wildcard", { "x", "DNS:b*.example.org", NULL, -1, 1, 0 }, 0,
      "bc.example.org", 0, { "mismatch" } },
    { "log injection", { "a\nb", "DNS:b.example", NULL, -1, 1, 0 }, 0,
      "a.example", 0, { "subject O=gw tests,CN=a\\0Ab," } }
};

static void check_why(const verify_case *c, const gw_tls *tls)
{
    const char *why = gw_tls_why(tls);
    int i;

    for (i = 0; i < 4 && c->why[i]; i++) {
        if (!ok(strstr(why, c->why[i]), "%s: says %s", c->label,
                c->why[i])) {
            diag("%s", why);
        }
    }
}

static void test_verify(const verify_case *c)
{
    server s;
    cert mine = cert_make(&c->spec, c->issuer == 0 ? &ca
                          : c->issuer == 1 ? &other_ca : NULL);
    peer *p = start(&s, &mine, ECHO);
    gw_tls *tls;
    apr_status_t rv = dial(context(1, c->name, c->is_ip), p->port, &tls);

    is_int(rv, c->why[0] ? APR_EGENERAL : APR_SUCCESS, "%s: %s", c->label,
           c->why[0] ? "refused" : "accepted");
    check_why(c, tls);
    done(&tls);
    rv = dial(context(0, c->name, c->is_ip), p->port, &tls);
    is_int(rv, APR_SUCCESS, "%s: accepted with verify none", c->label);
    done(&tls);
    stop(p, &s);
    cert_free(&mine);
}

/* --- protocol ----------------------------------------------------------- */

static void test_names_sent(void)
{
    server s;
    cert mine = cert_make(&good, &ca);
    peer *p = start(&s, &mine, ECHO);
    gw_tls_params params = { 1, ca_file, NULL, "sni.example.", "a.example",
                             0 };
    gw_tls_ctx *ctx;
    const char *err;
    gw_tls *tls;

    SSL_CTX_set_alpn_select_cb(s.ctx, on_alpn, &s);
    gw_tls_ctx_create(pool, &params, &ctx, &err);
    is_int(dial(ctx, p->port, &tls), APR_SUCCESS,
           "sni= apart from the name that is verified");
    is_str(gw_tls_version(tls), "TLSv1.3", "version");
    is_str(gw_tls_why(tls), "", "nothing to explain");
    await(seen(&s) == 1);
    is_str(s.sni, "sni.example", "SNI, without the dot at the end");
    is_str(s.alpn, "http/1.1", "ALPN");
    done(&tls);
    is_int(dial(context(1, "127.0.0.1", 1), p->port, &tls), APR_SUCCESS,
           "address");
    await(seen(&s) == 2);
    is_str(s.sni, "-", "no SNI for an address");
    done(&tls);
    stop(p, &s);
    cert_free(&mine);
}

/* A megabyte there and back, reading and writing as the socket allows. */
static void test_bulk(void)
{
    enum { SIZE = 1024 * 1024 };
    server s;
    cert mine = cert_make(&good, &ca);
    peer *p = start(&s, &mine, LATE_ECHO);
    char *out = malloc(SIZE), *moved = malloc(SIZE), *in = malloc(SIZE);
    apr_size_t sent = 0, got = 0, most = 0, n;
    int i, turn = 0, revents = 0, wevents = 0, stuck = 0;
    int small = 16384;
    gw_tls *tls;

    for (i = 0; i < SIZE; i++) {
        out[i] = moved[i] = (char)(i * 7 + i / 251);
    }
    dial(context(1, "a.example", 0), p->port, &tls);
    setsockopt(tls->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    while (got < SIZE && !stuck) {
        apr_status_t wr = APR_EAGAIN, rd;

        if (sent < SIZE) {
            /* as from a queue whose memory moves between two tries */
            wr = gw_tls_write(tls, (turn++ % 2 ? moved : out) + sent,
                              SIZE - sent, &n, &wevents);
            sent += n;
            most = n > most ? n : most;
        }
        rd = gw_tls_read(tls, in + got, SIZE - got, &n, &revents);
        got += n;
        if (wr == APR_EAGAIN && rd == APR_EAGAIN) {
            stuck = !wait_events(tls->fd, sent < SIZE ? revents | wevents
                                 : revents);
        }
        else if (rd != APR_SUCCESS && rd != APR_EAGAIN) {
            break;
        }
    }
    is_mem(in, got, out, SIZE, "a megabyte there and back");
    ok(most <= 65536, "a write gives way after a record or two");
    is_int(gw_tls_read(tls, in, 1, &n, &revents), APR_EAGAIN, "no more");
    is_int(revents, GW_WANT_READ, "waits for reading");
    done(&tls);
    stop(p, &s);
    free(in);
    free(out);
    free(moved);
    cert_free(&mine);
}

static void test_pending(void)
{
    server s;
    cert mine = cert_make(&good, &ca);
    peer *p = start(&s, &mine, ECHO);
    gw_tls *tls;
    char buf[8];
    apr_size_t n;
    int events;

    dial(context(1, "a.example", 0), p->port, &tls);
    gw_tls_write(tls, "hello", 5, &n, &events);
    is_int(read_some(tls, buf, 2, &n), APR_SUCCESS, "two bytes of five");
    is_int(gw_tls_pending(tls), 3, "three are pending");
    done(&tls);
    stop(p, &s);
    cert_free(&mine);
}

static void test_end(int mode, apr_status_t want, const char *label,
                     const char *why)
{
    server s;
    cert mine = cert_make(&good, &ca);
    peer *p = start(&s, &mine, mode);
    gw_tls *tls;
    char buf[100];
    apr_size_t n;
    apr_status_t rv;

    dial(context(1, "a.example", 0), p->port, &tls);
    if (mode != GARBAGE) {
        is_int(read_some(tls, buf, 100, &n), APR_SUCCESS, "%s: read", label);
        is_mem(buf, n, "bye", 3, "%s: what was said", label);
    }
    rv = read_some(tls, buf, 100, &n);
    is_int(rv, want, "%s: the end", label);
    is_int(n, 0, "%s: no bytes then", label);
    if (!ok(*why ? strstr(gw_tls_why(tls), why) != NULL
            : !*gw_tls_why(tls), "%s: why", label)) {
        diag("%s", gw_tls_why(tls));
    }
    done(&tls);
    stop(p, &s);
    cert_free(&mine);
}

/* A response sent before a reset is read although writing has failed. */
static void test_read_after_write_error(void)
{
    static char chunk[65536];
    server s;
    cert mine = cert_make(&good, &ca);
    peer *p = start(&s, &mine, RESET_UNREAD);
    gw_tls *tls;
    char buf[100];
    apr_size_t n;
    apr_status_t rv;
    int events, tries = 0;

    dial(context(1, "a.example", 0), p->port, &tls);
    do {
        rv = gw_tls_write(tls, chunk, sizeof(chunk), &n, &events);
        if (rv == APR_EAGAIN) {
            wait_events(tls->fd, events);
        }
    } while ((rv == APR_SUCCESS || rv == APR_EAGAIN) && tries++ < 10000);
    is_int(rv, APR_ECONNRESET, "write ends with a reset, not with SIGPIPE");
    ok(*gw_tls_why(tls), "and is explained: %s", gw_tls_why(tls));
    is_int(gw_tls_write(tls, chunk, sizeof(chunk), &n, &events),
           APR_ECONNRESET, "so does the next, in whatever words");
    is_int(read_some(tls, buf, sizeof(buf), &n), APR_SUCCESS,
           "reading goes on");
    is_mem(buf, n, "413", 3, "the early response");
    done(&tls);
    stop(p, &s);
    cert_free(&mine);
}

/* --- handshakes that fail ----------------------------------------------- */

static void serve_raw(peer *p, int fd, int nth)
{
    char buf[2000];
    const char *what = p->baton;

    if (recv(fd, buf, sizeof(buf), 0) > 0 && strcmp(what, "RST") == 0) {
        peer_reset(fd);
        return;
    }
    peer_say(fd, what);
    shutdown(fd, SHUT_WR);
    peer_drain(fd);
    close(fd);
}

static void test_no_tls(const char *say, const char *why)
{
    peer *p = peer_start(serve_raw, (void *)say);
    gw_tls *tls;

    is_int(dial(context(1, "a.example", 0), p->port, &tls), APR_EGENERAL,
           "no TLS: %s", why);
    if (!ok(strstr(gw_tls_why(tls), why), "no TLS: says so")) {
        diag("%s", gw_tls_why(tls));
    }
    done(&tls);
    peer_stop(p);
}

static void test_old_version(void)
{
    server s;
    cert mine = cert_make(&good, &ca);
    peer *p;
    gw_tls *tls;

    make_server(&s);
    s.ctx = cert_server(&mine);
    SSL_CTX_set_security_level(s.ctx, 0);
    SSL_CTX_set_min_proto_version(s.ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(s.ctx, TLS1_1_VERSION);
    p = peer_start(serve, &s);
    is_int(dial(context(0, "a.example", 0), p->port, &tls), APR_EGENERAL,
           "TLS 1.1 is refused even with verify none");
    ok(strstr(gw_tls_why(tls), "version"), "and says so");
    done(&tls);
    stop(p, &s);
    cert_free(&mine);
}

/* --- resumption --------------------------------------------------------- */

/* Connect, exchange a byte (tickets come with it), close. */
static int visit(gw_tls_ctx *ctx, int port)
{
    gw_tls *tls;
    char c;
    apr_size_t n;
    int events, resumed;

    if (dial(ctx, port, &tls) != APR_SUCCESS) {
        diag("%s", gw_tls_why(tls));
        done(&tls);
        return -1;
    }
    gw_tls_write(tls, "x", 1, &n, &events);
    read_some(tls, &c, 1, &n);
    resumed = gw_tls_resumed(tls);
    done(&tls);
    return resumed;
}

static void test_resume(int version, const char *label)
{
    server s;
    cert mine = cert_make(&good, &ca);
    peer *p;
    gw_tls_ctx *ctx = context(1, "a.example", 0);
    gw_tls *a, *b;
    int i, all = 1;
    apr_size_t n;
    char c;

    make_server(&s);
    s.ctx = cert_server(&mine);
    SSL_CTX_set_max_proto_version(s.ctx, version);
    p = peer_start(serve, &s);
    is_int(visit(ctx, p->port), 0, "%s: full handshake at first", label);
    for (i = 0; i < 5; i++) {
        all &= visit(ctx, p->port) == 1;
    }
    ok(all, "%s: then resumed every time", label);
    is_int(visit(context(1, "a.example", 0), p->port), 0,
           "%s: another context has none of it", label);
    dial(ctx, p->port, &a);
    dial(ctx, p->port, &b);
    ok(gw_tls_resumed(a) && gw_tls_resumed(b),
       "%s: two at once are resumed both", label);
    done(&a);
    gw_tls_write(b, "x", 1, &n, &i);
    read_some(b, &c, 1, &n);
    i = b->fd;
    gw_tls_destroy(&b);
    close(i);
    is_int(visit(ctx, p->port), 1, "%s: an end without close_notify costs no "
           "session", label);
    stop(p, &s);
    cert_free(&mine);
}

static void test_session_bound(void)
{
    server s;
    cert mine = cert_make(&good, &ca);
    peer *p;
    gw_tls_ctx *ctx = context(1, "a.example", 0);
    SSL_SESSION *first, *taken;
    int i;

    make_server(&s);
    s.ctx = cert_server(&mine);
    SSL_CTX_set_num_tickets(s.ctx, 20);
    p = peer_start(serve, &s);
    visit(ctx, p->port);
    for (i = 0; i < 3; i++) {
        visit(ctx, p->port);
    }
    is_int(ctx->nsessions, GW_TLS_SESSIONS, "sessions are bounded");
    first = ctx->sessions[GW_TLS_SESSIONS - 1];
    taken = session_take(ctx);
    ok(taken == first && ctx->nsessions == GW_TLS_SESSIONS - 1,
       "the youngest is taken, once");
    SSL_SESSION_free(taken);
    SSL_SESSION_set_time(ctx->sessions[ctx->nsessions - 1], 1);
    first = ctx->sessions[ctx->nsessions - 2];
    taken = session_take(ctx);
    ok(taken == first, "an old one is passed over");
    SSL_SESSION_free(taken);
    stop(p, &s);
    cert_free(&mine);
}

/* The server forgot its ticket keys and changed its certificate. */
static void test_resume_refused(void)
{
    server s;
    cert mine = cert_make(&good, &ca), bad = cert_make(&good, &other_ca);
    peer *p = start(&s, &mine, ECHO);
    gw_tls_ctx *ctx = context(1, "a.example", 0);
    gw_tls *tls;
    SSL_CTX *old = s.ctx;

    visit(ctx, p->port);
    ok(ctx->nsessions > 0, "a session to offer");
    s.ctx = cert_server(&bad);
    is_int(dial(ctx, p->port, &tls), APR_EGENERAL,
           "an offered session does not replace verification");
    is_int(ctx->nsessions, 0, "what failed is not offered again");
    done(&tls);
    SSL_CTX_free(old);
    stop(p, &s);
    cert_free(&mine);
    cert_free(&bad);
}

/* --- contexts ----------------------------------------------------------- */

static void bad_context(const char *label, const gw_tls_params *params,
                        const char *says)
{
    gw_tls_ctx *ctx;
    const char *err = "";

    ok(gw_tls_ctx_create(pool, params, &ctx, &err) != APR_SUCCESS && !ctx,
       "%s: refused", label);
    if (!ok(err && strstr(err, says), "%s: says %s", label, says)) {
        diag("%s", err);
    }
}

static void test_bad_contexts(void)
{
    gw_tls_params none = { 1, "/nowhere/ca.pem", NULL, NULL, "a", 0 };
    gw_tls_params empty = { 1, "/dev/null", NULL, NULL, "a", 0 };
    gw_tls_params folder = { 1, NULL, "/nowhere", NULL, "a", 0 };
    gw_tls_params nofolder = { 1, NULL, "/dev/null", NULL, "a", 0 };
    gw_tls_params noname = { 1, ca_file, NULL, NULL, NULL, 0 };
    gw_tls_params noip = { 1, ca_file, NULL, NULL, "nonsense", 1 };
    gw_tls_params anon = { 0, "/nowhere/ca.pem", NULL, NULL, NULL, 0 };
    gw_tls_ctx *ctx;
    const char *err;

    bad_context("missing file", &none, "/nowhere/ca.pem: No such file");
    bad_context("file without certificates", &empty, "/dev/null");
    bad_context("missing folder", &folder, "/nowhere: No such file");
    bad_context("folder that is none", &nofolder, "it is not a folder");
    bad_context("no name", &noname, "no name to verify");
    bad_context("no address", &noip, "'nonsense' cannot be verified");
    is_int(gw_tls_ctx_create(pool, &anon, &ctx, &err), APR_SUCCESS,
           "verify none reads no CA file");
}

static void test_shared_store(void)
{
    gw_tls_params a = { 1, ca_file, NULL, NULL, "a", 0 };
    gw_tls_params b = { 1, other_file, NULL, NULL, "a", 0 };
    gw_tls_params sys = { 1, NULL, NULL, NULL, "a", 0 };
    gw_tls_ctx *one, *two, *other, *system_ctx;
    const char *err;

    gw_tls_ctx_create(pool, &a, &one, &err);
    gw_tls_ctx_create(pool, &a, &two, &err);
    gw_tls_ctx_create(pool, &b, &other, &err);
    is_int(gw_tls_ctx_create(pool, &sys, &system_ctx, &err), APR_SUCCESS,
           "the system's store");
    ok(SSL_CTX_get_cert_store(one->ssl) == SSL_CTX_get_cert_store(two->ssl),
       "the same trust: one store");
    ok(SSL_CTX_get_cert_store(one->ssl)
       != SSL_CTX_get_cert_store(other->ssl)
       && SSL_CTX_get_cert_store(one->ssl)
       != SSL_CTX_get_cert_store(system_ctx->ssl),
       "another trust: another store");
}

int main(void)
{
    static const cert_spec root = { "CA", NULL, NULL, -10, 10, 1 };
    static const cert_spec other = { "other CA", NULL, NULL, -10, 10, 1 };
    size_t i;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    ca = cert_make(&root, NULL);
    other_ca = cert_make(&other, NULL);
    cert_save(&ca, ca_file);
    cert_save(&other_ca, other_file);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_verify(&cases[i]);
    }
    test_names_sent();
    test_bulk();
    test_pending();
    test_end(CLOSE_NOTIFY, APR_EOF, "close_notify", "");
    test_end(CUT, APR_ECONNRESET, "truncation", "without a TLS close_notify");
    test_end(GARBAGE, APR_EGENERAL, "garbage", "TLS error: ");
    test_read_after_write_error();
    test_no_tls("HTTP/1.1 400 Bad Request\r\n\r\n", "is http:// meant?");
    test_no_tls("", "closed by the backend");
    test_no_tls("RST", "Connection reset by peer");
    test_old_version();
    test_resume(TLS1_3_VERSION, "TLS 1.3");
    test_resume(TLS1_2_VERSION, "TLS 1.2");
    test_session_bound();
    test_resume_refused();
    test_bad_contexts();
    test_shared_store();

    apr_pool_destroy(pool);
    cert_free(&ca);
    cert_free(&other_ca);
    unlink(ca_file);
    unlink(other_file);
    apr_terminate();
    return done_testing();
}
