/**
 * The route table: which rule wins, where the rest of the path begins, what
 * can never match. The rules of gw_routes.h one by one, then a table against
 * a plain loop over all rules on random ones.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "gw_path.h"
#include "gw_routes.h"
#include "tap.h"

#define RULES_MAX 64

static apr_pool_t *pool;
static int regex_calls;

static int posix_match(const gw_route *route, const char *path,
                       gw_match *match)
{
    regmatch_t groups[GW_CAPTURES_MAX];
    int i;

    ++regex_calls;
    if (regexec(route->regex, path, GW_CAPTURES_MAX, groups, 0) != 0) {
        return 0;
    }
    for (i = 0; i < GW_CAPTURES_MAX; ++i) {
        match->captures[i].so = (int)groups[i].rm_so;
        match->captures[i].eo = (int)groups[i].rm_eo;
    }
    match->ncaptures = GW_CAPTURES_MAX;
    return 1;
}

static apr_status_t free_regex(void *re)
{
    regfree(re);
    return APR_SUCCESS;
}

/**
 * One rule from text: "/prefix", "~regex" or "*wildcard", with " !" behind it
 * an exclusion.
 */
static gw_route *make_rule(apr_pool_t *p, const char *text, int order)
{
    gw_route *route = apr_pcalloc(p, sizeof(*route));
    apr_size_t len = strlen(text);

    route->exclude = len > 2 && strcmp(text + len - 2, " !") == 0;
    route->name = text;
    route->prefix = apr_pstrmemdup(p, text, route->exclude ? len - 2 : len);
    route->order = order;
    if (*text == '~') {
        regex_t *re = apr_palloc(p, sizeof(*re));

        route->kind = GW_ROUTE_REGEX;
        ++route->prefix;
        if (regcomp(re, route->prefix, REG_EXTENDED) != 0) {
            bail_out("regex %s", route->prefix);
        }
        apr_pool_cleanup_register(p, re, free_regex, apr_pool_cleanup_null);
        route->regex = re;
    }
    else if (*text == '*') {
        route->kind = GW_ROUTE_WILDCARD;
        ++route->prefix;
    }
    return route;
}

/** A table from a list of rules that ends with NULL. */
static gw_routes *make_table(apr_pool_t *p, gw_route_order order,
                             const char *const *texts)
{
    gw_route *rules[RULES_MAX];
    int n;

    for (n = 0; texts[n] != NULL; ++n) {
        rules[n] = make_rule(p, texts[n], n);
    }
    return gw_routes_build(p, rules, n, order, posix_match);
}

/** "rule|rest of the path", or "none". */
static const char *find(const gw_routes *table, const char *path)
{
    gw_match match;

    if (!gw_routes_find(table, path, &match)) {
        return match.route == NULL ? "none" : "none, but a route";
    }
    return apr_pstrcat(pool, match.route->name, "|", path + match.tail, NULL);
}

#define TABLE(order, ...) \
    make_table(pool, order, (const char *const []){ __VA_ARGS__, NULL })

static void test_prefix(void)
{
    gw_routes *t = TABLE(GW_ORDER_LONGEST, "/app", "/dir/", "/a/b/c");

    is_str(find(t, "/app"), "/app|", "a path that equals the prefix");
    is_str(find(t, "/app/"), "/app|/", "... with a slash behind it");
    is_str(find(t, "/app/x/y"), "/app|/x/y", "... with more behind it");
    is_str(find(t, "/application"), "none", "not inside a segment");
    is_str(find(t, "/ap"), "none", "not a shorter path");
    is_str(find(t, "/App"), "none", "case counts");
    is_str(find(t, "/dir/"), "/dir/|", "a prefix with a final slash");
    is_str(find(t, "/dir/x"), "/dir/|x", "... leaves the rest without it");
    is_str(find(t, "/dir"), "none", "... does not match without the slash");
    is_str(find(t, "/a/b"), "none", "an inner node is no rule");
    is_str(find(t, "/a/b/c/d"), "/a/b/c|/d", "several segments");
    is_str(find(t, ""), "none", "an empty path");
    is_str(find(t, "*"), "none", "OPTIONS *");
    is_str(find(t, "app"), "none", "no leading slash");
    is_str(find(t, "/"), "none", "the root without a rule for it");
}

