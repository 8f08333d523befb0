#include "gwb_secret.h"

#include <string.h>

#include <http_log.h>

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "gw_log.h"

APLOG_USE_MODULE(gateway_balancer);

#define SECRET_FILE "gateway-sticky.key"
#define SECRET_KEY  "mod_gateway_balancer_secret"
#define SECRET_LEN  32

/** The server's own secret, made when it is needed first. */
typedef struct secret secret;
struct secret {
    int known;
    unsigned char bytes[SECRET_LEN];
};

typedef struct task task;
struct task {
    apr_pool_t *pconf;
    apr_pool_t *ptemp;
    server_rec *main_server;
};

/** @return 1 when the file holds a secret */
static int read_secret(apr_pool_t *pool, const char *path, secret *s)
{
    apr_file_t *file;
    apr_status_t rv;

    if (apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0,
                      pool) != APR_SUCCESS) {
        return 0;
    }
    rv = apr_file_read_full(file, s->bytes, SECRET_LEN, NULL);
    apr_file_close(file);
    return rv == APR_SUCCESS;
}

static apr_status_t write_secret(apr_pool_t *pool, const char *path,
                                 const secret *s)
{
    apr_file_t *file;
    apr_status_t rv;

    /* a file of other owners or permissions is not written into */
    apr_file_remove(path, pool);
    rv = apr_file_open(&file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE
                       | APR_FOPEN_EXCL | APR_FOPEN_BINARY,
                       APR_FPROT_UREAD | APR_FPROT_UWRITE, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_file_write_full(file, s->bytes, SECRET_LEN, NULL);
        apr_file_close(file);
    }
    return rv;
}

static const secret *own_secret(const task *t)
{
    secret *s = ap_retained_data_get(SECRET_KEY);
    const char *path = ap_runtime_dir_relative(t->ptemp, SECRET_FILE);
    apr_status_t rv;

    if (s == NULL) {
        s = ap_retained_data_create(SECRET_KEY, sizeof(*s));
    }
    if (s->known || read_secret(t->ptemp, path, s)) {
        s->known = 1;
        return s;
    }
    rv = apr_generate_random_bytes(s->bytes, SECRET_LEN);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, t->main_server, GWNO(01050)
                     "sticky= needs random numbers: set stickykey=");
        return NULL;
    }
    s->known = 1;
    rv = write_secret(t->ptemp, path, s);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, t->main_server,
                     GWNO(01051) "sticky=: its key cannot be kept in %s, so "
                     "sessions get other members after a stop of the server; "
                     "stickykey= helps", path);
    }
    return s;
}

static int set_one(gateway_balancer *b, void *baton)
{
    const task *t = baton;
    gwb_sticky *sticky = &b->params.sticky;
    const secret *s;

    if (sticky->own == NULL) {
        return OK;
    }
    if (b->params.sticky_key != NULL) {
        sticky->key = (const unsigned char *)b->params.sticky_key;
        sticky->key_len = strlen(b->params.sticky_key);
        return OK;
    }
    s = own_secret(t);
    if (s == NULL) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    sticky->key = apr_pmemdup(t->pconf, s->bytes, SECRET_LEN);
    sticky->key_len = SECRET_LEN;
    return OK;
}

int gwb_secret_set(apr_pool_t *pconf, apr_pool_t *ptemp,
                   server_rec *main_server)
{
    task t = { pconf, ptemp, main_server };

    return gwb_conf_each(main_server, set_one, &t);
}
