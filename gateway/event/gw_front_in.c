#include "gw_front_in.h"

#include <string.h>
#include <strings.h>
#include <apr_buckets.h>
#include <http_config.h>
#include <http_core.h>
#include <util_filter.h>

#include "gw_headscan.h"

/* Bytes asked for at a time: two buckets of core's; mod_ssl gives half. */
#define READ_SIZE 16000

/* A bucket from core holds 8000 bytes whatever it is filled with: shorter
 * pieces are put together. */
#define SMALL 4096
#define TAIL_SIZE 8000

/* As core: no piece of a line is longer, give or take a bucket. */
#define LINE_MAX_PIECE 8192

struct gw_front_in {
    conn_rec *c;                /* const after gw_front_in_add() */
    ap_filter_t *f;             /* const */
    const core_net_rec *net;    /* const once known */
    gw_in_mode mode;
    int drained;
    apr_status_t end;           /* what below said when it had ended */
    int late;                   /* it said that time is up */
    apr_bucket_brigade *kept;   /* read ahead; no empty data buckets */
    apr_bucket_brigade *got;    /* of one read */
    apr_size_t len;             /* data in kept */
    apr_bucket *tail;           /* last of kept, ours, with room; or NULL */
    apr_size_t room;            /* in tail */
    gw_headscan scan;
    int stale;                  /* scan knows of bytes that were taken */
    gw_chunkhold hold;
    int chunked;                /* hold follows the framing */
};

static ap_filter_rec_t *input_filter;
static APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_in) *count_in;

/* Filters that keep nothing; NULL: not there. */
static ap_filter_rec_t *counts_only;
static ap_filter_rec_t *looks_only;

/* --- below -------------------------------------------------------------- */

/* core keeps what it has read, with the socket as its last bucket. */
static const core_net_rec *net_of(gw_front_in *in)
{
    ap_filter_t *f = in->f;

    if (!in->net) {
        while (f->next) {
            f = f->next;
        }
        in->net = strcasecmp(f->frec->name, "core_in") == 0 ? f->ctx : NULL;
    }
    return in->net;
}

/* Has core met the end, or may it have? Its first non-blocking read there
 * looks like one that found nothing; only the next says so. */
static int core_at_end(const core_net_rec *net)
{
    apr_bucket_brigade *b = net && net->in_ctx ? net->in_ctx->b : NULL;

    return !b || APR_BRIGADE_EMPTY(b)
        || APR_BRIGADE_LAST(b)->length != (apr_size_t)-1;
}

/* Does core, with nothing above it that keeps bytes, wait for the socket? */
static int core_drained(const gw_front_in *in, const core_net_rec *net)
{
    const ap_filter_t *f;

    for (f = in->f->next; f && f->next; f = f->next) {
        if (f->frec != counts_only && f->frec != looks_only) {
            return 0;
        }
    }
    return net && net->in_ctx && !APR_BRIGADE_EMPTY(net->in_ctx->b)
        && APR_BRIGADE_FIRST(net->in_ctx->b)->length == (apr_size_t)-1;
}

/*
 * One read of the socket, into core's own brigade. Asked for more than came,
 * core reads until the socket has nothing more: with *pwant cut to what came
 * it does not, and that saves a system call for each request. An error is
 * returned, for core would not see it again; all else is left to core.
 */
static apr_status_t read_once(gw_front_in *in, const core_net_rec *net,
                              apr_off_t *pwant)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv = apr_bucket_read(APR_BRIGADE_FIRST(net->in_ctx->b),
                                      &data, &len, APR_NONBLOCK_READ);

    if (rv == APR_SUCCESS && len && (apr_off_t)len < *pwant) {
        /* less than a buffer: that was all */
        in->drained = len < APR_BUCKET_BUFF_SIZE;
        *pwant = (apr_off_t)len;
    }
    return APR_STATUS_IS_EAGAIN(rv) || APR_STATUS_IS_EINTR(rv) ? APR_SUCCESS
                                                               : rv;
}

/* Bytes in bb; *pany: is there anything at all? */
static apr_size_t bytes_of(apr_bucket_brigade *bb, int *pany)
{
    apr_size_t len = 0;
    apr_bucket *e;

    *pany = 0;
    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb);
         e = APR_BUCKET_NEXT(e)) {
        if (APR_BUCKET_IS_METADATA(e) || e->length) {
            *pany = 1;
            len += e->length;
        }
    }
    return len;
}