static void test_slashes(void)
{
    gw_routes *t = TABLE(GW_ORDER_LONGEST, "/a/b", "/c//d", "/e/");

    is_str(find(t, "//a///b//x"), "/a/b|//x", "runs of '/' are one");
    is_str(find(t, "/c/d/x"), "/c//d|/x", "... in the prefix too");
    is_str(find(t, "/e///x"), "/e/|x", "a final slash takes the whole run");
    t = TABLE(GW_ORDER_LONGEST, "/");
    is_str(find(t, "/"), "/|", "the root matches itself");
    is_str(find(t, "/x/y"), "/|x/y", "the root matches everything");
    is_str(find(t, "///x"), "/|x", "... behind a run of '/'");
}

static void test_longest(void)
{
    gw_routes *t = TABLE(GW_ORDER_LONGEST, "/", "/a", "/a/b", "/a/b/c/d",
                         "/x/y", "/x", "/z", "/z/");

    is_str(find(t, "/a/b/c"), "/a/b|/c", "the longest wins, not the deepest "
           "node");
    is_str(find(t, "/a/b/c/d"), "/a/b/c/d|", "a longer one");
    is_str(find(t, "/a/bc"), "/a|/bc", "a shorter one");
    is_str(find(t, "/q"), "/|q", "the root takes the rest");
    is_str(find(t, "/x/y/z"), "/x/y|/z", "the longer one first in the file");
    is_str(find(t, "/x/z"), "/x|/z", "the shorter one last in the file");
    is_str(find(t, "/z/1"), "/z/|1", "a final slash makes it longer");
    is_str(find(t, "/z"), "/z|", "... but not for the bare path");
    t = TABLE(GW_ORDER_LONGEST, "/a", "/b", "/a");
    is_str(find(t, "/a"), "/a|", "of equal ones");
    {
        gw_match match;

        gw_routes_find(t, "/a", &match);
        is_int(match.route->order, 0, "... the first");
    }
}

static void test_exclusion(void)
{
    gw_routes *t = TABLE(GW_ORDER_LONGEST, "/a", "/a/img !", "/a/img/gen",
                         "/b", "/b !", "/c !", "/c");

    is_str(find(t, "/a/x"), "/a|/x", "beside an exclusion");
    is_str(find(t, "/a/img/x"), "/a/img !|/x", "a longer exclusion wins");
    is_str(find(t, "/a/img/gen/x"), "/a/img/gen|/x", "a longer rule wins "
           "over an exclusion");
    is_str(find(t, "/b/x"), "/b !|/x", "an equal exclusion wins, declared "
           "after");
    is_str(find(t, "/c/x"), "/c !|/x", "... and before");
}

