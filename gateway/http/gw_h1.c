#include "gw_h1.h"

#include <string.h>
#include "gw_h1_head.h"

void gw_h1_init(gw_h1 *h, const gw_h1_limits *limits)
{
    memset(h, 0, sizeof(*h));
    if (limits) {
        h->limits = *limits;
    }
    else {
        h->limits.line = GW_LINE_MAX;
        h->limits.field = GW_FIELD_MAX;
        h->limits.head = GW_HEAD_MAX;
        h->limits.fields = GW_FIELDS_MAX;
    }
    h->res = GW_H1_IDLE;
    h->req_done = 1;
    h->reusable = 1;
}

apr_status_t gw_h1_break(gw_h1 *h, gw_fail fail, const char *why)
{
    if (h->res != GW_H1_BROKEN) {
        h->res = GW_H1_BROKEN;
        h->fail = fail;
        h->why = why;
    }
    h->reusable = 0;
    return APR_EGENERAL;
}

/* Leave out the framing fields of a response that has no body. */
static void drop_framing(gw_res_head *head, const gw_h1_facts *facts)
{
    if (facts->length >= 0) {
        apr_table_unset(head->headers, "Content-Length");
    }
    if (facts->chunked) {
        apr_table_unset(head->headers, "Transfer-Encoding");
    }
}

static apr_status_t accept_interim(gw_h1 *h, gw_res_head *head,
                                   const gw_h1_facts *facts)
{
    if (head->status == 101 && !h->upgrade_request) {
        return gw_h1_break(h, GW_FAIL_JUNK, "101 that nobody asked for");
    }
    if (++h->interims > GW_INTERIM_MAX) {
        return gw_h1_break(h, GW_FAIL_LIMIT, "too many interim responses");
    }
    h->reusable &= !facts->close;
    drop_framing(head, facts);
    if (head->status == 101) {
        h->reusable = 0;
        h->res = GW_H1_TUNNEL;
    }
    return APR_SUCCESS;
}

/* RFC 9112 9.3. Behind an HTTP/1.0 request only a promise counts, whatever
 * version the answer names. */
static int persists(const gw_h1 *h, const gw_res_head *head,
                    const gw_h1_facts *facts)
{
    if (facts->close) {
        return 0;
    }
    return facts->keep_alive || (head->minor && !h->http10);
}

/* How the body of a final response is delimited, RFC 9112 6.3. */
static void accept_final(gw_h1 *h, gw_res_head *head,
                         const gw_h1_facts *facts)
{
    h->reusable &= persists(h, head, facts)
        && !gw_msg_binds_connection(head->headers);
    if (facts->chunked && facts->length >= 0) {
        /* somebody on the way may have believed the length */
        apr_table_unset(head->headers, "Content-Length");
        h->reusable = 0;
    }
    else {
        head->length = facts->length;
    }
    if (head->status == 204) {
        /* a body that must not be announced may follow all the same */
        h->reusable &= !facts->chunked && facts->length <= 0;
        drop_framing(head, facts);
        head->length = -1;
        h->res = GW_H1_DONE;
    }
    else if (h->head_request || head->status == 304) {
        h->res = GW_H1_DONE;
    }
    else if (facts->chunked) {
        gw_chunk_reader_init(&h->chunk);
        h->res = GW_H1_CHUNKED;
    }
    else if (facts->length >= 0) {
        h->res_left = facts->length;
        h->res = facts->length ? GW_H1_LENGTH : GW_H1_DONE;
    }
    else {
        h->reusable = 0;
        h->res = GW_H1_CLOSE;
    }
}

