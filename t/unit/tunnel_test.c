/*
 * Tunnels between a fake client and a fake backend, on a clock that the test
 * moves: back pressure, half closes, idle times; and how an exchange gets to
 * one. Both peers are a source of bytes and a sink that takes as many as the
 * test allows.
 */
#include "tap.h"

#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_exchange.h"
#include "gw_tunnel.h"
#include "gw_upgrade.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define ANY_NUMBER 1000000000

static apr_pool_t *pool;

static gw_time clock_now = GW_SEC(1000);

static gw_time fake_now(void)
{
    return clock_now;
}

/* -- the peers -- */

typedef struct {
    /* as a source */
    const char *gives;      /* bytes not given yet */
    apr_size_t endless;     /* gives pieces of this size for ever */
    int eof;                /* behind them */
    int broken;             /* behind them, instead */
    int reads;
    /* as a sink */
    int takes;              /* bytes it still takes */
    int write_fails;
    char got[256];
    apr_size_t ngot;
    int told;               /* that no more will come */
} peer;

static peer client, backend;
static char piece[65536];

static apr_status_t give(peer *p, const char **pdata, apr_size_t *plen)
{
    p->reads++;
    if (p->endless) {
        *pdata = piece;
        *plen = p->endless;
        return APR_SUCCESS;
    }
    if (*p->gives) {
        *pdata = p->gives;
        *plen = strlen(p->gives);
        p->gives += *plen;
        return APR_SUCCESS;
    }
    return p->broken ? APR_ECONNRESET : p->eof ? APR_EOF : APR_EAGAIN;
}

static apr_size_t take(peer *p, const char *data, apr_size_t len)
{
    apr_size_t room = sizeof(p->got) - 1 - strlen(p->got);

    if (len > (apr_size_t)p->takes) {
        len = (apr_size_t)p->takes;
    }
    p->takes -= (int)len;
    p->ngot += len;
    if (len < room) {
        memcpy(p->got + strlen(p->got), data, len);
    }
    return len;
}

/* -- the backend's stream -- */

typedef struct {
    gw_stream base;
    const gw_res_head *head;    /* to be read */
    char queue[65536];
    apr_size_t queued;
    int ends;
    int sent_head;
    char upgrade[64];
} fake_stream;

static fake_stream stream;
static apr_off_t more_sent;     /* of the head */

static apr_status_t fs_open(gw_stream *s)
{
    return APR_SUCCESS;
}

static apr_status_t fs_send_head(gw_stream *s, const gw_req_head *head)
{
    stream.sent_head = 1;
    apr_cpystrn(stream.upgrade, head->upgrade ? head->upgrade : "-",
                sizeof(stream.upgrade));
    return APR_SUCCESS;
}

static apr_status_t fs_send(gw_stream *s, const char *data, apr_size_t len,
                            apr_size_t *pn)
{
    apr_size_t room = sizeof(stream.queue) - stream.queued;

    if (backend.write_fails) {
        s->fail = GW_FAIL_RESET;
        s->why = "broken pipe";
        return APR_ECONNRESET;
    }
    if (!room) {
        return APR_EAGAIN;
    }
    *pn = len < room ? len : room;
    memcpy(stream.queue + stream.queued, data, *pn);
    stream.queued += *pn;
    return APR_SUCCESS;
}

static apr_status_t fs_send_end(gw_stream *s)
{
    stream.ends = 1;
    return APR_SUCCESS;
}

static apr_status_t fs_flush(gw_stream *s)
{
    apr_size_t n = take(&backend, stream.queue, stream.queued);

    more_sent = stream.sent_head ? 100 : 0;
    stream.queued -= n;
    memmove(stream.queue, stream.queue + n, stream.queued);
    if (stream.queued) {
        return APR_EAGAIN;
    }
    backend.told = stream.ends && stream.sent_head != 1 ? 1 : backend.told;
    return APR_SUCCESS;
}

