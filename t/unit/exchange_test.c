/*
 * The exchange against fakes of its four ports: every interleaving of
 * response, retry, timeout and cancel, without a socket and on a clock that
 * the test moves.
 */
#include "tap.h"

#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "gw_clock.h"
#include "gw_exchange.h"

static apr_pool_t *test_pool;

/* -- the clock -- */

static gw_time clock_now = GW_SEC(1000);

static gw_time fake_now(void)
{
    return clock_now;
}

/* -- a backend that follows a script -- */

typedef enum {
    S_END,              /* nothing more: EAGAIN for ever */
    S_WAIT,             /* EAGAIN once */
    S_HEAD,             /* a head with status n */
    S_BODY,             /* text */
    S_EOF,              /* the response is complete */
    S_FAIL              /* the stream fails with class n */
} item_kind;

typedef struct {
    item_kind kind;
    int n;
    const char *text;
} item;

typedef struct {
    int reused;
    item open;          /* S_END: opens at once; S_FAIL; S_WAIT: never */
    int sends;          /* body bytes it takes in all, -1: any number */
    gw_fail flush_fail; /* what flush ends with, GW_OK: fine */
    int flush_blocks;   /* flush is EAGAIN for ever */
    const item *items;
} script;

typedef struct {
    gw_stream base;
    const script *s;
    int at;
    int flushed;
    char sent[4096];
    int head_sent;
    int ended;
    apr_off_t nsent, nrecv;
} fake_stream;

typedef struct {
    gw_net net;
    const script *scripts;
    int leases;
    int fresh[8];
    int kept[8];
    int flushes;
    char head[64];
    char sent[8][4096];
    int sink;           /* bodies are counted, not kept */
    apr_size_t sunk;
} fake_net;

static fake_net net;

static fake_stream *fs_of(gw_stream *s)
{
    return (fake_stream *)s;
}

static apr_status_t fail_with(gw_stream *s, gw_fail fail)
{
    s->fail = fail;
    s->why = gw_fail_name(fail);
    return APR_EGENERAL;
}

static apr_status_t fs_open(gw_stream *s)
{
    fake_stream *f = fs_of(s);

    if (f->s->open.kind == S_FAIL) {
        return fail_with(s, (gw_fail)f->s->open.n);
    }
    apr_cpystrn(s->addr, "10.0.0.1:80", sizeof(s->addr));
    return f->s->open.kind == S_WAIT ? APR_EAGAIN : APR_SUCCESS;
}

static apr_status_t fs_send_head(gw_stream *s, const gw_req_head *head)
{
    fs_of(s)->head_sent = 1;
    apr_snprintf(net.head, sizeof(net.head), "%s %s", head->host,
                 head->target);
    return APR_SUCCESS;
}

static apr_status_t fs_send(gw_stream *s, const char *data, apr_size_t len,
                            apr_size_t *pn)
{
    fake_stream *f = fs_of(s);
    apr_size_t have = strlen(f->sent);

    if (f->s->sends >= 0 && have + len > (apr_size_t)f->s->sends) {
        len = (apr_size_t)f->s->sends - have;
    }
    if (!len) {
        return APR_EAGAIN;
    }
    if (net.sink) {
        net.sunk += len;
        *pn = len;
        return APR_SUCCESS;
    }
    memcpy(f->sent + have, data, len);
    *pn = len;
    return APR_SUCCESS;
}

static apr_status_t fs_send_end(gw_stream *s)
{
    fs_of(s)->ended = 1;
    return APR_SUCCESS;
}

static apr_status_t fs_flush(gw_stream *s)
{
    fake_stream *f = fs_of(s);

    net.flushes++;
    if (f->s->flush_fail != GW_OK) {
        return fail_with(s, f->s->flush_fail);
    }
    if (f->s->flush_blocks) {
        return APR_EAGAIN;
    }
    if (f->head_sent) {
        f->nsent = 10 + (apr_off_t)strlen(f->sent);
    }
    return APR_SUCCESS;
}

/* The next item, unless it is not of the kind asked for. */
static const item *take(fake_stream *f)
{
    static const item end = { S_END, 0, NULL };
    const item *it = f->s->items ? &f->s->items[f->at] : &end;

    if (it->kind != S_END) {
        f->at++;
    }
    return it;
}