apr_status_t gw_h1_read_head(gw_h1 *h, gw_bufq *in, apr_pool_t *pool,
                             gw_res_head **phead)
{
    gw_h1_facts facts;
    apr_size_t size;
    apr_status_t rv;

    if (h->res != GW_H1_HEAD) {
        return gw_h1_break(h, GW_FAIL_INTERNAL, "no head is due");
    }
    rv = gw_h1_head_scan(h, in, &size);
    if (APR_STATUS_IS_EAGAIN(rv) && !gw_bufq_room(in)) {
        return gw_h1_break(h, GW_FAIL_LIMIT, "head larger than the buffer");
    }
    if (rv == APR_SUCCESS) {
        rv = gw_h1_head_parse(h, gw_bufq_data(in), size, pool, phead, &facts);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    gw_bufq_skip(in, size);
    gw_h1_head_rewind(h);
    if (gw_msg_is_interim(*phead)) {
        return accept_interim(h, *phead, &facts);
    }
    accept_final(h, *phead, &facts);
    return APR_SUCCESS;
}

/* Drop the body bytes that were given out at the last call. */
static void skip_pending(gw_h1 *h, gw_bufq *in)
{
    if (h->pending) {
        gw_bufq_skip(in, h->pending);
        h->pending = 0;
    }
}

static apr_status_t read_length(gw_h1 *h, gw_bufq *in, const char **pdata,
                                apr_size_t *plen)
{
    apr_size_t len = gw_bufq_len(in);

    if (h->res == GW_H1_LENGTH && (apr_uint64_t)h->res_left < len) {
        len = (apr_size_t)h->res_left;
    }
    if (!len) {
        return APR_EAGAIN;
    }
    *pdata = gw_bufq_data(in);
    *plen = h->pending = len;
    if (h->res == GW_H1_LENGTH) {
        h->res_left -= (apr_off_t)len;
        if (!h->res_left) {
            h->res = GW_H1_DONE;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t read_chunked(gw_h1 *h, gw_bufq *in, const char **pdata,
                                 apr_size_t *plen)
{
    apr_size_t len = gw_bufq_len(in);
    apr_size_t used;
    apr_status_t rv;

    if (!len) {
        return APR_EAGAIN;
    }
    rv = gw_chunk_read(&h->chunk, gw_bufq_data(in), len, &used, pdata, plen);
    switch (rv) {
    case APR_SUCCESS:
        h->pending = used;
        return rv;
    case APR_EAGAIN:
        gw_bufq_skip(in, used);
        return rv;
    case APR_EOF:
        gw_bufq_skip(in, used);
        h->res = GW_H1_DONE;
        return rv;
    case APR_ENOSPC:
        return gw_h1_break(h, GW_FAIL_LIMIT, h->chunk.why);
    default:
        return gw_h1_break(h, GW_FAIL_JUNK, h->chunk.why);
    }
}

apr_status_t gw_h1_read_body(gw_h1 *h, gw_bufq *in, const char **pdata,
                             apr_size_t *plen)
{
    *pdata = NULL;
    *plen = 0;
    skip_pending(h, in);
    switch (h->res) {
    case GW_H1_LENGTH:
    case GW_H1_CLOSE:
    case GW_H1_TUNNEL:
        return read_length(h, in, pdata, plen);
    case GW_H1_CHUNKED:
        return read_chunked(h, in, pdata, plen);
    case GW_H1_DONE:
        return APR_EOF;
    default:
        return gw_h1_break(h, GW_FAIL_INTERNAL, "no body is due");
    }
}

static apr_status_t closed_in_head(gw_h1 *h, gw_bufq *in)
{
    if (!gw_h1_started(h, in)) {
        return gw_h1_break(h, GW_FAIL_RESET, "closed before a response");
    }
    if (h->interims && !gw_bufq_len(in)) {
        return gw_h1_break(h, GW_FAIL_TRUNCATED,
                           "closed behind an interim response");
    }
    return gw_h1_break(h, GW_FAIL_TRUNCATED, "closed inside the head");
}

/* The body lasts until the close. */
static apr_status_t closed_in_body(gw_h1 *h, gw_bufq *in, int clean)
{
    if (!clean) {
        return gw_h1_break(h, GW_FAIL_TRUNCATED, h->res == GW_H1_TUNNEL
                           ? "connection broke"
                           : "connection broke inside the body");
    }
    if (gw_bufq_len(in)) {
        /* a complete body would be cut without a sign */
        return gw_h1_break(h, GW_FAIL_INTERNAL, "body was not drained");
    }
    if (h->res == GW_H1_CLOSE) {
        h->res = GW_H1_DONE;
    }
    return APR_EOF;
}

apr_status_t gw_h1_peer_closed(gw_h1 *h, gw_bufq *in, int clean)
{
    skip_pending(h, in);
    h->reusable = 0;
    switch (h->res) {
    case GW_H1_HEAD:
        return closed_in_head(h, in);
    case GW_H1_CLOSE:
    case GW_H1_TUNNEL:
        return closed_in_body(h, in, clean);
    case GW_H1_DONE:
        return APR_EOF;
    case GW_H1_IDLE:
        return gw_h1_break(h, GW_FAIL_RESET, "closed while idle");
    default:
        return gw_h1_break(h, GW_FAIL_TRUNCATED, "closed inside the body");
    }
}

int gw_h1_started(const gw_h1 *h, const gw_bufq *in)
{
    switch (h->res) {
    case GW_H1_IDLE:
        return 0;
    case GW_H1_HEAD:
        return h->interims || h->blanks || gw_bufq_len(in);
    case GW_H1_BROKEN:
        return h->fail == GW_FAIL_JUNK || h->fail == GW_FAIL_LIMIT
            || h->fail == GW_FAIL_TRUNCATED;
    default:
        return 1;
    }
}

int gw_h1_reusable(const gw_h1 *h, const gw_bufq *in, const gw_bufq *out)
{
    return h->reusable && h->req_done
        && (h->res == GW_H1_DONE || h->res == GW_H1_IDLE)
        && !gw_bufq_len(in) && !gw_bufq_len(out);
}
