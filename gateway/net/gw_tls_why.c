#include "gw_tls_why.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* --- what a certificate says -------------------------------------------- */

static void print_name(const X509_NAME *name, char *buf, int len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n = 0;

    if (bio && name
        && X509_NAME_print_ex(bio, name, 0,
                              XN_FLAG_RFC2253 & ~XN_FLAG_DN_REV) >= 0) {
        n = BIO_read(bio, buf, len - 1);
    }
    buf[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

static void append(char *buf, apr_size_t len, const char *text)
{
    apr_size_t used = strlen(buf);

    apr_cpystrn(buf + used, text, len - used);
}

/* Printable bytes of a dNSName; the rest as '?'. */
static void dns_text(const ASN1_STRING *s, char *buf, int len)
{
    const unsigned char *p = ASN1_STRING_get0_data(s);
    int n = ASN1_STRING_length(s);
    int i;

    for (i = 0; i < n && i < len - 1; i++) {
        buf[i] = p[i] > 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
    }
    buf[i] = '\0';
}

static void ip_text(const ASN1_STRING *s, char *buf, int len)
{
    int family = ASN1_STRING_length(s) == 4 ? AF_INET : AF_INET6;

    buf[0] = '\0';
    if (family == AF_INET || ASN1_STRING_length(s) == 16) {
        (void)inet_ntop(family, ASN1_STRING_get0_data(s), buf,
                        (socklen_t)len);
    }
}

static void list_names(X509 *cert, char *buf, apr_size_t len)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL,
                                            NULL);
    int i;

    buf[0] = '\0';
    for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char text[80];

        if (name->type == GEN_DNS) {
            dns_text(name->d.dNSName, text, sizeof(text));
        }
        else if (name->type == GEN_IPADD) {
            ip_text(name->d.iPAddress, text, sizeof(text));
        }
        else {
            continue;
        }
        append(buf, len, *buf ? ", " : "");
        append(buf, len, text);
    }
    GENERAL_NAMES_free(names);
}

int gw_tls_on_verify(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(
        store, SSL_get_ex_data_X509_STORE_CTX_idx());
    gw_tls_reject *reject = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);

    if (ok || reject->error) {
        return ok;
    }
    reject->error = X509_STORE_CTX_get_error(store);
    if (cert) {
        print_name(X509_get_subject_name(cert), reject->subject,
                   sizeof(reject->subject));
        print_name(X509_get_issuer_name(cert), reject->issuer,
                   sizeof(reject->issuer));
        list_names(cert, reject->names, sizeof(reject->names));
    }
    return 0;
}

/* --- texts -------------------------------------------------------------- */

const char *gw_tls_error(char *buf, apr_size_t len)
{
    unsigned long e = ERR_peek_error();
    const char *reason = e ? ERR_reason_error_string(e) : NULL;

    if (reason) {
        apr_cpystrn(buf, reason, len);
    }
    else if (e && ERR_SYSTEM_ERROR(e)) {
        apr_strerror(ERR_GET_REASON(e), buf, len);
    }
    else {
        apr_cpystrn(buf, "unknown error", len);
    }
    return buf;
}

int gw_tls_is_protocol_error(void)
{
    unsigned long e = ERR_peek_error();

    return e && ERR_GET_LIB(e) == ERR_LIB_SSL
           && ERR_GET_REASON(e) != SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

static int is_name_mismatch(int error)
{
    return error == X509_V_ERR_HOSTNAME_MISMATCH
           || error == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

static const char *remedy(int error)
{
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return "GatewaySSLCACertificateFile names a CA to trust";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "the certificate has to be renewed";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "compare the clocks of both machines";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "verifyname= gives the name to look for";
    default:
        return "the backend needs another certificate";
    }
}

void gw_tls_why_rejected(const gw_tls_reject *reject, const char *peer,
                         char *buf, apr_size_t len)
{
    char names[200] = "";

    if (is_name_mismatch(reject->error)) {
        apr_snprintf(names, sizeof(names), ", valid for %s", *reject->names
                     ? reject->names : "no name: it has no subjectAltName");
    }
    apr_snprintf(buf, len, "certificate of %.100s rejected: %s (subject %s, "
                 "issuer %s%s); %s, GatewaySSLVerify none would accept it",
                 peer, X509_verify_cert_error_string(reject->error),
                 *reject->subject ? reject->subject : "-",
                 *reject->issuer ? reject->issuer : "-", names,
                 remedy(reject->error));
}

static const char *socket_text(apr_status_t io, char *buf, apr_size_t len)
{
    if (io == APR_EOF) {
        return "closed by the backend";
    }
    return apr_strerror(io, buf, len);
}

/* What a server that does not speak TLS makes of our hello. */
static int looks_like_plain_text(void)
{
    switch (ERR_GET_REASON(ERR_peek_error())) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        return 1;
    default:
        return 0;
    }
}

void gw_tls_why_handshake(const char *peer, apr_status_t io, char *buf,
                          apr_size_t len)
{
    char text[160];

    if (gw_tls_is_protocol_error()) {
        apr_snprintf(buf, len, "TLS handshake with %.100s failed: %s%s", peer,
                     gw_tls_error(text, sizeof(text)),
                     looks_like_plain_text()
                     ? " (the backend does not seem to speak TLS on this "
                       "port; is http:// meant?)" : "");
    }
    else {
        apr_snprintf(buf, len, "TLS handshake with %.100s failed: %s", peer,
                     socket_text(io, text, sizeof(text)));
    }
}

void gw_tls_why_io(apr_status_t io, char *buf, apr_size_t len)
{
    char text[160];

    if (gw_tls_is_protocol_error()) {
        apr_snprintf(buf, len, "TLS error: %s",
                     gw_tls_error(text, sizeof(text)));
    }
    else if (io == APR_EOF) {
        apr_cpystrn(buf, "closed without a TLS close_notify", len);
    }
    else {
        apr_cpystrn(buf, socket_text(io, text, sizeof(text)), len);
    }
}
