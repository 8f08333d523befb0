/* What a balancer keeps over a restart: settings of the file against those of
 * run time, members that come and go, health, and the file of stops. */
#include <stdlib.h>
#include <unistd.h>

#include <apr_general.h>

#include "gwb_shm.c"
#include "gwb_carry.c"
#include "gwb_carry_file.c"
#include "tap.h"

#define NOW GW_SEC(1000)
#define GROWTH 3
#define PLACES 8

/* httpd's, and what would bring in more of it */
void *ap_lookup_provider(const char *group, const char *name,
                         const char *version)
{
    return NULL;
}

int gwb_check_wanted(const gwb_check_params *params)
{
    return params->method == GWB_CHECK_TCP;
}

static apr_pool_t *pool;
static int logged;
static char last[512];

static void note(void *baton, int level, const char *text)
{
    ++logged;
    apr_cpystrn(last, text, sizeof(last));
}

/** A server's balancer with its memory. */
typedef struct {
    gateway_balancer balancer;
    gwb_shm shm;
    gwb_front front;
    gwb_slot slots[PLACES];
} server;

static gwb_member_conf *add(server *s, const char *url)
{
    gwb_member_conf *m = apr_pcalloc(pool, sizeof(*m));

    m->url = url;
    m->settings.weight = 100;
    APR_ARRAY_PUSH(s->balancer.members, gwb_member_conf *) = m;
    return m;
}

static server *make(void)
{
    server *s = apr_pcalloc(pool, sizeof(*s));

    s->balancer.name = "b";
    s->balancer.id = "main/b";
    s->balancer.persist = 1;
    s->balancer.members = apr_array_make(pool, 4, sizeof(gwb_member_conf *));
    s->balancer.params.health.eject_max = GW_SEC(30);
    s->balancer.params.health.retry_fixed = GW_NEVER;
    s->balancer.shm = &s->shm;
    s->shm.front = &s->front;
    s->shm.slots = s->slots;
    return s;
}

static void fill(server *s)
{
    s->shm.nslots = (unsigned)s->balancer.members->nelts + GROWTH;
    gwb_shm_fill(&s->shm, &s->balancer);
}

/** The state of one goes into the other, which was filled. */
static void carry_over(server *from, server *to)
{
    gwb_kept kept;

    logged = 0;
    gwb_carry_export(pool, &from->balancer, &kept);
    gwb_carry_import(pool, &to->balancer, &to->shm, &kept, NOW, note, NULL);
}

static gwb_slot *slot_of(server *s, const char *url)
{
    unsigned i;

    for (i = 0; i < s->shm.nslots; ++i) {
        if ((s->slots[i].rec.used || s->slots[i].removed)
            && strcmp(s->slots[i].rec.url, url) == 0) {
            return &s->slots[i];
        }
    }
    return NULL;
}

static void set(gwb_slot *slot, unsigned weight, unsigned flags,
                const char *route)
{
    gwb_settings settings;

    gwb_shm_settings(&slot->rec, &settings);
    settings.weight = weight;
    settings.flags = flags;
    apr_cpystrn(settings.route, route, sizeof(settings.route));
    gwb_shm_store(&slot->rec, &settings);
}

static void test_settings(void)
{
    server *old = make();
    server *new = make();
    gwb_slot *slot;

    add(old, "http://a")->settings.flags = GWB_STANDBY;
    fill(old);
    set(old->slots, 300, GWB_STANDBY | GWB_DISABLED, "run");
    add(new, "http://b");
    add(new, "http://a")->settings.flags = GWB_STANDBY;
    fill(new);
    carry_over(old, new);
    slot = slot_of(new, "http://a");
    is_int(logged, 0, "nothing to say");
    is_int(slot->rec.weight, 300, "weight of run time");
    is_int(slot->rec.flags, GWB_STANDBY | GWB_DISABLED, "flags");
    is_str(slot->rec.route, "run", "route");
    is_int(slot_of(new, "http://b")->rec.weight, 100, "a new one is new");
    ok(slot_of(new, "http://b")->rec.id != slot->rec.id, "and has its id");
    is_int(slot->rec.id, old->slots[0].rec.id, "an old one keeps its id");
}

