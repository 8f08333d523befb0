/**
 * bufq_test: the bounded byte queue by example, and against a plain array over
 * many thousand random steps.
 */
#include "gw_bufq.h"

#include "tap.h"

static void test_empty(void)
{
    gw_bufq q;
    apr_size_t n = 99;

    gw_bufq_init(&q, 10);
    is_int(gw_bufq_len(&q), 0, "starts empty");
    is_int(gw_bufq_room(&q), 10, "... with room up to its limit");
    ok(q.data == NULL, "... and no memory");
    ok(gw_bufq_data(&q) != NULL, "... but a first byte's place");
    is_int(gw_bufq_put(&q, NULL, 0), APR_SUCCESS, "putting nothing");
    is_int(gw_bufq_write(&q, NULL, 0, &n), APR_SUCCESS, "writing nothing");
    is_int(n, 0, "... takes nothing");
    gw_bufq_free(&q);
}

static void test_full(void)
{
    gw_bufq q;
    apr_size_t n;

    gw_bufq_init(&q, 10);
    is_int(gw_bufq_put(&q, "01234567890", 11), APR_EAGAIN,
           "put: all or nothing");
    is_int(gw_bufq_len(&q), 0, "... nothing");
    is_int(gw_bufq_put(&q, "01234", 5), APR_SUCCESS, "put: all");
    is_int(gw_bufq_write(&q, "56789abc", 8, &n), APR_SUCCESS, "write a part");
    is_int(n, 5, "... as much as fits");
    is_mem(gw_bufq_data(&q), gw_bufq_len(&q), "0123456789", 10, "in order");
    is_int(gw_bufq_write(&q, "x", 1, &n), APR_EAGAIN, "full");
    is_int(n, 0, "... takes nothing");
    is_int(gw_bufq_put(&q, "x", 1), APR_EAGAIN, "full for put as well");
    gw_bufq_skip(&q, 3);
    is_int(gw_bufq_room(&q), 3, "skipping makes room");
    is_int(gw_bufq_put(&q, "xyz", 3), APR_SUCCESS, "... that can be used");
    is_mem(gw_bufq_data(&q), gw_bufq_len(&q), "3456789xyz", 10,
           "... by sliding");
    ok(q.size <= q.limit, "... within the limit");
    gw_bufq_free(&q);
    is_int(gw_bufq_len(&q), 0, "freed: empty");
    is_int(gw_bufq_put(&q, "a", 1), APR_SUCCESS, "... and usable again");
    gw_bufq_free(&q);
}

static void test_reserve(void)
{
    gw_bufq q;
    apr_size_t room = 0;
    char *to;

    gw_bufq_init(&q, 5000);
    to = gw_bufq_reserve(&q, 10, &room);
    ok(to != NULL && room >= 10, "at least what was asked for");
    if (to) {
        memset(to, 'a', 10);
    }
    gw_bufq_commit(&q, 10);
    is_int(gw_bufq_len(&q), 10, "committed");
    ok(gw_bufq_reserve(&q, 4991, &room) == NULL, "never beyond the limit");
    ok(gw_bufq_reserve(&q, 4990, &room) != NULL, "up to the limit");
    ok(room <= 4990, "... and no further");
    is_mem(gw_bufq_data(&q), 10, "aaaaaaaaaa", 10, "growing keeps the bytes");
    gw_bufq_free(&q);
}

#define MODEL_MAX 3000

/* The next of a fixed series of pseudo-random numbers below n. */
static unsigned pick(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 8) % n;
}

static void test_model(void)
{
    static char model[MODEL_MAX];
    static char block[MODEL_MAX];
    unsigned seed = 1;
    size_t held = 0;
    int wrong = 0;
    int step;
    gw_bufq q;

    gw_bufq_init(&q, MODEL_MAX);
    for (step = 0; step < 20000 && !wrong; step++) {
        size_t n = pick(&seed, pick(&seed, 4) ? 300 : MODEL_MAX);
        apr_size_t taken = n;
        apr_status_t rv;

        if (pick(&seed, 2)) {
            n = n < held ? n : held;
            gw_bufq_skip(&q, n);
            memmove(model, model + n, held - n);
            held -= n;
        }
        else {
            memset(block, (int)pick(&seed, 256), n);
            rv = pick(&seed, 2) ? gw_bufq_write(&q, block, n, &taken)
                : gw_bufq_put(&q, block, n);
            if (rv != APR_SUCCESS) {
                wrong |= rv != APR_EAGAIN;
                taken = 0;
            }
            memcpy(model + held, block, taken);
            held += taken;
        }
        wrong |= gw_bufq_len(&q) != held || q.size > q.limit
            || gw_bufq_room(&q) != MODEL_MAX - held
            || memcmp(gw_bufq_data(&q), model, held);
    }
    ok(!wrong, "20,000 random steps agree with a plain array (step %d)",
       step);
    gw_bufq_free(&q);
}

int main(void)
{
    test_empty();
    test_full();
    test_reserve();
    test_model();
    return done_testing();
}