static apr_status_t fs_read_head(gw_stream *s, apr_pool_t *pool,
                                 gw_res_head **phead)
{
    fake_stream *f = fs_of(s);
    const item *it = take(f);

    if (it->kind == S_FAIL) {
        return fail_with(s, (gw_fail)it->n);
    }
    if (it->kind != S_HEAD) {
        return APR_EAGAIN;
    }
    f->nrecv += 20;
    *phead = apr_pcalloc(pool, sizeof(**phead));
    (*phead)->status = it->n;
    (*phead)->reason = "";
    (*phead)->headers = apr_table_make(pool, 1);
    return APR_SUCCESS;
}

static apr_status_t fs_read_body(gw_stream *s, const char **pdata,
                                 apr_size_t *plen)
{
    fake_stream *f = fs_of(s);
    const item *it = take(f);

    switch (it->kind) {
    case S_BODY:
        *pdata = it->text;
        *plen = strlen(it->text);
        f->nrecv += (apr_off_t)*plen;
        return APR_SUCCESS;
    case S_EOF:
        return APR_EOF;
    case S_FAIL:
        return fail_with(s, (gw_fail)it->n);
    default:
        return APR_EAGAIN;
    }
}

static void fs_wants(gw_stream *s, int reading, gw_wants *w)
{
    gw_wants_fd(w, 5, GW_WANT_READ);
}

static void fs_counts(gw_stream *s, apr_off_t *psent, apr_off_t *precv)
{
    *psent = fs_of(s)->nsent;
    *precv = fs_of(s)->nrecv;
}

static const char *fs_tried(gw_stream *s, apr_pool_t *pool)
{
    return apr_pstrdup(pool, s->addr);
}

static void fs_release(gw_stream **ps, int keep)
{
    fake_stream *f = fs_of(*ps);
    int n = net.leases - 1;

    net.kept[n] = keep;
    memcpy(net.sent[n], f->sent, sizeof(f->sent));
    free(f);
    *ps = NULL;
}

static const gw_stream_ops fs_ops = {
    fs_open, fs_send_head, fs_send, fs_send_end, fs_flush, fs_read_head,
    fs_read_body, fs_wants, fs_counts, fs_tried,
    fs_release
};

static apr_status_t fake_lease(gw_net *n, const gw_lease *lease,
                               gw_stream **ps)
{
    fake_stream *f = calloc(1, sizeof(*f));

    f->s = &net.scripts[net.leases];
    f->base.ops = &fs_ops;
    f->base.origin = lease->origin;
    f->base.reused = f->s->reused;
    net.fresh[net.leases++] = lease->fresh;
    *ps = &f->base;
    return APR_SUCCESS;
}

/* -- a client that follows a script -- */

typedef struct {
    gw_host host;
    const item *body;       /* S_BODY, S_WAIT, S_EOF, S_FAIL n = a status */
    int at;
    apr_status_t refuses;   /* what the head ends with */
    int leave_after;        /* it leaves when it has this piece of the body */
    int write_max;          /* bytes taken by one write, 0: all */
    char log[2048];         /* what reached the client, in order */
} fake_host;

static fake_host host;

static void note(const char *text)
{
    apr_cpystrn(host.log + strlen(host.log), text,
                sizeof(host.log) - strlen(host.log));
}

static apr_status_t fh_read_body(gw_host *h, const char **pdata,
                                 apr_size_t *plen)
{
    const item *it = &host.body[host.at];

    switch (it->kind) {
    case S_BODY:
        host.at++;
        *pdata = it->text;
        *plen = strlen(it->text);
        return APR_SUCCESS;
    case S_WAIT:
        host.at++;
        return APR_EAGAIN;
    case S_EOF:
        return APR_EOF;
    case S_FAIL:
        return it->n;
    default:
        return APR_EAGAIN;
    }
}

static void fh_interim(gw_host *h, const gw_res_head *head)
{
    note(apr_itoa(test_pool, head->status));
    note(" ");
}

static apr_status_t fh_head(gw_host *h, const gw_res_head *head)
{
    note("<");
    note(apr_itoa(test_pool, head->status));
    note(">");
    return host.refuses;
}

