/**
 * gw_tls_why: what went wrong with TLS, in words for people.
 *
 * Part of gw_tls, split off because explaining is long and changes nothing.
 * Reads OpenSSL's error queue of the calling thread. What a certificate says
 * about itself is escaped: it comes from the peer and goes to a log.
 */
#ifndef GW_TLS_WHY_H
#define GW_TLS_WHY_H

#include <apr.h>
#include <apr_errno.h>
#include <openssl/x509_vfy.h>

/** The first thing that verification did not accept. */
typedef struct gw_tls_reject gw_tls_reject;
struct gw_tls_reject {
    int error;              /* X509_V_ERR_*; 0: nothing */
    char subject[120];      /* of the certificate at fault, cut if longer */
    char issuer[120];
    char names[160];        /* what its subjectAltName lists */
};

/** Verify callback of an SSL_CTX whose connections' app data begins with a
 * gw_tls_reject: notes the first error and ends the handshake. */
int gw_tls_on_verify(int ok, X509_STORE_CTX *store);

/** The oldest error of the queue as text, into buf; @return buf. */
const char *gw_tls_error(char *buf, apr_size_t len);

/** Did the peer break the protocol, by the queue (and not the socket)? */
int gw_tls_is_protocol_error(void);

/** "certificate of PEER rejected: ..." with the directive to change it. */
void gw_tls_why_rejected(const gw_tls_reject *reject, const char *peer,
                         char *buf, apr_size_t len);

/** "TLS handshake with PEER failed: ..."; io is the socket's last error. */
void gw_tls_why_handshake(const char *peer, apr_status_t io, char *buf,
                          apr_size_t len);

/** Why reading or writing failed after the handshake. */
void gw_tls_why_io(apr_status_t io, char *buf, apr_size_t len);

#endif