static apr_status_t fs_read_head(gw_stream *s, apr_pool_t *p,
                                 gw_res_head **phead)
{
    if (!stream.head) {
        return APR_EAGAIN;
    }
    *phead = apr_pmemdup(p, stream.head, sizeof(*stream.head));
    stream.head = NULL;
    stream.ends = 0;
    stream.sent_head = 2;
    return APR_SUCCESS;
}

static apr_status_t fs_read_body(gw_stream *s, const char **pdata,
                                 apr_size_t *plen)
{
    apr_status_t rv = give(&backend, pdata, plen);

    if (rv == APR_ECONNRESET) {
        s->fail = GW_FAIL_TRUNCATED;
        s->why = "connection broke";
    }
    return rv;
}

static int reading, writing, body;

static void fs_wants(gw_stream *s, int reads, gw_wants *w)
{
    reading = reads;
    gw_wants_fd(w, 5, reads ? GW_WANT_READ : 0);
}

static void fs_counts(gw_stream *s, apr_off_t *psent, apr_off_t *precv)
{
    *psent = more_sent + (apr_off_t)backend.ngot;
    *precv = stream.sent_head == 2 ? 50 : 0;
}

static const char *fs_tried(gw_stream *s, apr_pool_t *p)
{
    return "";
}

static int kept;

static void fs_release(gw_stream **ps, int keep)
{
    kept = keep;
    *ps = NULL;
}

static const gw_stream_ops fs_ops = {
    fs_open, fs_send_head, fs_send, fs_send_end, fs_flush, fs_read_head,
    fs_read_body, fs_wants, fs_counts, fs_tried, fs_release
};

/* -- the host -- */

static struct {
    int flush_waits;
    apr_status_t ends_with;     /* what shutdown says */
    int heads;
    char protocol[64];
} front;

static apr_status_t fh_read(gw_host *h, const char **pdata, apr_size_t *plen)
{
    return give(&client, pdata, plen);
}

static void fh_interim(gw_host *h, const gw_res_head *head)
{
}

static apr_status_t fh_head(gw_host *h, const gw_res_head *head)
{
    front.heads++;
    return APR_SUCCESS;
}

static apr_status_t fh_write(gw_host *h, const char *data, apr_size_t len,
                             apr_size_t *pn)
{
    if (client.write_fails) {
        return APR_ECONNABORTED;
    }
    *pn = take(&client, data, len);
    return *pn ? APR_SUCCESS : APR_EAGAIN;
}

static apr_status_t fh_flush(gw_host *h)
{
    return front.flush_waits ? APR_EAGAIN : APR_SUCCESS;
}

static void fh_wants(gw_host *h, int b, int w, gw_wants *wants)
{
    body = b;
    writing = w;
    gw_wants_fd(wants, 6, (b ? GW_WANT_READ : 0) | (w ? GW_WANT_WRITE : 0));
}

static apr_status_t fh_tunnel(gw_host *h, const gw_res_head *head,
                              const char *protocol)
{
    apr_cpystrn(front.protocol, protocol, sizeof(front.protocol));
    return APR_SUCCESS;
}

static apr_status_t fh_shutdown(gw_host *h)
{
    client.told = front.ends_with == APR_SUCCESS;
    return front.ends_with;
}

static const gw_host_ops fh_ops = {
    fh_read, fh_interim, fh_head, fh_write, fh_flush, fh_wants, fh_tunnel,
    fh_shutdown
};

static gw_host host = { &fh_ops };

/* -- one case -- */

static gw_tunnel tunnel;
static gw_wants wants;

static void reset(void)
{
    memset(&client, 0, sizeof(client));
    memset(&backend, 0, sizeof(backend));
    memset(&stream, 0, sizeof(stream));
    memset(&front, 0, sizeof(front));
    client.gives = backend.gives = "";
    client.takes = backend.takes = ANY_NUMBER;
    stream.base.ops = &fs_ops;
    stream.base.why = "";
    more_sent = 0;
    kept = -1;
}

static void begin(void)
{
    gw_tunnel_limits limits = { GW_SEC(100), GW_SEC(10) };

    reset();
    gw_tunnel_begin(&tunnel, &stream.base, &host, &limits);
}