static apr_status_t fh_write(gw_host *h, const char *data, apr_size_t len,
                             apr_size_t *pn)
{
    char buf[256];

    if (host.write_max && len > (apr_size_t)host.write_max) {
        len = (apr_size_t)host.write_max;
    }
    apr_cpystrn(buf, data, len + 1);
    note(buf);
    *pn = len;
    return host.leave_after && !--host.leave_after ? APR_ECONNABORTED
                                                   : APR_SUCCESS;
}

static apr_status_t fh_flush(gw_host *h)
{
    note("~");
    return APR_SUCCESS;
}

static void fh_wants(gw_host *h, int body, int writing, gw_wants *w)
{
    if (body) {
        gw_wants_fd(w, 6, GW_WANT_READ);
    }
}

static const gw_host_ops fh_ops = {
    fh_read_body, fh_interim, fh_head, fh_write, fh_flush, fh_wants
};

/* -- a picker of several members -- */

typedef struct {
    gw_picker base;
    int others;
    int status;         /* to try another one for */
    int budget;
    const char *host;
    int picks;
    int reports;
    gw_fail last;
} fake_picker;

static fake_picker picker;
static gw_origin origin = { .name = "http://b", .host = "b", .port = 80 };
static gw_conn_opts opts = { .timeout = GW_SEC(10),
                             .connect_timeout = GW_SEC(5) };

static apr_status_t fp_pick(gw_picker *p, gw_choice *choice,
                            gw_time *pdeadline, const char **pwhy)
{
    if (picker.picks && !picker.others) {
        return APR_NOTFOUND;
    }
    picker.picks++;
    choice->origin = &origin;
    choice->opts = &opts;
    choice->host = picker.host;
    choice->prefix = picker.host ? "/ctx" : "";
    return APR_SUCCESS;
}

static void fp_report(gw_picker *p, const gw_choice *choice,
                      const gw_attempt_report *r)
{
    picker.reports++;
    picker.last = r->fail;
}

static int fp_others(gw_picker *p)
{
    return picker.others;
}

static int fp_retry_status(gw_picker *p, int status)
{
    return status == picker.status;
}

static int fp_pay(gw_picker *p, gw_fail fail)
{
    return picker.budget-- > 0;
}

static const gw_picker_ops fp_ops = {
    fp_pick, fp_others, fp_retry_status, fp_pay, fp_report
};

/* -- one case -- */

static gw_exchange_params params;
static gw_req_head head;

static gw_exchange *begin(const char *method, const item *body,
                          const script *scripts)
{
    memset(&net, 0, sizeof(net));
    memset(&host, 0, sizeof(host));
    memset(&picker, 0, sizeof(picker));
    memset(&head, 0, sizeof(head));
    net.net.lease = fake_lease;
    net.scripts = scripts;
    host.host.ops = &fh_ops;
    host.body = body;
    picker.base.ops = &fp_ops;
    head.method = method;
    head.target = "/";
    head.host = "h";
    head.framing = body ? GW_BODY_CHUNKED : GW_BODY_NONE;
    head.idempotent = gw_msg_is_idempotent(method);
    params.host = &host.host;
    params.picker = &picker.base;
    params.net = &net.net;
    params.head = &head;
    params.client_timeout = GW_SEC(7);
    params.deadline = GW_NEVER;
    return gw_exchange_create(test_pool, &params);
}

/* Step until the end; a deadline that is waited for is reached by moving the
 * clock. @return steps that waited */
static int run_to_end(gw_exchange *x)
{
    gw_wants w;
    int waits = 0;

    while (gw_exchange_step(x, &w) != APR_SUCCESS && ++waits < 50) {
        if (waits > 10 && w.deadline != GW_NEVER) {
            clock_now = w.deadline;
        }
    }
    return waits;
}

static const gw_result *play(const char *method, const item *body,
                             const script *scripts)
{
    gw_exchange *x = begin(method, body, scripts);

    run_to_end(x);
    return gw_exchange_result(x);
}

#define OPENS { S_END, 0, NULL }
#define HEAD(n) { S_HEAD, n, NULL }
#define BODY(t) { S_BODY, 0, t }
#define FAILS(c) { S_FAIL, c, NULL }
#define WAIT { S_WAIT, 0, NULL }
#define DONE { S_EOF, 0, NULL }
#define END { S_END, 0, NULL }