static void test_patterns(void)
{
    gw_routes *t = TABLE(GW_ORDER_LONGEST, "/a", "~\\.png$", "/a/b",
                         "~^/a/b/c(/.*)?$", "/", "*/w/*/x", "~late");
    gw_match match;

    is_str(find(t, "/a/x.png"), "/a|/x.png", "a pattern behind the winning "
           "prefix does not match");
    is_str(find(t, "/a/b/x.png"), "~\\.png$|/a/b/x.png", "a pattern before "
           "the winning prefix goes first");
    is_str(find(t, "/a/b/c/d"), "/a/b|/c/d", "a pattern behind it, once more");
    is_str(find(t, "/q.png"), "~\\.png$|/q.png", "before the root");
    is_str(find(t, "/late"), "/|late", "behind the root never");

    t = TABLE(GW_ORDER_LONGEST, "/a", "*/w/*/x", "~^/r/([a-z]+)(/([0-9]+))?$",
              "~^/r/", "~^/n !");
    is_str(find(t, "/w/1/x"), "*/w/*/x|/w/1/x", "a wildcard");
    is_str(find(t, "/w/1/2/x"), "none", "... takes no slash");
    is_str(find(t, "/w/1/x/y"), "none", "... and the whole path");
    is_str(find(t, "/r/7"), "~^/r/|/r/7", "patterns without a prefix, in "
           "file order");
    is_str(find(t, "/n/x"), "~^/n !|/n/x", "a pattern that excludes");
    is_int(gw_routes_find(t, "/r/ab/42", &match), 1, "captures");
    is_str(match.route->name, "~^/r/([a-z]+)(/([0-9]+))?$", "... of this");
    is_int(match.captures[0].so, 0, "$0 begins");
    is_int(match.captures[0].eo, 8, "$0 ends");
    is_int(match.captures[1].so, 3, "$1 begins");
    is_int(match.captures[1].eo, 5, "$1 ends");
    is_int(match.captures[3].so, 6, "$3 begins");
    gw_routes_find(t, "/r/ab", &match);
    is_int(match.captures[3].so, -1, "$3 is unset");
    gw_routes_find(t, "/a", &match);
    is_int(match.ncaptures, 0, "no captures of a prefix");
    is_int(gw_routes_find(t, "/q", &match), 0, "nothing");
    is_int(match.ncaptures, 0, "... and no captures");
}

/** A pattern that cannot win must not cost anything. */
static void test_pattern_cost(void)
{
    gw_routes *t = TABLE(GW_ORDER_LONGEST, "/a", "~x", "~y", "/b");

    regex_calls = 0;
    find(t, "/a/1");
    is_int(regex_calls, 0, "no pattern is tried behind the winner");
    find(t, "/b/1");
    is_int(regex_calls, 2, "all before it are");
}

static void test_file_order(void)
{
    gw_routes *t = TABLE(GW_ORDER_FILE, "/a", "/a/b", "~\\.png$", "/c/d !",
                         "/c", "/");

    is_str(find(t, "/a/b/c"), "/a|/b/c", "file order: the first wins");
    is_str(find(t, "/a/x.png"), "/a|/x.png", "... over a later pattern");
    is_str(find(t, "/c/x.png"), "~\\.png$|/c/x.png", "... as a pattern");
    is_str(find(t, "/c/d/e"), "/c/d !|/e", "... as an exclusion");
    is_str(find(t, "/c/e"), "/c|/e", "... and past it");
    is_str(find(t, "/z"), "/|z", "... down to the last");
    t = TABLE(GW_ORDER_FILE, "/b", "/b !");
    is_str(find(t, "/b"), "/b|", "a later exclusion of equal length loses");
}

static void collect(void *baton, const gw_route *never,
                    const gw_route *winner)
{
    const char **text = baton;

    *text = apr_psprintf(pool, "%s%s%s#%d<%s#%d", *text, **text ? ", " : "",
                         never->name, never->order, winner->name,
                         winner->order);
}

static const char *never(const gw_routes *t)
{
    const char *text = "";

    gw_routes_unreachable(t, pool, collect, &text);
    return text;
}