static int is_nothing(apr_status_t rv, int any)
{
    return APR_STATUS_IS_EAGAIN(rv) || APR_STATUS_IS_EINTR(rv)
        || (rv == APR_SUCCESS && !any);
}

/* READBYTES below. Nothing there is APR_EAGAIN. */
static apr_status_t read_below(gw_front_in *in, apr_bucket_brigade *bb,
                               apr_read_type_e block, apr_off_t want)
{
    const core_net_rec *net = net_of(in);
    apr_off_t most = want;
    apr_status_t rv;
    apr_size_t len;
    int any;

    in->drained = 0;
    if (block == APR_NONBLOCK_READ && core_drained(in, net)) {
        rv = read_once(in, net, &most);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    rv = ap_get_brigade(in->f->next, bb, AP_MODE_READBYTES, block, most);
    len = bytes_of(bb, &any);
    if (is_nothing(rv, any) && block == APR_NONBLOCK_READ
        && core_at_end(net)) {
        apr_brigade_cleanup(bb);
        rv = ap_get_brigade(in->f->next, bb, AP_MODE_READBYTES, block, want);
        len = bytes_of(bb, &any);
    }
    if (is_nothing(rv, any)) {
        apr_brigade_cleanup(bb);
        in->drained = 1;
        return APR_EAGAIN;
    }
    if (most == want) {
        /* core reads on until it has what was asked for, or nothing more */
        in->drained = rv == APR_SUCCESS && len < (apr_size_t)want
            && core_drained(in, net);
    }
    return rv;
}

/* --- what is kept ------------------------------------------------------- */

/* mod_logio has counted what was read ahead; it belongs to the request that
 * takes it, which may be a later one. */
static void keep_bytes(gw_front_in *in, apr_size_t len)
{
    in->len += len;
    if (count_in) {
        count_in(in->c, -(apr_off_t)len);
    }
}

static void give_back(gw_front_in *in, apr_size_t len)
{
    in->len -= len;
    if (count_in) {
        count_in(in->c, (apr_off_t)len);
    }
}

static void scan_bytes(gw_front_in *in, const char *data, apr_size_t len)
{
    if (in->chunked) {
        gw_chunkhold_feed(&in->hold, data, len);
    }
    else {
        gw_headscan_feed(&in->scan, data, len);
    }
}

/* A copy of a small piece, behind other small ones. */
static void append_small(gw_front_in *in, const char *data, apr_size_t len)
{
    apr_bucket_alloc_t *list = in->c->bucket_alloc;
    apr_bucket_heap *h;

    if (!in->tail || in->room < len) {
        char *space = apr_bucket_alloc(TAIL_SIZE, list);

        in->tail = apr_bucket_heap_create(space, TAIL_SIZE, apr_bucket_free,
                                          list);
        in->tail->length = 0;
        in->room = TAIL_SIZE;
        APR_BRIGADE_INSERT_TAIL(in->kept, in->tail);
    }
    h = in->tail->data;
    memcpy(h->base + in->tail->start + in->tail->length, data, len);
    in->tail->length += len;
    in->room -= len;
}

/* Into kept, so that it outlives this call and the next read below. */
static apr_status_t read_ahead(gw_front_in *in, apr_bucket *e)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv;

    if (!APR_BUCKET_IS_METADATA(e)) {
        rv = apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ);
        if (rv != APR_SUCCESS || !len) {
            apr_bucket_delete(e);
            return rv == APR_SUCCESS ? rv : APR_EGENERAL;
        }
        scan_bytes(in, data, len);
        keep_bytes(in, len);
        if (len < SMALL && !APR_BRIGADE_EMPTY(in->kept)) {
            append_small(in, data, len);
            apr_bucket_delete(e);
            return APR_SUCCESS;
        }
        rv = apr_bucket_setaside(e, in->c->pool);
        if (rv != APR_SUCCESS && rv != APR_ENOTIMPL) {
            return rv;
        }
    }
    else if (APR_BUCKET_IS_EOS(e)) {
        in->end = APR_EOF;
    }
    APR_BUCKET_REMOVE(e);
    APR_BRIGADE_INSERT_TAIL(in->kept, e);
    in->tail = NULL;
    return APR_SUCCESS;
}

static int is_final(apr_status_t rv)
{
    return rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)
        && !APR_STATUS_IS_TIMEUP(rv);
}