static apr_status_t run(void)
{
    apr_status_t rv = gw_tunnel_run(&tunnel);

    gw_wants_reset(&wants);
    if (rv == APR_EAGAIN) {
        gw_tunnel_wants(&tunnel, &wants);
    }
    return rv;
}

static void both_ways(void)
{
    begin();
    client.gives = "abc";
    backend.gives = "defgh";
    is_int(run(), APR_EAGAIN, "bytes went, the tunnel goes on");
    is_str(backend.got, "abc", "to the backend");
    is_str(client.got, "defgh", "to the client");
    is_int((int)gw_tunnel_sent(&tunnel), 3, "counted");
    is_int((int)tunnel.received, 5, "both ways");
    ok(reading && body && !writing, "now it waits for both");
    ok(wants.deadline == clock_now + GW_SEC(100), "for so long");
}

static void client_full(void)
{
    int reads;

    begin();
    client.takes = 2;
    backend.gives = "defgh";
    client.gives = "x";
    run();
    is_str(client.got, "de", "the client takes two bytes");
    ok(writing && !reading, "it waits for it, and not for the backend");
    is_str(backend.got, "x", "the other way goes on");
    reads = backend.reads;
    client.gives = "y";
    run();
    is_int(backend.reads, reads, "nothing more is read from the backend");
    is_str(backend.got, "xy", "the other way still goes on");
    client.takes = ANY_NUMBER;
    run();
    is_str(client.got, "defgh", "the rest, in order");
    ok(!writing && reading, "then it reads again");
}

static void backend_full(void)
{
    int reads;

    begin();
    backend.takes = 10;
    client.endless = sizeof(piece);
    run();
    reads = client.reads;
    ok(reads <= 3, "a full queue stops the reading (%d reads)", reads);
    ok(!body, "the client is not waited for");
    run();
    is_int(client.reads, reads, "and stays stopped");
    backend.gives = "z";
    run();
    is_str(client.got, "z", "the other way goes on");
}

static void client_ends_first(void)
{
    begin();
    client.gives = "last";
    client.eof = 1;
    backend.takes = 0;
    is_int(run(), APR_EAGAIN, "the client ended its side");
    ok(!backend.told, "not told while bytes wait");
    ok(!body, "nothing more is expected of it");
    backend.takes = ANY_NUMBER;
    is_int(run(), APR_EAGAIN, "the backend may go on");
    is_str(backend.got, "last", "all bytes");
    ok(backend.told, "and then the end");
    backend.gives = "answer";
    is_int(run(), APR_EAGAIN, "it does");
    is_str(client.got, "answer", "and is heard");
    ok(!client.told, "until it ends, too");
    backend.eof = 1;
    is_int(run(), APR_SUCCESS, "which is the end");
    ok(client.told, "the client is told");
    is_int(tunnel.fail, GW_OK, "no failure");
}

static void backend_ends_first(void)
{
    begin();
    backend.gives = "bye";
    backend.eof = 1;
    front.flush_waits = 1;
    is_int(run(), APR_EAGAIN, "the backend ended its side");
    ok(!client.told && writing, "the client is not told while bytes wait");
    front.flush_waits = 0;
    is_int(run(), APR_EAGAIN, "the client may go on");
    is_str(client.got, "bye", "all bytes");
    ok(client.told && !reading, "and then the end");
    client.gives = "more";
    client.eof = 1;
    is_int(run(), APR_SUCCESS, "until it ends, too");
    is_str(backend.got, "more", "what it said was heard");
    ok(backend.told, "the backend is told");
    is_int(tunnel.fail, GW_OK, "no failure");
}

static void no_half_close(void)
{
    begin();
    backend.gives = "bye";
    backend.eof = 1;
    front.ends_with = APR_ENOTIMPL;
    is_int(run(), APR_SUCCESS, "a client that cannot be closed by half");
    is_str(client.got, "bye", "gets the last bytes");
    is_int(tunnel.fail, GW_OK, "and that was it");
}