static void test_unreachable(void)
{
    is_str(never(TABLE(GW_ORDER_LONGEST, "/a", "/a/b", "/", "/a/", "~x")),
           "~x#4</#2", "a pattern behind everything");
    is_str(never(TABLE(GW_ORDER_LONGEST, "/a", "/b", "/a")), "/a#2</a#0",
           "the same prefix twice");
    is_str(never(TABLE(GW_ORDER_LONGEST, "/a", "/a !")), "/a#0</a !#1",
           "an exclusion of equal length");
    is_str(never(TABLE(GW_ORDER_LONGEST, "~x", "/a", "~x", "~x")),
           "~x#2<~x#0, ~x#3<~x#0", "the same pattern twice");
    is_str(never(TABLE(GW_ORDER_LONGEST, "/", "~x", "/a")), "",
           "a pattern between the root and another prefix may win");
    is_str(never(TABLE(GW_ORDER_LONGEST, "/a", "~^/(.*)$", "/b", "~z")),
           "/b#2<~^/(.*)$#1, ~z#3<~^/(.*)$#1", "behind a pattern for all");
    is_str(never(TABLE(GW_ORDER_FILE, "/a", "/a/b", "/a/", "/ab", "/b/",
                       "/b")),
           "/a/b#1</a#0, /a/#2</a#0", "file order: behind what covers it");
    is_str(never(TABLE(GW_ORDER_FILE, "/a/b", "/a", "/", "~x", "/c")),
           "~x#3</#2, /c#4</#2", "file order: behind the root");
    is_str(never(TABLE(GW_ORDER_LONGEST, "/a", "/a/b", "/", "~x", "/ab",
                       "~y")), "~y#5</#2", "no false alarm");
}

/* --- against a plain loop --------------------------------------------- */

/** Bytes of a prefix, for "longest": without doubled slashes. */
static apr_size_t length_of(const char *prefix)
{
    apr_size_t n = 0;

    for (; *prefix; ++prefix) {
        n += !(prefix[0] == '/' && prefix[1] == '/');
    }
    return n;
}

static int plain_match(const gw_route *rule, const char *path,
                       apr_size_t *ptail)
{
    gw_match match;

    if (rule->kind == GW_ROUTE_PREFIX) {
        return gw_path_under(path, rule->prefix, ptail);
    }
    *ptail = 0;
    return rule->kind == GW_ROUTE_WILDCARD
           ? apr_fnmatch(rule->prefix, path, APR_FNM_PATHNAME) == APR_SUCCESS
           : posix_match(rule, path, &match);
}

/** Is a the better prefix of two that match? */
static int better(const gw_route *a, const gw_route *b)
{
    apr_size_t la = length_of(a->prefix);
    apr_size_t lb = length_of(b->prefix);

    if (la != lb) {
        return la > lb;
    }
    if (a->exclude != b->exclude) {
        return a->exclude;
    }
    return a->order < b->order;
}

/** The rules of gw_routes.h, word by word. */
static const gw_route *plain_find(gw_route **rules, int n,
                                  gw_route_order order, const char *path,
                                  apr_size_t *ptail)
{
    const gw_route *best = NULL;
    apr_size_t tail = 0;
    int i;

    for (i = 0; i < n; ++i) {
        if ((order == GW_ORDER_FILE || rules[i]->kind == GW_ROUTE_PREFIX)
            && plain_match(rules[i], path, &tail)) {
            if (order == GW_ORDER_FILE) {
                *ptail = tail;
                return rules[i];
            }
            if (best == NULL || better(rules[i], best)) {
                best = rules[i];
                *ptail = tail;
            }
        }
    }
    for (i = 0; order == GW_ORDER_LONGEST && i < n; ++i) {
        if (rules[i]->kind != GW_ROUTE_PREFIX
            && (best == NULL || rules[i]->order < best->order)
            && plain_match(rules[i], path, &tail)) {
            *ptail = tail;
            return rules[i];
        }
    }
    return best;
}

/** Few names, so that prefixes meet and nest often. */
static const char *random_path(apr_pool_t *p)
{
    static const char *const part[] = { "a", "b", "ab", "c", "", "a.b" };
    const char *path = rand() % 20 ? "/" : "";
    int n = rand() % 5;

    while (n-- > 0) {
        path = apr_pstrcat(p, path, part[rand() % 6], n || rand() % 3 ? "/"
                                                                      : "",
                           NULL);
    }
    return path;
}