/* Read ahead: one read below, into kept. APR_EAGAIN: nothing came. */
static apr_status_t pull(gw_front_in *in, apr_read_type_e block)
{
    apr_size_t before = in->len;
    apr_status_t rv;

    if (in->end != APR_SUCCESS) {
        return in->end;
    }
    if (in->late) {
        return APR_TIMEUP;
    }
    rv = read_below(in, in->got, block, READ_SIZE);
    while (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(in->got)) {
        rv = read_ahead(in, APR_BRIGADE_FIRST(in->got));
    }
    apr_brigade_cleanup(in->got);
    if (is_final(rv)) {
        in->end = rv;
    }
    /* who asks mod_ssl once more hears of an error */
    in->late = block == APR_NONBLOCK_READ && APR_STATUS_IS_TIMEUP(rv);
    if (rv == APR_SUCCESS && in->len == before) {
        return in->end != APR_SUCCESS ? in->end : APR_EAGAIN;
    }
    return rv;
}

/* Bytes of kept that may be given out. */
static apr_size_t available(const gw_front_in *in)
{
    if (!in->chunked || in->mode != GW_IN_LOOP || in->end != APR_SUCCESS) {
        return in->len;
    }
    return in->len > in->hold.held ? in->len - in->hold.held : 0;
}

/* The first bucket of kept, cut to most bytes; metadata as it is. NULL: there
 * is none. */
static apr_bucket *first_of(gw_front_in *in, apr_size_t most)
{
    apr_bucket *e = APR_BRIGADE_FIRST(in->kept);

    if (e == APR_BRIGADE_SENTINEL(in->kept)) {
        return NULL;
    }
    in->tail = NULL;
    if (e->length > most) {
        apr_bucket_split(e, most);
    }
    return e;
}

static void take(gw_front_in *in, apr_bucket *e, apr_bucket_brigade *bb)
{
    give_back(in, e->length);
    in->stale = 1;
    APR_BUCKET_REMOVE(e);
    APR_BRIGADE_INSERT_TAIL(bb, e);
}

/* READBYTES of what is kept; @return something was given */
static int give_bytes(gw_front_in *in, apr_bucket_brigade *bb,
                      apr_off_t want)
{
    apr_size_t left = available(in);

    if ((apr_off_t)left > want) {
        left = (apr_size_t)want;
    }
    while (!APR_BRIGADE_EMPTY(in->kept)) {
        apr_bucket *e = APR_BRIGADE_FIRST(in->kept);

        if (!left && !APR_BUCKET_IS_METADATA(e)) {
            break;
        }
        e = first_of(in, left);
        left -= e->length;
        take(in, e, bb);
        if (APR_BUCKET_IS_EOS(e)) {
            break;
        }
    }
    return !APR_BRIGADE_EMPTY(bb);
}

/* A line of what is kept, or what is there of it: core puts it together. */
static int give_line(gw_front_in *in, apr_bucket_brigade *bb)
{
    apr_size_t left = available(in);
    apr_size_t given = 0;
    const char *lf = NULL;

    while (!lf && given < LINE_MAX_PIECE && !APR_BRIGADE_EMPTY(in->kept)) {
        apr_bucket *e = APR_BRIGADE_FIRST(in->kept);
        const char *data;
        apr_size_t len = 0;

        if (!APR_BUCKET_IS_METADATA(e)) {
            if (!left || apr_bucket_read(e, &data, &len, APR_BLOCK_READ)
                         != APR_SUCCESS) {
                break;
            }
            len = len < left ? len : left;
            lf = memchr(data, '\n', len);
            len = lf ? (apr_size_t)(lf - data) + 1 : len;
        }
        e = first_of(in, len);
        left -= len;
        given += len;
        take(in, e, bb);
        if (APR_BUCKET_IS_EOS(e)) {
            break;
        }
    }
    return !APR_BRIGADE_EMPTY(bb);
}

/* A copy of the first bytes of what is kept. */
static int give_look(gw_front_in *in, apr_bucket_brigade *bb, apr_off_t want)
{
    apr_size_t left = available(in);
    apr_bucket *e;

    if ((apr_off_t)left > want) {
        left = (apr_size_t)want;
    }
    for (e = APR_BRIGADE_FIRST(in->kept);
         e != APR_BRIGADE_SENTINEL(in->kept); e = APR_BUCKET_NEXT(e)) {
        apr_bucket *copy;

        if ((!left && !APR_BUCKET_IS_METADATA(e))
            || apr_bucket_copy(e, &copy) != APR_SUCCESS) {
            break;
        }
        if (copy->length > left) {
            copy->length = left;
        }
        left -= copy->length;
        APR_BRIGADE_INSERT_TAIL(bb, copy);
    }
    return !APR_BRIGADE_EMPTY(bb);
}