static void failures(void)
{
    begin();
    client.broken = 1;
    is_int(run(), APR_SUCCESS, "the client resets");
    is_int(tunnel.fail, GW_FAIL_CLIENT, "its failure");
    begin();
    backend.gives = "x";
    client.write_fails = 1;
    is_int(run(), APR_SUCCESS, "the client cannot be written to");
    is_int(tunnel.fail, GW_FAIL_CLIENT, "its failure");
    begin();
    front.ends_with = APR_ECONNABORTED;
    backend.eof = 1;
    is_int(run(), APR_SUCCESS, "the client is gone at the end");
    is_int(tunnel.fail, GW_FAIL_CLIENT, "its failure");
    begin();
    backend.gives = "x";
    backend.broken = 1;
    is_int(run(), APR_SUCCESS, "the backend resets");
    is_str(client.got, "x", "what came before is passed on");
    is_int(tunnel.fail, GW_FAIL_TRUNCATED, "its failure");
    is_str(tunnel.why, "connection broke", "with its words");
}

static void write_breaks(void)
{
    begin();
    client.gives = "x";
    backend.write_fails = 1;
    is_int(run(), APR_EAGAIN, "the backend cannot be written to");
    ok(!body, "the client is not read any more");
    backend.gives = "because";
    backend.eof = 1;
    client.eof = 1;
    is_int(run(), APR_SUCCESS, "but it may say why");
    is_str(client.got, "because", "which is passed on");
}

static void idle(void)
{
    begin();
    run();
    clock_now += GW_SEC(99);
    client.gives = "x";
    is_int(run(), APR_EAGAIN, "a byte in time");
    clock_now += GW_SEC(99);
    backend.gives = "x";
    is_int(run(), APR_EAGAIN, "the other way");
    clock_now += GW_SEC(99);
    is_int(run(), APR_EAGAIN, "not yet");
    clock_now += GW_SEC(1);
    is_int(run(), APR_SUCCESS, "nothing for as long as allowed");
    is_int(tunnel.fail, GW_FAIL_TIMEOUT, "a timeout");

    begin();
    client.eof = 1;
    is_int(run(), APR_EAGAIN, "one side ended");
    ok(wants.deadline == clock_now + GW_SEC(10), "shorter then");
    clock_now += GW_SEC(9);
    backend.gives = "x";
    is_int(run(), APR_EAGAIN, "as long as something comes");
    clock_now += GW_SEC(10);
    is_int(run(), APR_SUCCESS, "it goes on, and then ends");
    is_int(tunnel.fail, GW_FAIL_TIMEOUT, "by the timeout");

    begin();
    client.gives = "queued";
    backend.takes = 0;
    run();
    clock_now += GW_SEC(99);
    backend.takes = 1;
    is_int(run(), APR_EAGAIN, "a byte that leaves the queue counts");
    clock_now += GW_SEC(99);
    is_int(run(), APR_EAGAIN, "as one");
}

static void turns(void)
{
    begin();
    client.endless = backend.endless = 10000;
    is_int(run(), APR_EAGAIN, "two fast peers give the thread back");
    ok(backend.ngot >= GW_TUNNEL_TURN
       && backend.ngot <= GW_TUNNEL_TURN + 10000, "after a turn: %d bytes",
       (int)backend.ngot);
    ok(client.ngot >= GW_TUNNEL_TURN
       && client.ngot <= GW_TUNNEL_TURN + 10000, "both ways: %d bytes",
       (int)client.ngot);
    ok(wants.deadline <= clock_now, "and come back at once");
}

/* -- an exchange that becomes one -- */

static gw_origin origin = { .name = "http://b", .host = "b", .port = 80 };
static gw_conn_opts opts;
static gw_fail reported;
static int reports;

static apr_status_t fp_pick(gw_picker *p, gw_choice *choice,
                            gw_time *pdeadline, const char **pwhy)
{
    choice->origin = &origin;
    choice->opts = &opts;
    choice->host = NULL;
    choice->prefix = "";
    return APR_SUCCESS;
}