static const char *random_rule(apr_pool_t *p)
{
    static const char *const pattern[] = {
        "~a$", "~^/a/b", "~/c/", "*/a/*", "*/*", "~^/(a|b)/", "*/a*/b"
    };
    const char *text;

    if (rand() % 5 == 0) {
        text = pattern[rand() % 7];
    }
    else {
        text = random_path(p);
        text = *text == '/' ? text : apr_pstrcat(p, "/", text, NULL);
    }
    return rand() % 5 == 0 ? apr_pstrcat(p, text, " !", NULL) : text;
}

static void test_random(gw_route_order order)
{
    gw_route *rules[RULES_MAX];
    int found = 0;
    int wrong = 0;
    int round, i;

    srand(4711);
    for (round = 0; round < 2000; ++round) {
        apr_pool_t *p;
        gw_routes *t;
        int n = 1 + rand() % 12;

        apr_pool_create(&p, pool);
        for (i = 0; i < n; ++i) {
            rules[i] = make_rule(p, random_rule(p), i);
        }
        t = gw_routes_build(p, rules, n, order, posix_match);
        for (i = 0; i < 20; ++i) {
            const char *path = random_path(p);
            apr_size_t tail = 0;
            const gw_route *want = *path == '/'
                                   ? plain_find(rules, n, order, path, &tail)
                                   : NULL;
            gw_match got;

            found += gw_routes_find(t, path, &got);
            if (got.route != want || (want && got.tail != tail)) {
                diag("%s: got %s at %d, want %s at %d", path,
                     got.route ? got.route->name : "none", (int)got.tail,
                     want ? want->name : "none", (int)tail);
                ++wrong;
            }
        }
        apr_pool_destroy(p);
    }
    is_int(wrong, 0, "as a plain loop says, order %d", (int)order);
    ok(found > 4000 && found < 36000, "%d of 40000 paths matched", found);
}

/** A rule that is said never to match never does; random paths try it. */
static void mark_never(void *baton, const gw_route *rule,
                       const gw_route *winner)
{
    char *marks = baton;

    marks[rule->order] = 1;
}

static void test_random_unreachable(gw_route_order order)
{
    gw_route *rules[RULES_MAX];
    int reported = 0;
    int wrong = 0;
    int round, i;

    srand(815);
    for (round = 0; round < 500; ++round) {
        char marks[RULES_MAX] = { 0 };
        apr_pool_t *p;
        gw_routes *t;

        apr_pool_create(&p, pool);
        for (i = 0; i < 20; ++i) {
            rules[i] = make_rule(p, random_rule(p), i);
        }
        t = gw_routes_build(p, rules, 20, order, posix_match);
        gw_routes_unreachable(t, p, mark_never, marks);
        for (i = 0; i < 20; ++i) {
            reported += marks[i];
        }
        for (i = 0; i < 200; ++i) {
            gw_match got;

            if (gw_routes_find(t, random_path(p), &got)
                && marks[got.route->order]) {
                ++wrong;
            }
        }
        apr_pool_destroy(p);
    }
    is_int(wrong, 0, "no false alarm, order %d", (int)order);
    ok(reported > 500, "%d rules reported", reported);
}

static void test_empty(void)
{
    gw_match match;
    gw_routes *t = gw_routes_build(pool, NULL, 0, GW_ORDER_LONGEST,
                                   posix_match);

    is_int(gw_routes_find(t, "/x", &match), 0, "a table without rules");
    is_str(never(t), "", "... reports none");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);

    test_prefix();
    test_slashes();
    test_longest();
    test_exclusion();
    test_patterns();
    test_pattern_cost();
    test_file_order();
    test_unreachable();
    test_random(GW_ORDER_LONGEST);
    test_random(GW_ORDER_FILE);
    test_random_unreachable(GW_ORDER_LONGEST);
    test_random_unreachable(GW_ORDER_FILE);
    test_empty();

    apr_pool_destroy(pool);
    apr_terminate();
    return done_testing();
}