static const item good[] = { HEAD(200), BODY("hi"), DONE, END };
static const item dies[] = { FAILS(GW_FAIL_RESET), END };
static const item silent[] = { END };

static void plain_response(void)
{
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, good } };
    const gw_result *r = play("GET", NULL, s);

    is_int(r->fail, GW_OK, "a response comes whole");
    is_str(host.log, "<200>hi", "head and body reach the client");
    is_int(net.kept[0], 1, "the connection may be kept");
    is_int(r->tries, 1, "one attempt");
    is_str(r->addrs, "10.0.0.1:80", "the address is noted");
    is_str(r->addr, "10.0.0.1:80", "as that of the last attempt, too");
    is_int(picker.reports, 1, "one report");
    is_int(picker.last, GW_OK, "of success");
    is_int(r->request_unread, 0, "nothing is left of the request");
}

static void pause_flushes(void)
{
    const item items[] = { HEAD(200), WAIT, BODY("a"), WAIT, BODY("b"),
                           DONE, END };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, items } };

    play("GET", NULL, s);
    is_str(host.log, "<200>~a~b", "a pause of the backend flushes at once");
}

static void interims(void)
{
    const item items[] = { HEAD(103), HEAD(100), HEAD(200), DONE, END };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, items } };

    play("GET", NULL, s);
    is_str(host.log, "103 <200>", "103 passes, a 100 nobody asked for not");
}

#define PIECE 100000
static char piece[PIECE + 1];

/* Both ends are faster than the gateway: it would never have to wait. */
static void takes_turns(void)
{
    const item items[] = { HEAD(200), BODY(piece), BODY(piece), BODY(piece),
                           BODY(piece), BODY(piece), BODY(piece), DONE, END };
    const item body[] = { BODY(piece), BODY(piece), BODY(piece), BODY(piece),
                          BODY(piece), BODY(piece), DONE };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, items } };
    const item late[] = { WAIT, WAIT, WAIT, HEAD(200), DONE, END };
    const script echo[] = { { 0, OPENS, -1, GW_OK, 0, late } };
    gw_exchange *x;
    gw_wants w;
    int waits = 1;

    memset(piece, 'x', PIECE);
    x = begin("GET", NULL, s);
    host.write_max = 250;
    is_int(gw_exchange_step(x, &w), APR_EAGAIN, "a long body is interrupted");
    ok(w.deadline <= clock_now, "to go on at once");
    ok(strchr(host.log, '~') == NULL, "which is no pause of the backend");
    while (gw_exchange_step(x, &w) == APR_EAGAIN) {
        waits++;
    }
    ok(waits == 2 && gw_exchange_result(x)->fail == GW_OK
       && gw_exchange_result(x)->received == 20 + 6 * PIECE,
       "and comes whole");
    x = begin("POST", body, echo);
    net.sink = 1;
    is_int(gw_exchange_step(x, &w), APR_EAGAIN, "so is a long upload");
    ok(w.deadline <= clock_now && net.sunk >= GW_EXCHANGE_TURN
       && net.sunk < GW_EXCHANGE_TURN + PIECE, "about a turn at a time");
    while (gw_exchange_step(x, &w) == APR_EAGAIN) {
        /* the rest of it */
    }
    ok(net.sunk == 6 * PIECE && gw_exchange_result(x)->fail == GW_OK,
       "which is sent whole");
}

static void replay_dead_keepalive(void)
{
    const script s[] = {
        { 1, OPENS, -1, GW_OK, 0, dies },
        { 0, OPENS, -1, GW_OK, 0, good }
    };
    const gw_result *r = play("GET", NULL, s);

    is_int(r->fail, GW_OK, "GET on a dead kept connection is replayed");
    is_int(r->tries, 2, "in a second attempt");
    is_str(r->addrs, "10.0.0.1:80, 10.0.0.1:80", "with its address again");
    is_str(r->addr, "10.0.0.1:80", "the last by itself");
    is_int(net.fresh[1], 1, "on a fresh connection");
    is_int(net.kept[0], 0, "the dead one is closed");
    is_int(picker.reports, 1, "one choice, one report");

    r = play("POST", NULL, s);
    is_int(r->fail, GW_FAIL_RESET, "POST is not");
    is_int(r->tries, 1, "it was sent once");
}