static void fp_report(gw_picker *p, const gw_choice *choice,
                      const gw_attempt_report *r)
{
    reports++;
    reported = r->fail;
}

static int opened;

static void fp_opened(gw_picker *p)
{
    opened += !reports;
}

static const gw_picker_ops fp_ops = {
    fp_pick, NULL, NULL, NULL, fp_report, fp_opened
};
static gw_picker picker = { &fp_ops, 0, 0, 0 };

static apr_status_t fake_lease(gw_net *n, const gw_lease *lease,
                               gw_stream **ps)
{
    *ps = &stream.base;
    return APR_SUCCESS;
}

static gw_net net = { fake_lease };
static gw_req_head request;
static gw_res_head answer;

/* An answer of "Name=value;..." */
static void answers(int status, const char *fields)
{
    char *rest = apr_pstrdup(pool, fields);
    char *field;

    memset(&answer, 0, sizeof(answer));
    answer.status = status;
    answer.minor = 1;
    answer.reason = "";
    answer.length = answer.keepalive = -1;
    answer.headers = apr_table_make(pool, 5);
    while ((field = strsep(&rest, ";")) && *field) {
        char *value = strchr(field, '=');

        *value++ = '\0';
        apr_table_addn(answer.headers, field, value);
    }
    stream.head = &answer;
}

static gw_exchange *ask(const char *offer)
{
    gw_exchange_params params;

    reset();
    memset(&params, 0, sizeof(params));
    memset(&request, 0, sizeof(request));
    request.method = "GET";
    request.target = "/";
    request.host = "b";
    request.minor = 1;
    request.idempotent = 1;
    request.upgrade = offer;
    request.headers = apr_table_make(pool, 1);
    apr_table_setn(request.headers, "Sec-WebSocket-Key", KEY);
    opts.timeout = GW_SEC(10);
    opts.tunnel_timeout = GW_SEC(100);
    opts.upgrade = "websocket,foo";
    reports = opened = 0;
    params.host = &host;
    params.picker = &picker;
    params.net = &net;
    params.head = &request;
    params.client_timeout = GW_SEC(7);
    params.deadline = clock_now + GW_SEC(20);
    return gw_exchange_create(pool, &params);
}

#define GOOD "Upgrade=WebSocket;Connection=keep-alive, Upgrade;" \
             "Sec-WebSocket-Accept=" ACCEPT ";"

static void becomes_a_tunnel(void)
{
    gw_exchange *x = ask("bar, WebSocket, foo");
    const gw_result *r = gw_exchange_result(x);

    client.gives = "early";
    is_int(gw_exchange_step(x, &wants), APR_EAGAIN, "asked");
    is_str(stream.upgrade, "WebSocket", "for the first that is allowed");
    is_int(client.reads, 0, "not a byte of the client was read");
    is_int((int)backend.ngot, 0, "none reached the backend");
    answers(101, GOOD);
    backend.gives = "hello";
    is_int(gw_exchange_step(x, &wants), APR_EAGAIN, "the backend agrees");
    is_str(gw_exchange_state(x), "TUNNEL", "a tunnel");
    is_int(opened, 1, "the picker knows already");
    is_str(front.protocol, "WebSocket", "the host knows");
    is_str(backend.got, "early", "bytes both ways");
    is_str(client.got, "hello", "bytes both ways");
    clock_now += GW_SEC(90);
    is_int(gw_exchange_step(x, &wants), APR_EAGAIN,
           "the deadline of the exchange does not end it");
    backend.gives = "bye";
    backend.eof = client.eof = 1;
    is_int(gw_exchange_step(x, &wants), APR_SUCCESS, "both ended it");
    is_int(r->fail, GW_OK, "no failure");
    is_int(r->status, 101, "status");
    is_str(r->tunnel, "WebSocket", "tunnel");
    is_int((int)r->tunnel_sent, 5, "bytes to the backend");
    is_int((int)r->tunnel_received, 8, "and from it");
    is_int(reports, 1, "one report");
    is_int(reported, GW_OK, "of success");
}

