/**
 * mod_gateway: the public contract of mod_gateway.so.
 *
 * Other modules include this file only. Everything here is called and read in
 * the request's own thread.
 */
#ifndef MOD_GATEWAY_H
#define MOD_GATEWAY_H

/** Version of this contract; grows when something is added. */
#define GATEWAY_API_VERSION 1

/* Names in r->subprocess_env, set before the request is logged. */
#define GATEWAY_ENV_ADDR        "GATEWAY_ADDR"          /* host:port tried,
                                                           ", " between */
#define GATEWAY_ENV_CONNECT_MS  "GATEWAY_CONNECT_MS"    /* of the last try */
#define GATEWAY_ENV_TTFB_MS     "GATEWAY_TTFB_MS"       /* to the response
                                                           head */
#define GATEWAY_ENV_MS          "GATEWAY_MS"            /* whole exchange */
#define GATEWAY_ENV_STATUS      "GATEWAY_STATUS"        /* of the backend */
#define GATEWAY_ENV_TRIES       "GATEWAY_TRIES"
#define GATEWAY_ENV_REUSED      "GATEWAY_REUSED"        /* 0 or 1 */
#define GATEWAY_ENV_TLS         "GATEWAY_TLS"           /* e.g. TLSv1.3 */
#define GATEWAY_ENV_REASON      "GATEWAY_REASON"        /* of a failure */

#endif
