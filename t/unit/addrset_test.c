/*
 * Address sets: literals, UNIX sockets, bounds, text.
 */
#include "gw_addrset.h"
#include "tap.h"

#include <netinet/in.h>

static const char *text_of(const gw_addrset *set, int i, int port)
{
    static char text[256];

    gw_addr_text(&set->addrs[i], port, text, sizeof(text));
    return text;
}

static void test_literal(void)
{
    gw_addrset *set = gw_addrset_literal("192.0.2.1");
    gw_addrset *same;

    ok(set && set->n == 1 && set->refs == 1, "an IPv4 literal");
    is_str(text_of(set, 0, 80), "192.0.2.1:80", "its text");
    same = gw_addrset_ref(set);
    is_int(set->refs, 2, "two references");
    gw_addrset_release(&set);
    ok(!set && same->refs == 1, "one dropped, the pointer too");
    gw_addrset_release(&same);
    gw_addrset_release(&same);
    ok(!same, "nothing can be released");

    set = gw_addrset_literal("2001:DB8::1");
    ok(set && set->n == 1, "an IPv6 literal");
    is_str(text_of(set, 0, 8443), "[2001:db8::1]:8443", "its text");
    is_int(((struct sockaddr_in6 *)&set->addrs[0].ss)->sin6_port, 0,
           "no port inside");
    gw_addrset_release(&set);

    ok(!gw_addrset_literal("host.test"), "a name is no literal");
    ok(!gw_addrset_literal("127.1"), "nor is a short form");
    ok(!gw_addrset_literal("[::1]"), "nor with brackets");
    ok(!gw_addrset_literal(""), "nor nothing");
}

static void test_unix(void)
{
    char path[256];
    gw_addrset *set = gw_addrset_unix("/run/app.sock");

    ok(set && set->n == 1, "a UNIX socket");
    is_str(text_of(set, 0, 0), "unix:/run/app.sock", "its text");
    gw_addrset_release(&set);
    memset(path, 'a', sizeof(path));
    path[107] = '\0';
    set = gw_addrset_unix(path);
    ok(set != NULL, "107 bytes fit");
    gw_addrset_release(&set);
    path[107] = 'a';
    path[108] = '\0';
    ok(!gw_addrset_unix(path), "108 do not");
    ok(!gw_addrset_unix(""), "an empty path is none");
}

static void test_set(void)
{
    gw_addrset *a = gw_addrset_make(100);
    gw_addrset *b = gw_addrset_make(2);
    struct sockaddr_in sin;
    char text[16];
    int i;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    for (i = 0; i < 100; i++) {
        sin.sin_port = (unsigned short)i;
        sin.sin_addr.s_addr = htonl(0x0a000000u + (i < 3 ? 0 : i));
        gw_addrset_add(a, 100, (struct sockaddr *)&sin);
    }
    is_int(a->n, GW_ADDRS_MAX, "a set holds no more than its most");
    gw_addrset_text(a, text, sizeof(text));
    is_str(text, "10.0.0.0, 10.0.", "a long text is cut");
    gw_addrset_add(b, 2, (struct sockaddr *)&a->addrs[1].ss);
    gw_addrset_add(b, 2, (struct sockaddr *)&a->addrs[0].ss);
    ok(!gw_addrset_equal(a, b), "different sets");
    gw_addrset_release(&a);
    a = gw_addrset_make(2);
    gw_addrset_add(a, 2, (struct sockaddr *)&b->addrs[1].ss);
    ok(!gw_addrset_equal(a, b), "one of two");
    gw_addrset_add(a, 2, (struct sockaddr *)&b->addrs[0].ss);
    ok(gw_addrset_equal(a, b), "same addresses in another order");
    gw_addrset_release(&a);
    gw_addrset_release(&b);
}

int main(void)
{
    test_literal();
    test_unix();
    test_set();
    return done_testing();
}
