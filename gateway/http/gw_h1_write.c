/*
 * The request side of gw_h1: a head and a body become bytes. Everything is
 * checked before the first byte is written.
 */
#include "gw_h1.h"

#include <string.h>
#include <apr_strings.h>
#include "gw_str.h"

/* "Transfer-Encoding: chunked" or "Content-Length: " and 19 digits */
#define FRAMING_MAX 64

#define CRLF "\r\n"
#define EXPECT "Expect: 100-continue" CRLF

/* Counts what is put into it; writes it too once there is a place. */
typedef struct sink sink;
struct sink {
    char *to;
    apr_size_t n;
};

static apr_status_t refuse(gw_h1 *h, gw_fail fail, const char *why)
{
    if (h->res != GW_H1_BROKEN) {
        h->fail = fail;
        h->why = why;
    }
    return APR_EINVAL;
}

static int is_visible(const char *s)
{
    for (; *s; s++) {
        if (*s <= 0x20 || *s >= 0x7f) {
            return 0;
        }
    }
    return 1;
}

/* Fields that only the codec may write. */
static int is_reserved(gw_str name)
{
    switch (name.len) {
    case 4:
        return gw_str_is(name, "host");
    case 7:
        return gw_str_is(name, "upgrade");
    case 10:
        return gw_str_is(name, "connection");
    case 14:
        return gw_str_is(name, "content-length");
    case 17:
        return gw_str_is(name, "transfer-encoding");
    default:
        return 0;
    }
}

