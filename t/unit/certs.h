/**
 * certs.h: certificates made on the spot for the TLS tests, and a TLS server
 * side for peer.h.
 *
 * Owner: the program that includes it, after peer.h. Keys are EC P-256, made
 * in a moment. What is created lives until the program ends.
 */
#ifndef GW_T_CERTS_H
#define GW_T_CERTS_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

typedef struct cert cert;
struct cert {
    X509 *x509;
    EVP_PKEY *key;
};

/** What a certificate says; times in days from now. */
typedef struct cert_spec cert_spec;
struct cert_spec {
    const char *cn;             /* NULL: no common name */
    const char *san;            /* "DNS:a, IP:1.2.3.4", or NULL */
    const char *eku;            /* NULL: none */
    int from;
    int to;
    int ca;
};

static TAP_UNUSED void cert_ext(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (!ext) {
        bail_out("extension %s", value);
    }
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
}

/** Sign spec with issuer, or with itself when that is NULL. */
static TAP_UNUSED cert cert_make(const cert_spec *spec, const cert *issuer)
{
    static long serial = 1;
    cert c;
    X509_NAME *name;

    c.key = EVP_EC_gen("P-256");
    c.x509 = X509_new();
    if (!c.key || !c.x509) {
        bail_out("no key");
    }
    X509_set_version(c.x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial++);
    X509_gmtime_adj(X509_getm_notBefore(c.x509), spec->from * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(c.x509), spec->to * 86400L);
    X509_set_pubkey(c.x509, c.key);
    name = X509_get_subject_name(c.x509);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                               (const unsigned char *)"gw tests", -1, -1, 0);
    if (spec->cn) {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   (const unsigned char *)spec->cn, -1, -1,
                                   0);
    }
    X509_set_issuer_name(c.x509, issuer
                         ? X509_get_subject_name(issuer->x509) : name);
    if (spec->ca) {
        cert_ext(c.x509, NID_basic_constraints, "critical,CA:TRUE");
        cert_ext(c.x509, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    if (spec->san) {
        cert_ext(c.x509, NID_subject_alt_name, spec->san);
    }
    if (spec->eku) {
        cert_ext(c.x509, NID_ext_key_usage, spec->eku);
    }
    X509_sign(c.x509, issuer ? issuer->key : c.key, EVP_sha256());
    return c;
}

static TAP_UNUSED void cert_free(cert *c)
{
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
}

/** Write c to a new file; its name into path, which ends in XXXXXX. */
static TAP_UNUSED void cert_save(const cert *c, char *path)
{
    int fd = mkstemp(path);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (!f || !PEM_write_X509(f, c->x509) || fclose(f) != 0) {
        bail_out("cannot write %s", path);
    }
}

/** A server context that shows c. */
static TAP_UNUSED SSL_CTX *cert_server(const cert *c)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx || !SSL_CTX_use_certificate(ctx, c->x509)
        || !SSL_CTX_use_PrivateKey(ctx, c->key)) {
        bail_out("no server context");
    }
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
    return ctx;
}

/** Server side of a handshake on fd (blocking). NULL: it failed. */
static TAP_UNUSED SSL *cert_accept(SSL_CTX *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    return ssl;
}

/** Read one request head; 0 at the end. */
static TAP_UNUSED int cert_hear_head(SSL *ssl, char *buf, size_t len)
{
    size_t n = 0;

    while (n < len - 1 && SSL_read(ssl, buf + n, 1) == 1) {
        n++;
        buf[n] = '\0';
        if (n >= 4 && memcmp(buf + n - 4, "\r\n\r\n", 4) == 0) {
            return (int)n;
        }
    }
    return 0;
}

static TAP_UNUSED void cert_say(SSL *ssl, const char *text)
{
    SSL_write(ssl, text, (int)strlen(text));
}

#endif