static void replay_once_only(void)
{
    const script s[] = {
        { 1, OPENS, -1, GW_OK, 0, dies },
        { 1, OPENS, -1, GW_OK, 0, dies },
        { 0, OPENS, -1, GW_OK, 0, good }
    };
    const gw_result *r = play("GET", NULL, s);

    is_int(r->fail, GW_FAIL_RESET, "the replay is not replayed");
    is_int(r->tries, 2, "two attempts in all");
}

static void no_replay_on_fresh(void)
{
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, dies } };
    const gw_result *r = play("GET", NULL, s);

    is_int(r->fail, GW_FAIL_RESET, "a fresh connection that dies is final");
    is_int(r->tries, 1, "for a single origin");
}

static void no_replay_after_interim(void)
{
    const item items[] = { HEAD(103), FAILS(GW_FAIL_RESET), END };
    const script s[] = {
        { 1, OPENS, -1, GW_OK, 0, items },
        { 0, OPENS, -1, GW_OK, 0, good }
    };
    const gw_result *r = play("GET", NULL, s);

    is_int(r->tries, 1, "no replay after a 1xx was passed on");
    is_int(r->fail, GW_FAIL_RESET, "it failed");
}

static void replay_body(void)
{
    const item body[] = { BODY("ab"), WAIT, BODY("cd"), DONE };
    const script s[] = {
        { 1, OPENS, -1, GW_OK, 0, dies },
        { 0, OPENS, -1, GW_OK, 0, good }
    };
    const gw_result *r = play("PUT", body, s);

    is_int(r->fail, GW_OK, "PUT is replayed");
    is_str(net.sent[1], "abcd", "with its whole body");
    is_int(r->request_unread, 0, "which was read once");
}

static void no_replay_of_long_body(void)
{
    static char big[GW_REPLAY_MAX + 2];
    item body[] = { BODY(big), DONE };
    const script s[] = {
        { 1, OPENS, 100, GW_FAIL_RESET, 0, dies },
        { 0, OPENS, -1, GW_OK, 0, good }
    };

    memset(big, 'x', sizeof(big) - 1);
    is_int(play("PUT", body, s)->tries, 1,
           "a body that outgrew the buffer is not replayed");
}

static void moves_to_another_member(void)
{
    const script s[] = {
        { 0, FAILS(GW_FAIL_REFUSED), -1, GW_OK, 0, NULL },
        { 0, OPENS, -1, GW_OK, 0, good }
    };
    gw_exchange *x = begin("POST", NULL, s);
    const gw_result *r = gw_exchange_result(x);

    picker.others = 1;
    picker.budget = 1;
    picker.base.move_on = GW_MOVE_CONNECT;
    picker.base.attempts_max = 1;
    run_to_end(x);
    is_int(r->fail, GW_OK, "refused: any method moves to another member");
    is_int(picker.picks, 2, "picked twice");
    is_int(picker.reports, 2, "reported twice");
}

static void no_slot_after_all(void)
{
    const script s[] = {
        { 0, FAILS(GW_FAIL_BUSY), -1, GW_OK, 0, NULL },
        { 0, FAILS(GW_FAIL_BUSY), -1, GW_OK, 0, NULL },
        { 0, OPENS, -1, GW_OK, 0, good }
    };
    gw_exchange *x = begin("POST", NULL, s);
    const gw_result *r = gw_exchange_result(x);

    picker.others = 1;
    picker.base.queues = 1;
    run_to_end(x);
    is_int(r->fail, GW_OK, "a slot that is gone: back to the line");
    is_int(r->tries, 1, "which is no try");
    is_int(picker.picks, 3, "picked again");
    is_int(picker.reports, 3, "reported each time");
    x = begin("GET", NULL, s);
    run_to_end(x);
    is_int(gw_exchange_result(x)->fail, GW_FAIL_BUSY,
           "without a line it is the end");
}