static const char *check_fields(const apr_table_t *headers)
{
    const apr_array_header_t *elts = apr_table_elts(headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    int i;

    for (i = 0; i < elts->nelts; i++) {
        gw_str name = gw_str_of(e[i].key);

        if (!gw_str_is_token(name)) {
            return "request field name is no token";
        }
        if (is_reserved(name)) {
            return "request field is the codec's to write";
        }
        if (!gw_str_is_field_value(gw_str_of(e[i].val))) {
            return "control byte in a request field";
        }
    }
    return NULL;
}

static const char *check_upgrade(const gw_req_head *head)
{
    if (!head->minor || head->connection || head->framing == GW_BODY_CHUNKED
        || (head->framing == GW_BODY_LENGTH && head->length)) {
        return "an upgrade needs HTTP/1.1, no body, and Connection";
    }
    return *head->upgrade && is_visible(head->upgrade)
        && !strchr(head->upgrade, ',') ? NULL : "Upgrade is not one protocol";
}

static const char *check_head(const gw_req_head *head)
{
    const char *why = head->upgrade ? check_upgrade(head) : NULL;

    if (why) {
        return why;
    }
    if (!gw_str_is_token(gw_str_of(head->method))) {
        return "request method is no token";
    }
    if (!strcmp(head->method, "CONNECT")) {
        return "CONNECT is not forwarded";
    }
    if (!head->target || !*head->target || !is_visible(head->target)) {
        return "request target is empty or not plain ASCII";
    }
    if (!head->host || !is_visible(head->host)) {
        return "Host is missing or not plain ASCII";
    }
    if (head->connection
        && !gw_str_is_field_value(gw_str_of(head->connection))) {
        return "control byte in Connection";
    }
    if (head->minor != 0 && head->minor != 1) {
        return "no such version of HTTP/1";
    }
    if (head->framing == GW_BODY_CHUNKED && !head->minor) {
        return "a chunked request needs HTTP/1.1";
    }
    if (head->framing == GW_BODY_LENGTH && head->length < 0) {
        return "negative request length";
    }
    return head->headers ? check_fields(head->headers) : NULL;
}

static void put_str(sink *s, const char *text)
{
    apr_size_t len = strlen(text);

    if (s->to) {
        memcpy(s->to + s->n, text, len);
    }
    s->n += len;
}

static void put_field(sink *s, const char *name, const char *value)
{
    put_str(s, name);
    put_str(s, ": ");
    put_str(s, value);
    put_str(s, CRLF);
}

static void put_fields(sink *s, const apr_table_t *headers)
{
    const apr_array_header_t *elts = apr_table_elts(headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    int i;

    for (i = 0; i < elts->nelts; i++) {
        put_field(s, e[i].key, e[i].val);
    }
}

static void put_head(sink *s, const gw_req_head *head, const char *framing)
{
    put_str(s, head->method);
    put_str(s, " ");
    put_str(s, head->target);
    put_str(s, head->minor ? " HTTP/1.1" CRLF : " HTTP/1.0" CRLF);
    put_field(s, "Host", head->host);
    if (head->headers) {
        put_fields(s, head->headers);
    }
    if (head->upgrade) {
        put_field(s, "Connection", "Upgrade");
        put_field(s, "Upgrade", head->upgrade);
    }
    else if (head->connection) {
        put_field(s, "Connection", head->connection);
    }
    else if (!head->minor) {
        put_field(s, "Connection", "keep-alive");
    }
    if (head->expect && head->minor) {
        put_str(s, EXPECT);
    }
    put_str(s, framing);
    put_str(s, CRLF);
}

static const char *framing_text(const gw_req_head *head,
                                char buf[FRAMING_MAX])
{
    switch (head->framing) {
    case GW_BODY_LENGTH:
        apr_snprintf(buf, FRAMING_MAX,
                     "Content-Length: %" APR_OFF_T_FMT CRLF, head->length);
        return buf;
    case GW_BODY_CHUNKED:
        return "Transfer-Encoding: chunked" CRLF;
    default:
        return "";
    }
}

/* The head is in out: the exchange has begun. */
static void begin(gw_h1 *h, const gw_req_head *head)
{
    h->res = GW_H1_HEAD;
    h->framing = head->framing;
    h->req_left = head->framing == GW_BODY_LENGTH ? head->length : 0;
    h->req_done = head->framing != GW_BODY_CHUNKED && !h->req_left;
    h->head_request = !strcmp(head->method, "HEAD");
    h->http10 = !head->minor;
    h->upgrade_request = head->upgrade != NULL;
    h->reusable = (!head->connection
                   || !gw_str_list_has(head->connection, "close"))
        && !gw_msg_binds_connection(head->headers);
    h->interims = h->blanks = 0;
    h->fail = GW_OK;
    h->why = NULL;
}

apr_status_t gw_h1_start(gw_h1 *h, const gw_req_head *head, gw_bufq *out)
{
    char buf[FRAMING_MAX];
    const char *framing;
    const char *why;
    sink s = { NULL, 0 };
    apr_size_t room;

    if ((h->res != GW_H1_IDLE && h->res != GW_H1_DONE) || !h->reusable
        || !h->req_done || h->pending) {
        return refuse(h, GW_FAIL_INTERNAL, "connection not reusable");
    }
    why = check_head(head);
    if (why) {
        return refuse(h, GW_FAIL_INTERNAL, why);
    }
    framing = framing_text(head, buf);
    put_head(&s, head, framing);
    if (s.n > out->limit) {
        return refuse(h, GW_FAIL_INTERNAL, "request head too large");
    }
    if (s.n > gw_bufq_room(out)) {
        return APR_EAGAIN;
    }
    s.to = gw_bufq_reserve(out, s.n, &room);
    if (!s.to) {
        return APR_ENOMEM;
    }
    s.n = 0;
    put_head(&s, head, framing);
    gw_bufq_commit(out, s.n);
    begin(h, head);
    return APR_SUCCESS;
}

static apr_status_t send_chunk(const char *data, apr_size_t len, gw_bufq *out,
                               apr_size_t *pn)
{
    const apr_size_t frame = GW_CHUNK_HEAD_MAX + sizeof(CRLF) - 1;
    apr_size_t room = gw_bufq_room(out);
    apr_size_t n;
    char *to;

    if (room <= frame) {
        return APR_EAGAIN;
    }
    n = len < room - frame ? len : room - frame;
    to = gw_bufq_reserve(out, n + frame, &room);
    if (!to) {
        return APR_ENOMEM;
    }
    room = gw_chunk_head(to, n);
    memcpy(to + room, data, n);
    room += n;
    memcpy(to + room, CRLF, sizeof(CRLF) - 1);
    gw_bufq_commit(out, room + sizeof(CRLF) - 1);
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t gw_h1_send(gw_h1 *h, const char *data, apr_size_t len,
                        gw_bufq *out, apr_size_t *pn)
{
    apr_status_t rv;

    *pn = 0;
    if (!len) {
        return APR_SUCCESS;
    }
    if (h->res == GW_H1_TUNNEL) {
        return gw_bufq_write(out, data, len, pn);
    }
    if (h->framing == GW_BODY_CHUNKED && !h->req_done) {
        return send_chunk(data, len, out, pn);
    }
    if (h->req_done || (apr_uint64_t)h->req_left < len) {
        h->reusable = 0;
        return refuse(h, GW_FAIL_CLIENT, "request body longer than announced");
    }
    rv = gw_bufq_write(out, data, len, pn);
    h->req_left -= (apr_off_t)*pn;
    h->req_done = !h->req_left;
    return rv;
}

apr_status_t gw_h1_send_end(gw_h1 *h, gw_bufq *out)
{
    static const char last[] = "0" CRLF CRLF;
    apr_status_t rv;

    if (h->req_done) {
        return APR_SUCCESS;
    }
    if (h->framing != GW_BODY_CHUNKED) {
        h->reusable = 0;
        return refuse(h, GW_FAIL_CLIENT,
                      "request body shorter than announced");
    }
    rv = gw_bufq_put(out, last, sizeof(last) - 1);
    h->req_done = rv == APR_SUCCESS;
    return rv;
}