static void test_conflict(void)
{
    server *old = make();
    server *new = make();
    gwb_member_conf *m;
    gwb_slot *slot;

    add(old, "http://a")->settings.flags = GWB_STANDBY;
    fill(old);
    set(old->slots, 300, GWB_STANDBY | GWB_DISABLED, "run");
    m = add(new, "http://a");
    m->settings.weight = 200;
    m->settings.flags = GWB_SPARE;
    apr_cpystrn(m->settings.route, "file", GWB_ROUTE_MAX);
    fill(new);
    carry_over(old, new);
    slot = slot_of(new, "http://a");
    is_int(slot->rec.weight, 200, "the file's weight is newer");
    is_str(slot->rec.route, "file", "its route, too");
    is_int(slot->rec.flags, GWB_SPARE | GWB_DISABLED,
           "flags one by one: H off and R on by the file, D of run time");
    is_int(logged, 2, "two values of run time are lost, and it is said");

    /* what was not changed at run time is no conflict */
    old = new;
    new = make();
    set(old->slots, 200, GWB_SPARE, "file");
    add(new, "http://a")->settings.weight = 500;
    fill(new);
    carry_over(old, new);
    is_int(slot_of(new, "http://a")->rec.weight, 500, "the file's");
    is_int(logged, 0, "without a word");
}

static gwb_slot *add_at_run_time(server *s, const char *url)
{
    gwb_slot *slot = gwb_shm_claim_slot(&s->shm);

    if (slot != NULL) {
        apr_cpystrn(slot->rec.url, url, GWB_URL_MAX);
        slot->rec.id = ++s->front.head.next_id;
        slot->rec.weight = 700;
        slot->rec.used = GWB_SLOT_USED;
    }
    return slot;
}

static void test_members(void)
{
    server *old = make();
    server *new = make();
    apr_uint32_t id;

    add(old, "http://a");
    add(old, "http://gone");
    fill(old);
    add_at_run_time(old, "http://r1");
    add_at_run_time(old, "http://r2");
    id = add_at_run_time(old, "http://r3")->rec.id;
    ok(add_at_run_time(old, "http://r4") == NULL, "no more places");
    add(new, "http://a");
    add(new, "http://r1")->settings.weight = 200;
    fill(new);
    carry_over(old, new);
    ok(slot_of(new, "http://gone") == NULL, "the file has it no more");
    is_int(slot_of(new, "http://r1")->rec.weight, 200,
           "the file has it now, and says how");
    is_int(slot_of(new, "http://r2")->rec.weight, 700, "added, still there");
    is_int(slot_of(new, "http://r2")->from_file, 0, "as before");
    is_int(slot_of(new, "http://r3")->rec.id, id, "with its id");
    ok(new->front.head.next_id >= old->front.head.next_id,
       "ids are not used again");

    /* fewer places */
    old = new;
    new = make();
    add(new, "http://a");
    fill(new);
    new->shm.nslots = 2;
    carry_over(old, new);
    is_int(logged, 1, "one is lost, and it is said");
    ok(strstr(last, "growth=") != NULL, "with what to do");
}

static void remove_slot(gwb_slot *slot)
{
    slot->removed = slot->from_file;
    slot->rec.used = GWB_SLOT_FREE;
}

static void test_removed(void)
{
    server *old = make();
    server *new = make();

    add(old, "http://a");
    add(old, "http://b");
    fill(old);
    set(&old->slots[1], 100, GWB_DRAINING, "");
    remove_slot(&old->slots[1]);
    add(new, "http://a");
    add(new, "http://b");
    fill(new);
    carry_over(old, new);
    is_int(slot_of(new, "http://b")->removed, 1, "stays out");
    is_int(slot_of(new, "http://b")->rec.used, 0, "and is not used");
    is_int(logged, 1, "which is said");
    old = new;
    new = make();
    add(new, "http://a");
    add(new, "http://b");
    fill(new);
    carry_over(old, new);
    is_int(slot_of(new, "http://b")->removed, 1, "the next time, too");
    old = new;
    new = make();
    add(new, "http://a");
    add(new, "http://b")->settings.lbset = 1;
    fill(new);
    carry_over(old, new);
    is_int(slot_of(new, "http://b")->rec.used, GWB_SLOT_USED,
           "a line that changed brings it back");
    is_int(slot_of(new, "http://b")->removed, 0, "for good");
    is_int(slot_of(new, "http://b")->rec.flags, 0, "as the line says");
}