static const gw_result *play_status(const char *method, int budget)
{
    static const item busy[] = { HEAD(503), BODY("no"), DONE, END };
    static const script s[] = {
        { 0, OPENS, -1, GW_OK, 0, busy },
        { 0, OPENS, -1, GW_OK, 0, good }
    };
    gw_exchange *x = begin(method, NULL, s);

    picker.others = 1;
    picker.budget = budget;
    picker.status = 503;
    picker.base.move_on = GW_MOVE_STATUS;
    picker.base.attempts_max = 1;
    run_to_end(x);
    return gw_exchange_result(x);
}

static void moves_for_a_status(void)
{
    is_int(play_status("GET", 5)->status, 200, "a listed status moves on");
    is_str(host.log, "<200>hi", "the client sees the other answer alone");
    is_int(picker.budget, 4, "paid once");
    is_int(play_status("GET", 0)->status, 503, "not without a budget");
    is_str(host.log, "<503>no", "then it is the answer");
    is_int(play_status("POST", 5)->status, 503, "never for a POST");
}

static void choice_shapes_the_head(void)
{
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, good } };
    gw_exchange *x = begin("GET", NULL, s);

    picker.host = "member:81";
    run_to_end(x);
    is_str(net.head, "member:81 /ctx/", "Host and path are the member's");
}

static void no_member_left(void)
{
    const script s[] = {
        { 0, FAILS(GW_FAIL_REFUSED), -1, GW_OK, 0, NULL }
    };

    is_int(play("GET", NULL, s)->fail, GW_FAIL_REFUSED,
           "a single origin that refuses is final");
    is_int(net.leases, 1, "after one attempt");
}

static void first_byte_timeout(void)
{
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, silent } };
    gw_time began = clock_now;
    const gw_result *r = play("GET", NULL, s);

    is_int(r->fail, GW_FAIL_TIMEOUT, "a silent backend times out");
    is_int(clock_now - began, GW_SEC(10), "after timeout=");
    is_int(r->delivered, 0, "nothing was delivered");
    is_int(net.kept[0], 0, "its connection is closed");
}

static void body_timeout(void)
{
    const item items[] = { HEAD(200), BODY("a"), END };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, items } };
    const gw_result *r = play("GET", NULL, s);

    is_int(r->fail, GW_FAIL_TIMEOUT, "a stalled body times out");
    is_int(r->delivered, 1, "after the head was delivered");
}

static void send_timeout(void)
{
    const item body[] = { BODY("abc"), DONE };
    const script s[] = { { 0, OPENS, 1, GW_OK, 1, silent } };

    is_int(play("POST", body, s)->fail, GW_FAIL_SEND_TIMEOUT,
           "a backend that stops reading times out");
}

/* A step each second, for longer than timeout= but with less than that
 * between two signs of life. */
static void live_for(gw_exchange *x, int seconds)
{
    gw_wants w;

    while (seconds-- > 0 && gw_exchange_step(x, &w) != APR_SUCCESS) {
        clock_now += GW_SEC(1);
    }
}

static void answers_while_it_does_not_read(void)
{
    const item body[] = { BODY("abc"), DONE };
    const item items[] = { HEAD(200), WAIT, WAIT, WAIT, WAIT, WAIT, WAIT,
                           WAIT, WAIT, BODY("a"), WAIT, WAIT, WAIT, WAIT,
                           WAIT, WAIT, WAIT, WAIT, BODY("b"), WAIT, DONE,
                           END };
    const script s[] = { { 0, OPENS, 1, GW_OK, 1, items } };
    gw_exchange *x = begin("POST", body, s);

    live_for(x, 20);
    is_int(gw_exchange_result(x)->fail, GW_OK,
           "a backend that answers while it does not read is alive");
    is_str(host.log, "<200>~a~b~", "its response comes whole");
}

static void upload_after_interim(void)
{
    const item body[] = { BODY("a"), WAIT, WAIT, WAIT, WAIT, WAIT, WAIT,
                          BODY("b"), WAIT, WAIT, WAIT, WAIT, WAIT, WAIT,
                          BODY("c"), DONE };
    const item items[] = { HEAD(103), WAIT, WAIT, WAIT, WAIT, WAIT, WAIT,
                           WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT,
                           HEAD(200), DONE, END };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, items } };
    gw_exchange *x = begin("POST", body, s);

    live_for(x, 20);
    is_int(gw_exchange_result(x)->fail, GW_OK,
           "a 1xx does not limit the time of an upload");
    is_str(net.sent[0], "abc", "which goes on");
}

