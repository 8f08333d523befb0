/**
 * What a pick costs with 2 to 1,000 members, all usable: gwb_select() with
 * each method, and with spares at rest. The cost may grow with the logarithm
 * of the members and with what the processor's caches hold; the program fails
 * when it grows as a loop over the members would.
 */
#include <stdio.h>

#include <apr_general.h>

#include "gw_clock.h"
#include "gwb_average.h"
#include "gwb_fake.h"

#define PICKS   100000
#define RUNS    5
#define TIMES_SLOWER_MAX 20     /* from 2 to 1,000 members; a loop: 500 */

static const unsigned sizes[] = { 2, 10, 100, 1000 };
#define SIZES (sizeof(sizes) / sizeof(*sizes))

/** Members under an even load, with all that methods look at. */
static void make(cluster *c, unsigned n, const char *method, int spares)
{
    unsigned i;

    fake_init(c, n);
    for (i = 0; i < n; i++) {
        c->records[i].weight = 100 * (1 + i % 4);
        c->records[i].ttfb = 1000 + i % 7;
        c->targets[i].busy = 10 + i % 3;
        gwb_average_add_traffic(&c->records[i], 100000, c->now);
        if (spares && i % 10 == 9) {
            c->records[i].flags = GWB_SPARE;
        }
    }
    fake_build(c, method);
}

static double run(cluster *c)
{
    gw_time begin = gw_now();
    unsigned i;

    for (i = 0; i < PICKS; i++) {
        gwb_want want = fake_want(c);

        want.has_key = 1;
        want.key = want.random;
        if (gwb_select(c->table, &c->params, &want).verdict != GWB_PICKED) {
            fprintf(stderr, "nobody was picked\n");
            exit(1);
        }
        /* a hundred thousand picks per second */
        c->now += 10;
    }
    return (double)(gw_now() - begin) * 1000 / PICKS;
}

/** Nanoseconds of one pick, the best of some runs. */
static double measure(const char *method, unsigned n, int spares)
{
    double best = 0;
    cluster c;
    int i;

    make(&c, n, method, spares);
    for (i = 0; i < RUNS; i++) {
        double ns = run(&c);

        best = i == 0 || ns < best ? ns : best;
    }
    fake_free(&c);
    return best;
}

static int report(const char *method, int spares)
{
    double ns[SIZES];
    unsigned i;

    printf("%-12s%-11s", method, spares ? "spares" : "");
    for (i = 0; i < SIZES; i++) {
        ns[i] = measure(method, sizes[i], spares);
        printf(" %7.0f ns", ns[i]);
    }
    printf("\n");
    fflush(stdout);
    if (ns[SIZES - 1] > ns[0] * TIMES_SLOWER_MAX) {
        fprintf(stderr, "%s: a pick of 1,000 costs more than %d times one"
                " of 2\n", method, TIMES_SLOWER_MAX);
        return 1;
    }
    return 0;
}

int main(void)
{
    const gwb_method *method;
    int failed = 0;
    unsigned i;

    apr_initialize();
    printf("%-23s", "members");
    for (i = 0; i < SIZES; i++) {
        printf(" %10u", sizes[i]);
    }
    printf("\n");
    for (method = gwb_methods; method->name; method++) {
        failed |= report(method->name, 0);
    }
    failed |= report("byrequests", 1);
    return failed;
}