static int give(gw_front_in *in, apr_bucket_brigade *bb,
                ap_input_mode_t mode, apr_off_t want)
{
    switch (mode) {
    case AP_MODE_GETLINE:
        return give_line(in, bb);
    case AP_MODE_SPECULATIVE:
        return give_look(in, bb, want);
    default:
        return give_bytes(in, bb, want);
    }
}

/* --- the filter --------------------------------------------------------- */

/* Empty lines in front are dropped. Something else behind them: SUCCESS. */
static apr_status_t eat_lines(gw_front_in *in)
{
    apr_bucket *e = APR_BRIGADE_FIRST(in->kept);

    while (e != APR_BRIGADE_SENTINEL(in->kept)) {
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_METADATA(e)
            || apr_bucket_read(e, &data, &len, APR_BLOCK_READ)
               != APR_SUCCESS
            || (*data != '\n' && *data != '\r')) {
            return APR_SUCCESS;
        }
        e = first_of(in, 1);
        give_back(in, e->length);
        in->stale = 1;
        apr_bucket_delete(e);
        e = APR_BRIGADE_FIRST(in->kept);
    }
    return APR_EAGAIN;
}

/* EATCRLF, EXHAUSTIVE, INIT: not for bytes of a request. */
static apr_status_t other_mode(gw_front_in *in, apr_bucket_brigade *bb,
                               ap_input_mode_t mode, apr_read_type_e block,
                               apr_off_t want)
{
    int loop = in->mode == GW_IN_LOOP;
    apr_status_t rv;

    if (mode == AP_MODE_EATCRLF && eat_lines(in) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    if (loop && mode == AP_MODE_EATCRLF) {
        return in->end != APR_SUCCESS ? in->end : APR_EAGAIN;
    }
    if (loop && mode == AP_MODE_EXHAUSTIVE) {
        /* it would hand the socket out */
        return APR_ENOTIMPL;
    }
    in->drained = 0;
    rv = ap_get_brigade(in->f->next, bb, mode,
                        loop ? APR_NONBLOCK_READ : block, want);
    if (rv == APR_SUCCESS && mode == AP_MODE_EXHAUSTIVE) {
        APR_BRIGADE_PREPEND(bb, in->kept);
        give_back(in, in->len);
        in->tail = NULL;
    }
    return rv;
}

/* Nothing is kept, or nothing that may be given: ask below. Through kept,
 * where only a part is given on or the framing has to be followed. */
static apr_status_t ask_below(gw_front_in *in, apr_bucket_brigade *bb,
                              ap_input_mode_t mode, apr_read_type_e block,
                              apr_off_t want)
{
    apr_status_t rv;

    if (in->end != APR_SUCCESS) {
        return in->end;
    }
    if (in->chunked && gw_chunkhold_over(&in->hold)) {
        in->chunked = 0;
        in->stale = 1;
    }
    if (!in->chunked && mode == AP_MODE_READBYTES) {
        return read_below(in, bb, block, want);
    }
    if (!in->chunked && mode == AP_MODE_GETLINE && in->mode == GW_IN_PASS) {
        in->drained = 0;
        return ap_get_brigade(in->f->next, bb, mode, block, want);
    }
    do {
        rv = pull(in, block);
        if (give(in, bb, mode, want)) {
            return APR_SUCCESS;
        }
        /* all that came is held back: who hears EAGAIN waits for an event */
    } while (rv == APR_SUCCESS);
    return rv;
}

static apr_status_t on_input(ap_filter_t *f, apr_bucket_brigade *bb,
                             ap_input_mode_t mode, apr_read_type_e block,
                             apr_off_t want)
{
    gw_front_in *in = f->ctx;
    int loop = in->mode == GW_IN_LOOP;
    apr_status_t rv;

    if (in->mode == GW_IN_PASS && !in->chunked && in->end == APR_SUCCESS
        && APR_BRIGADE_EMPTY(in->kept)) {
        in->drained = 0;
        return ap_get_brigade(f->next, bb, mode, block, want);
    }
    if (mode != AP_MODE_READBYTES && mode != AP_MODE_GETLINE
        && mode != AP_MODE_SPECULATIVE) {
        return other_mode(in, bb, mode, block, want);
    }
    if (give(in, bb, mode, want)) {
        return APR_SUCCESS;
    }
    if (mode == AP_MODE_SPECULATIVE
        && (loop || (in->mode == GW_IN_HELPER
                     && block == APR_NONBLOCK_READ))) {
        /* a request that follows is not this one's matter, nor in its time */
        rv = in->end != APR_SUCCESS ? in->end : APR_EAGAIN;
    }
    else {
        rv = ask_below(in, bb, mode, loop ? APR_NONBLOCK_READ : block, want);
    }
    return APR_STATUS_IS_EAGAIN(rv) && block == APR_BLOCK_READ
        ? APR_TIMEUP : rv;
}

/* --- for the owner ------------------------------------------------------ */

static void find_others(void)
{
    counts_only = ap_get_input_filter_handle("log_input_output");
    looks_only = ap_get_input_filter_handle("gw_front_late");
    count_in = APR_RETRIEVE_OPTIONAL_FN(ap_logio_add_bytes_in);
}

void gw_front_in_register(void)
{
    ap_hook_optional_fn_retrieve(find_others, NULL, NULL, APR_HOOK_MIDDLE);
    input_filter = ap_register_input_filter("GW_FRONT_IN", on_input, NULL,
                                            AP_FTYPE_CONNECTION);
}

gw_front_in *gw_front_in_add(conn_rec *c)
{
    gw_front_in *in = apr_pcalloc(c->pool, sizeof(*in));

    in->c = c;
    in->mode = GW_IN_PASS;
    in->kept = apr_brigade_create(c->pool, c->bucket_alloc);
    in->got = apr_brigade_create(c->pool, c->bucket_alloc);
    in->f = ap_add_input_filter_handle(input_filter, in, NULL, c);
    gw_headscan_init(&in->scan, GW_FRONT_HEAD_MAX);
    return in;
}

void gw_front_in_mode(gw_front_in *in, gw_in_mode mode)
{
    in->mode = mode;
    if (mode == GW_IN_HELPER) {
        /* mod_ssl asks for a client's certificate in the way of the last
         * read: this one reads nothing, but may wait */
        ap_get_brigade(in->f->next, in->got, AP_MODE_INIT, APR_BLOCK_READ, 0);
        apr_brigade_cleanup(in->got);
    }
}

gw_head_state gw_front_in_fill(gw_front_in *in, int *pdrained)
{
    apr_status_t rv = APR_SUCCESS;

    if (in->stale || in->chunked) {
        gw_front_in_next(in);
    }
    while (rv == APR_SUCCESS && in->scan.result < GW_SCAN_WHOLE) {
        rv = pull(in, APR_NONBLOCK_READ);
        *pdrained = in->drained;
    }
    switch (in->scan.result) {
    case GW_SCAN_WHOLE:
        return GW_HEAD_WHOLE;
    case GW_SCAN_LONG:
        return GW_HEAD_LONG;
    default:
        break;
    }
    if (APR_STATUS_IS_EOF(rv)) {
        return GW_HEAD_EOF;
    }
    if (is_final(rv)) {
        return GW_HEAD_BROKEN;
    }
    return in->scan.result == GW_SCAN_PART ? GW_HEAD_PART : GW_HEAD_NONE;
}

/* All that is kept goes through a scanner that has just begun. */
static void scan_kept(gw_front_in *in)
{
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(in->kept);
         e != APR_BRIGADE_SENTINEL(in->kept); e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t len;

        if (!APR_BUCKET_IS_METADATA(e)
            && apr_bucket_read(e, &data, &len, APR_BLOCK_READ)
               == APR_SUCCESS) {
            scan_bytes(in, data, len);
        }
    }
}

void gw_front_in_next(gw_front_in *in)
{
    in->chunked = 0;
    in->stale = 0;
    gw_headscan_init(&in->scan, GW_FRONT_HEAD_MAX);
    scan_kept(in);
}

void gw_front_in_chunked(gw_front_in *in)
{
    in->chunked = 1;
    gw_chunkhold_init(&in->hold, GW_FRONT_HEAD_MAX);
    scan_kept(in);
}

apr_size_t gw_front_in_len(const gw_front_in *in)
{
    return in->len;
}

int gw_front_in_drained(const gw_front_in *in)
{
    return in->drained;
}