static void client_stalls(void)
{
    const item body[] = { BODY("abc"), END };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, silent } };
    gw_time began = clock_now;
    const gw_result *r = play("POST", body, s);

    is_int(r->fail, GW_FAIL_CLIENT_TIMEOUT, "a client that stalls times out");
    is_int(clock_now - began, GW_SEC(7), "after its own timeout");
    is_int(r->request_unread, 1, "its body is not read to the end");
}

static void client_body_fails(void)
{
    const item large[] = { BODY("abc"), FAILS(APR_ENOSPC) };
    const item junk[] = { FAILS(APR_EGENERAL) };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, silent } };

    is_int(play("POST", large, s)->fail, GW_FAIL_TOO_LARGE, "body too large");
    is_int(play("POST", junk, s)->fail, GW_FAIL_CLIENT, "malformed body");
    is_int(net.kept[0], 0, "the backend never gets a complete request");
}

static void early_response(void)
{
    const item body[] = { BODY("abc"), END };
    const item items[] = { HEAD(413), BODY("no"), DONE, END };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, items } };
    const gw_result *r = play("POST", body, s);

    is_int(r->fail, GW_OK, "an early response is delivered");
    is_str(host.log, "<413>no", "whole");
    is_int(r->request_unread, 1, "the rest of the body is not read");
}

static void early_response_after_reset(void)
{
    const item body[] = { BODY("abc"), DONE };
    const item items[] = { HEAD(413), DONE, END };
    const script s[] = { { 0, OPENS, -1, GW_FAIL_RESET, 0, items } };
    const gw_result *r = play("POST", body, s);

    is_int(r->fail, GW_OK, "what a backend said before its reset counts");
    is_str(host.log, "<413>", "413");
}

static const gw_result *play_expect(const script *s)
{
    static const item body[] = { BODY("abc"), DONE };
    gw_exchange *x = begin("POST", body, s);

    head.expect = 1;
    run_to_end(x);
    return gw_exchange_result(x);
}

static void expect(void)
{
    const item agreed[] = { HEAD(100), WAIT, HEAD(200), DONE, END };
    const item refused[] = { HEAD(403), DONE, END };
    const item deaf[] = { WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT,
                          WAIT, WAIT, WAIT, HEAD(200), DONE, END };
    const script yes[] = { { 0, OPENS, -1, GW_OK, 0, agreed } };
    const script no[] = { { 0, OPENS, -1, GW_OK, 0, refused } };
    const script none[] = { { 0, OPENS, -1, GW_OK, 0, deaf } };
    const item slowly[] = { HEAD(403), WAIT, BODY("no"), DONE, END };
    const script stuck[] = { { 0, OPENS, -1, GW_OK, 1, slowly } };

    is_int(play_expect(yes)->fail, GW_OK, "expectation met");
    is_str(host.log, "100 <200>", "the backend's 100 reaches the client");
    is_str(net.sent[0], "abc", "then the body goes");

    is_int(play_expect(no)->request_unread, 1, "refused: body not read");
    is_str(host.log, "<403>", "the refusal is the answer");
    is_str(net.sent[0], "", "no body byte was sent");

    is_str((play_expect(stuck), host.log), "<403>~no",
           "refused before the head was all sent");
    ok(net.flushes > 1, "what is left of the head is not forgotten");

    is_int(play_expect(none)->fail, GW_OK, "no 100 from the backend");
    is_str(host.log, "100 <200>", "the gateway says it after a while");
    is_str(net.sent[0], "abc", "and sends the body");
}

static void truncated(void)
{
    const item items[] = { HEAD(200), BODY("a"),
                           FAILS(GW_FAIL_TRUNCATED), END };
    const script s[] = {
        { 1, OPENS, -1, GW_OK, 0, items },
        { 0, OPENS, -1, GW_OK, 0, good }
    };
    const gw_result *r = play("GET", NULL, s);

    is_int(r->fail, GW_FAIL_TRUNCATED, "a body that breaks off is a failure");
    is_int(r->delivered, 1, "after delivery began");
    is_int(r->tries, 1, "never repeated");
}