static void test_health(void)
{
    server *old = make();
    server *new = make();
    gwb_record *rec;

    add(old, "http://a");
    add(old, "http://b")->check.method = GWB_CHECK_TCP;
    add(old, "http://c");
    fill(old);
    rec = &old->slots[0].rec;
    rec->ejected_until = NOW + GW_SEC(20);
    rec->trial_until = NOW + GW_SEC(5);
    rec->slow_since = NOW - 5;
    rec->ejections = 3;
    rec->elected = 17;
    rec->check_failed = 1;
    old->slots[1].rec.check_failed = 1;
    old->slots[1].rec.check_passes = 2;
    rec = &old->slots[2].rec;
    rec->ejected_until = NOW + GW_SEC(100000);
    rec->slow_since = NOW + 5;
    rec->traffic = 5;
    rec->traffic_at = NOW + 5;
    add(new, "http://a");
    add(new, "http://b")->check.method = GWB_CHECK_TCP;
    add(new, "http://c");
    fill(new);
    carry_over(old, new);
    rec = &new->slots[0].rec;
    is_int(rec->ejected_until, NOW + GW_SEC(20), "an ejection goes on");
    is_int(rec->ejections, 3, "with its count");
    is_int(rec->slow_since, NOW - 5, "a slow start, too");
    is_int(rec->trial_until, 0, "nobody will report a trial");
    is_int(rec->elected, 17, "counters");
    is_int(rec->check_failed, 0, "who is not checked cannot have failed");
    is_int(new->slots[1].rec.check_failed, 1, "who is checked can");
    is_int(new->slots[1].rec.check_passes, 2, "and goes on from there");
    rec = &new->slots[2].rec;
    is_int(rec->ejected_until, 0, "a time of another start of the machine");
    is_int(rec->slow_since, 0, "another");
    is_int((long)rec->traffic, 0, "and traffic of it");
}

/** Members of run time are checked as the member that they are like. */
static void test_health_of_run_time(void)
{
    server *old = make();
    server *new = make();

    add(old, "https://a");
    add(old, "http://b");
    fill(old);
    add_at_run_time(old, "http://r")->rec.check_failed = 1;
    add_at_run_time(old, "https://s")->rec.check_failed = 1;
    add(new, "https://a");
    add(new, "http://b")->check.method = GWB_CHECK_TCP;
    fill(new);
    carry_over(old, new);
    is_int(slot_of(new, "http://r")->rec.check_failed, 1,
           "checked as the first member of its scheme");
    is_int(slot_of(new, "https://s")->rec.check_failed, 0,
           "and not checked as that of another");
}

static char path[] = "/tmp/gwb_carry_test.XXXXXX";

static apr_array_header_t *two_states(void)
{
    apr_array_header_t *states = apr_array_make(pool, 2, sizeof(gwb_kept));
    server *s = make();

    add(s, "http://a");
    fill(s);
    gwb_carry_export(pool, &s->balancer, apr_array_push(states));
    s = make();
    s->balancer.id = "main/other";
    add(s, "http://x");
    add(s, "http://y");
    fill(s);
    set(&s->slots[1], 900, GWB_SPARE, "way");
    gwb_carry_export(pool, &s->balancer, apr_array_push(states));
    s->balancer.persist = 0;
    gwb_carry_export(pool, &s->balancer, apr_array_push(states));
    return states;
}

