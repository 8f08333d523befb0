/**
 * gwb_value: reads the values of key=value parameters: numbers, spans of
 * time, switches, lists of status codes.
 *
 * Pure functions over strings, called while the configuration is read and by
 * the administration at run time; any thread. Errors are one sentence in the
 * pool given that names the parameter and what it takes.
 */
#ifndef GWB_VALUE_H
#define GWB_VALUE_H

#include <apr_pools.h>

#include "gw_base.h"

/* A route or a name of a session is a word of this length at most, as in
 * mod_proxy's shared memory. */
#define GWB_WORD_MAX 63

/** A set of HTTP status codes, 100 to 599. */
typedef struct gwb_codes gwb_codes;
struct gwb_codes {
    int any;
    unsigned char bits[75];     /* code / 8 */
};

/** Is the status in the set? */
int gwb_codes_have(const gwb_codes *codes, int status);

/** Split "name=value"; the name in lower case. @return 0 without '=' */
int gwb_value_split(apr_pool_t *pool, const char *word, const char **pname,
                    const char **pvalue);

/** A whole number from least to most. @return NULL, or what is wrong */
const char *gwb_value_number(apr_pool_t *pool, const char *name,
                             const char *value, int least, int most,
                             int *pnumber);

/** on or off. @return NULL, or what is wrong */
const char *gwb_value_flag(apr_pool_t *pool, const char *name,
                           const char *value, int *pon);

/**
 * A span of time, as gw_span_read() takes it.
 * @param zero_ok  0 is a value, too
 * @return NULL, or what is wrong
 */
const char *gwb_value_time(apr_pool_t *pool, const char *name,
                           const char *value, const char *unit, int zero_ok,
                           gw_time *ptime);

/** Bytes: digits, with K or M behind them; up to 1 GB. */
const char *gwb_value_size(apr_pool_t *pool, const char *name,
                           const char *value, apr_size_t *psize);

/** A number from 1 to 100 with up to two decimals, in hundredths. */
const char *gwb_value_weight(apr_pool_t *pool, const char *name,
                             const char *value, unsigned *pweight);

/** A comma list of status codes and ranges of them, added to the set. */
const char *gwb_value_codes(apr_pool_t *pool, const char *name,
                            const char *value, gwb_codes *codes);

/** Up to GWB_WORD_MAX visible characters without ';', ',', '"' and '\'. */
const char *gwb_value_word(apr_pool_t *pool, const char *name,
                           const char *value, const char **pword);

/**
 * Status letters D S I H N R C; + or - before one holds for those that follow
 * it too. E may only be taken away; the others of mod_proxy are internal.
 * @param pflags  in, out: GWB_* flags
 * @return NULL, or what is wrong
 */
const char *gwb_value_status(apr_pool_t *pool, const char *value,
                             unsigned *pflags);

/** The letters of flags, "" for none. */
const char *gwb_value_letters(apr_pool_t *pool, unsigned flags);

/** A member's URL as its name: without a slash at the end, which means
 * nothing there. */
const char *gwb_value_url(apr_pool_t *pool, const char *url);

/** The entry of a NULL-terminated list that is closest to what was written,
 * or NULL when none is close. */
const char *gwb_value_closest(const char *const *names, const char *name);

#endif