static void ends_of_a_tunnel(void)
{
    gw_exchange *x = ask("websocket");
    const gw_result *r = gw_exchange_result(x);

    answers(101, GOOD);
    gw_exchange_step(x, &wants);
    backend.broken = 1;
    is_int(gw_exchange_step(x, &wants), APR_SUCCESS, "the backend breaks it");
    is_int(r->fail, GW_FAIL_TRUNCATED, "which is known");
    is_int(r->tries, 1, "and never tried again");
    is_int(reported, GW_OK, "but no mark against the member");

    x = ask("websocket");
    answers(101, GOOD);
    client.gives = "x";
    gw_exchange_step(x, &wants);
    gw_exchange_cancel(x, GW_FAIL_CLIENT, "gone");
    r = gw_exchange_result(x);
    is_int(r->fail, GW_FAIL_CLIENT, "cancelled");
    is_int((int)r->tunnel_sent, 1, "bytes are counted all the same");
    is_int(reported, GW_OK, "no mark either");
}

static void no_answer(const char *offer, const char *fields,
                      const char *why)
{
    gw_exchange *x = ask(offer);
    const gw_result *r = gw_exchange_result(x);

    client.gives = "early";
    answers(101, fields);
    is_int(gw_exchange_step(x, &wants), APR_SUCCESS, "refused: %s", why);
    is_int(r->fail, GW_FAIL_JUNK, "as junk");
    is_str(r->why, why, "why");
    ok(!r->tunnel && !*front.protocol && !opened, "no tunnel");
    is_int(client.reads, 0, "no byte was read from the client");
    is_int(kept, 0, "the connection is closed");
    is_int(reported, GW_FAIL_JUNK, "and it counts");
}

static void wrong_answers(void)
{
    static const char other[] = "101 to another protocol than was asked for";

    no_answer(NULL, GOOD, "101 that nobody asked for");
    no_answer("bar", GOOD, "101 that nobody asked for");
    no_answer("websocket", "Upgrade=foo;Connection=upgrade;", other);
    no_answer("foo", GOOD, other);
    no_answer("websocket", "Upgrade=websocket;Upgrade=websocket;"
              "Connection=upgrade;Sec-WebSocket-Accept=" ACCEPT ";", other);
    no_answer("websocket", "Connection=upgrade;Sec-WebSocket-Accept=" ACCEPT
              ";", other);
    no_answer("websocket", "Upgrade=websocket;Connection=close;"
              "Sec-WebSocket-Accept=" ACCEPT ";",
              "101 whose Connection does not name upgrade");
    no_answer("websocket", "Upgrade=websocket;Connection=upgrade;",
              "101 without one Sec-WebSocket-Accept");
    no_answer("websocket", GOOD "Sec-WebSocket-Accept=" ACCEPT ";",
              "101 without one Sec-WebSocket-Accept");
    no_answer("websocket", "Upgrade=websocket;Connection=upgrade;"
              "Sec-WebSocket-Accept=S3pPLMBiTxaQ9kYGzzhZRbK+xOo=;",
              "101 with a Sec-WebSocket-Accept for another key");
}

static void other_answers(void)
{
    gw_exchange *x = ask("websocket");

    answers(426, "Upgrade=websocket;Connection=upgrade;");
    backend.gives = "no";
    backend.eof = 1;
    is_int(gw_exchange_step(x, &wants), APR_SUCCESS, "another status");
    is_int(front.heads, 1, "is an ordinary response");
    is_str(client.got, "no", "with its body");
    is_int(kept, 1, "on a connection that may be used again");
    is_int(gw_exchange_result(x)->fail, GW_OK, "and no failure");
    ok(!gw_exchange_result(x)->tunnel, "nor tunnel");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    gw_clock_override(fake_now);
    both_ways();
    client_full();
    backend_full();
    client_ends_first();
    backend_ends_first();
    no_half_close();
    failures();
    write_breaks();
    idle();
    turns();
    becomes_a_tunnel();
    ends_of_a_tunnel();
    wrong_answers();
    other_answers();
    apr_pool_destroy(pool);
    return done_testing();
}