static void test_file(void)
{
    apr_array_header_t *states = two_states();
    apr_array_header_t *read = NULL;
    const gwb_kept *kept;

    is_int(gwb_carry_read(pool, "/nonexistent/x", &read) != APR_SUCCESS, 1,
           "no file");
    is_int(gwb_carry_write(pool, path, states), APR_SUCCESS, "written");
    is_int(gwb_carry_read(pool, path, &read), APR_SUCCESS, "read");
    is_int(read->nelts, 2, "those that persist");
    kept = &APR_ARRAY_IDX(read, 1, gwb_kept);
    is_str(kept->id, "main/other", "id");
    is_int(kept->n, 2, "members");
    is_int(kept->next_id, 2, "next id");
    is_int(kept->slots[1].rec.weight, 900, "settings");
    is_str(kept->slots[1].rec.route, "way", "texts");
}

/** The file with a byte changed, or cut. @return how reading goes */
static apr_status_t damaged(const char *bytes, size_t len, size_t at,
                            char change)
{
    apr_array_header_t *read = NULL;
    char *copy = apr_pmemdup(pool, bytes, len);
    FILE *f = fopen(path, "wb");

    if (change && at < len) {
        copy[at] ^= change;
    }
    fwrite(copy, 1, change ? len : at, f);
    fclose(f);
    return gwb_carry_read(pool, path, &read);
}

static void test_damage(void)
{
    static char bytes[65536];
    FILE *f = fopen(path, "rb");
    size_t len = fread(bytes, 1, sizeof(bytes), f);
    int accepted = 0;
    size_t i;

    fclose(f);
    for (i = 0; i < len; i += 37) {
        accepted += damaged(bytes, len, i, 0x20) == APR_SUCCESS;
        accepted += damaged(bytes, len, i, 0) == APR_SUCCESS;
    }
    is_int(accepted, 0, "%d damaged files are refused", (int)(len / 37 * 2));
    is_int(damaged(bytes, len, len, 0), APR_SUCCESS, "the whole one is not");
}

/** With a sum that is right, so that the numbers inside are looked at. */
static apr_status_t forged(size_t at, apr_uint32_t value)
{
    static char bytes[65536];
    apr_array_header_t *read = NULL;
    apr_uint64_t hash;
    size_t len;
    FILE *f;

    gwb_carry_write(pool, path, two_states());
    f = fopen(path, "rb");
    len = fread(bytes, 1, sizeof(bytes), f) - sizeof(hash);
    fclose(f);
    memcpy(bytes + at, &value, sizeof(value));
    hash = gwb_hash(bytes, len);
    memcpy(bytes + len, &hash, sizeof(hash));
    f = fopen(path, "wb");
    fwrite(bytes, 1, len + sizeof(hash), f);
    fclose(f);
    return gwb_carry_read(pool, path, &read);
}

static void test_forged(void)
{
    size_t state = sizeof(file_head);
    size_t rec = state + sizeof(state_head) + strlen("main/b");

    is_int(forged(0, 0x41424344), APR_EINVAL, "another magic");
    is_int(forged(MAGIC_LEN, GWB_RECORD_VERSION + 1), APR_EINVAL, "version");
    is_int(forged(MAGIC_LEN + 4, 1), APR_EINVAL, "another size of slots");
    is_int(forged(MAGIC_LEN + 8, 3), APR_EINVAL, "more states than there are");
    is_int(forged(MAGIC_LEN + 8, 0xffffffff), APR_EINVAL, "far more");
    is_int(forged(state, 0xffffffff), APR_EINVAL, "a long id");
    is_int(forged(state + 8, 0xffffffff), APR_EINVAL, "many slots");
    is_int(forged(rec + offsetof(gwb_record, weight), 0), APR_EINVAL,
           "no weight");
    is_int(forged(rec + offsetof(gwb_record, lbset), 100), APR_EINVAL,
           "no such set");
}

int main(void)
{
    int fd;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_settings();
    test_conflict();
    test_members();
    test_removed();
    test_health();
    test_health_of_run_time();
    fd = mkstemp(path);
    test_file();
    test_damage();
    test_forged();
    close(fd);
    unlink(path);
    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
