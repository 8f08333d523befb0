/**
 * The immutable view of a balancer's members: order, sets, indexes, lives.
 */
#include <apr_general.h>

#include "gwb_fake.h"
#include "tap.h"

static int built;
static int fail_at;

/** A method that counts its tables and can run out of memory. */
static void *count_build(apr_pool_t *pool, const gateway_lb_member *members,
                         unsigned n, apr_uint64_t seed)
{
    unsigned *table = apr_palloc(pool, sizeof(*table));

    *table = n;
    return ++built == fail_at ? NULL : table;
}

static int first_pick(void *table, unsigned n, const gateway_lb_now *now)
{
    return 0;
}

static const gateway_lbmethod counting = { count_build, first_pick };

static const char *url_at(const cluster *c, unsigned i)
{
    return c->table->members[i].rec->url;
}

static void test_order(void)
{
    cluster c;

    fake_init(&c, 8);
    c.records[0].lbset = 2;
    c.records[1].flags = GWB_STANDBY;
    c.records[2].flags = GWB_SPARE;
    c.records[4].flags = GWB_SPARE | GWB_STANDBY;
    c.records[5].used = 0;
    c.records[6].lbset = 1;
    c.records[6].flags = GWB_STANDBY | GWB_DISABLED;
    fake_build(&c, "byrequests");
    is_int(c.table->n, 7, "free slots are left out");
    is_int(c.table->nsets, 3, "three sets");
    is_str(url_at(&c, 0), "http://m3", "normal ones first");
    is_str(url_at(&c, 1), "http://m7", "in the given order");
    is_str(url_at(&c, 2), "http://m2", "then spares");
    is_str(url_at(&c, 3), "http://m1", "then standbys");
    is_str(url_at(&c, 4), "http://m4", "which a spare standby is, too");
    is_str(url_at(&c, 5), "http://m6", "second set");
    is_str(url_at(&c, 6), "http://m0", "third set");
    is_int(c.table->sets[0].normals, 2, "normal ones counted");
    is_int(c.table->sets[0].spares, 1, "spares counted");
    is_int(c.table->sets[0].standbys, 2, "standbys counted");
    ok(c.table->sets[0].active && c.table->sets[0].standby, "two tables");
    ok(!c.table->sets[1].active && c.table->sets[1].standby,
       "no table of nobody");
    ok(c.table->sets[2].active && !c.table->sets[2].standby,
       "no standbys, no table");
    is_int(c.table->sets[2].first, 6, "first of the third set");
    fake_free(&c);
}

static void test_indexes(void)
{
    cluster c;
    unsigned first;
    unsigned i;
    int found = 0;

    fake_init(&c, 50);
    c.records[7].route[0] = '\0';
    c.records[9].route[0] = '\0';
    for (i = 0; i < 50; i++) {
        c.records[i].lbset = (i * 7) % 4;
        c.members[i].id = c.records[i].id = (i * 31) % 50 + 100;
    }
    apr_cpystrn(c.records[20].route, "r30", GWB_ROUTE_MAX);
    memset(c.records[40].route, 'x', GWB_ROUTE_MAX);
    fake_build(&c, "random");
    for (i = 0; i < 50; i++) {
        int at = gwb_table_by_id(c.table, c.records[i].id);

        found += at >= 0 && c.table->members[at].rec == &c.records[i];
    }
    is_int(found, 50, "all found by id");
    is_int(gwb_table_by_id(c.table, 99), -1, "an unknown id");
    is_int(gwb_table_by_id(c.table, 150), -1, "a larger one");
    for (i = 0, found = 0; i < 50; i++) {
        int at = gwb_table_by_route(c.table, c.records[i].route);

        if (i != 7 && i != 9 && i != 20 && i != 30 && i != 40) {
            found += at >= 0 && c.table->members[at].rec == &c.records[i];
        }
    }
    is_int(found, 45, "all found by route");
    is_int(gwb_table_by_route(c.table, ""), -1, "no route is no route");
    is_int(gwb_table_by_route(c.table, "r"), -1, "an unknown route");
    is_int(gwb_table_routed(c.table, "r30", &first), 2, "two of a route");
    ok(c.table->by_route[first] < c.table->by_route[first + 1],
       "in the order of the sets");
    is_int(strlen(c.table->members[gwb_table_by_id(c.table,
                                                   c.records[40].id)].route),
           GWB_ROUTE_MAX - 1, "a field without an end is cut");
    fake_free(&c);
}

static void test_lives(void)
{
    cluster c;
    gwb_table *table;
    gwb_table *other;

    fake_init(&c, 3);
    c.records[2].flags = GWB_STANDBY;
    built = 0;
    table = gwb_table_build(c.members, 3, &counting, 17, 0);
    is_int(built, 2, "a table of the method for each group");
    is_int(table->generation, 17, "generation kept");
    is_int(*(unsigned *)table->sets[0].active, 2, "of two");
    other = gwb_table_ref(table);
    is_int(table->refs, 2, "two references");
    gwb_table_release(&table);
    ok(table == NULL, "reference gone");
    is_int(other->refs, 1, "one is left");
    gwb_table_release(&other);
    gwb_table_release(&other);
    ok(other == NULL, "releasing nothing is allowed");
    built = 0;
    fail_at = 2;
    ok(gwb_table_build(c.members, 3, &counting, 1, 0) == NULL,
       "no table when the method has no memory");
    fail_at = 0;
    table = gwb_table_build(c.members, 0, &counting, 1, 0);
    ok(table && table->n == 0 && table->nsets == 0, "a table of nobody");
    is_int(gwb_table_by_route(table, "r0"), -1, "has no routes");
    is_int(gwb_table_by_id(table, 100), -1, "nor ids");
    gwb_table_release(&table);
    fake_free(&c);
}

int main(void)
{
    apr_initialize();
    test_order();
    test_indexes();
    test_lives();
    return done_testing();
}