static void junk(void)
{
    const item items[] = { FAILS(GW_FAIL_JUNK), END };
    const script s[] = {
        { 1, OPENS, -1, GW_OK, 0, items },
        { 0, OPENS, -1, GW_OK, 0, good }
    };

    is_int(play("GET", NULL, s)->fail, GW_FAIL_JUNK, "junk is final");
    is_int(net.leases, 1, "never repeated");
}

static void client_gone(void)
{
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, good } };
    gw_exchange *x = begin("GET", NULL, s);

    host.refuses = APR_ECONNABORTED;
    run_to_end(x);
    is_int(gw_exchange_result(x)->fail, GW_FAIL_CLIENT, "client gone");
    is_int(net.kept[0], 0, "the backend connection is closed");

    x = begin("GET", NULL, s);
    host.refuses = APR_EGENERAL;
    run_to_end(x);
    is_int(gw_exchange_result(x)->fail, GW_FAIL_INTERNAL,
           "what fails on the way to a client is not the client");
}

static void client_leaves_in_time(void)
{
    const item two[] = { HEAD(200), BODY("a"), BODY("b"), DONE, END };
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, two } };
    gw_exchange *x = begin("GET", NULL, s);

    host.leave_after = 2;
    run_to_end(x);
    is_int(gw_exchange_result(x)->fail, GW_OK, "left with the last byte");
    is_int(net.kept[0], 1, "the backend connection is kept");
    x = begin("GET", NULL, s);
    host.leave_after = 1;
    run_to_end(x);
    is_int(gw_exchange_result(x)->fail, GW_FAIL_CLIENT, "left before it");
    is_int(net.kept[0], 0, "the backend connection is closed");
}

static void cancelled(void)
{
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, silent } };
    gw_exchange *x = begin("GET", NULL, s);
    gw_wants w;

    is_int(gw_exchange_step(x, &w), APR_EAGAIN, "waits");
    ok(w.nfds > 0, "for the backend");
    gw_exchange_cancel(x, GW_FAIL_CLIENT, "left");
    is_int(gw_exchange_step(x, &w), APR_SUCCESS, "ended");
    is_int(gw_exchange_result(x)->fail, GW_FAIL_CLIENT, "as cancelled");
    is_int(picker.reports, 1, "the picker is told once");
    gw_exchange_cancel(x, GW_FAIL_INTERNAL, "again");
    is_int(gw_exchange_result(x)->fail, GW_FAIL_CLIENT, "the first counts");
}

static void deadline(void)
{
    const script s[] = {
        { 0, { S_WAIT, 0, NULL }, -1, GW_OK, 0, silent }
    };
    gw_exchange *x;

    x = begin("GET", NULL, s);
    params.deadline = clock_now + GW_SEC(2);
    x = gw_exchange_create(test_pool, &params);
    run_to_end(x);
    is_int(gw_exchange_result(x)->fail, GW_FAIL_DEADLINE,
           "the whole request has a deadline");
}

static void slow_writer(void)
{
    const script s[] = { { 0, OPENS, -1, GW_OK, 0, good } };
    gw_exchange *x = begin("GET", NULL, s);

    host.write_max = 1;
    run_to_end(x);
    is_str(host.log, "<200>hi", "a client that takes a byte at a time");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&test_pool, NULL);
    gw_clock_override(fake_now);
    plain_response();
    pause_flushes();
    takes_turns();
    interims();
    replay_dead_keepalive();
    replay_once_only();
    no_replay_on_fresh();
    no_replay_after_interim();
    replay_body();
    no_replay_of_long_body();
    moves_to_another_member();
    no_slot_after_all();
    moves_for_a_status();
    choice_shapes_the_head();
    no_member_left();
    first_byte_timeout();
    body_timeout();
    send_timeout();
    answers_while_it_does_not_read();
    upload_after_interim();
    client_stalls();
    client_body_fails();
    early_response();
    early_response_after_reset();
    expect();
    truncated();
    junk();
    client_gone();
    client_leaves_in_time();
    cancelled();
    deadline();
    slow_writer();
    apr_pool_destroy(test_pool);
    return done_testing();
}
