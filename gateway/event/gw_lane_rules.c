#include "gw_lane_rules.h"

#include <string.h>
#include <strings.h>

#include <httpd.h>
#include <http_config.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_lane_conf.h"

/* Providers of Require that only compare. */
static const char *const comparing[] = {
    "all", "ip", "local", "env", "method", "expr", "user", "valid-user",
    "group", "file-owner", "file-group", "ssl", "ssl-verify-client", NULL
};

/* Directives whose arguments may hold an expression. */
static const char *const expressive[] = {
    "<If", "<ElseIf", "Require", "RewriteCond", "SetEnvIfExpr", "Header",
    "RequestHeader", "ErrorDocument", "SSLRequire", "AuthType", "Redirect",
    "FilterProvider", "GatewayPass", "GatewaySet", "<Gateway", NULL
};

static int is_one_of(const char *word, const char *const *words)
{
    int i;

    for (i = 0; words[i]; i++) {
        if (strcasecmp(word, words[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static char *next_word(const gw_lane_place *at, const char **pargs)
{
    return ap_getword_conf(at->pool, pargs);
}

static int begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

/* --- access ------------------------------------------------------------- */

static void judge_require(const gw_lane_place *at, const char *args,
                          gw_lane_verdict *v)
{
    const char *type = next_word(at, &args);

    if (strcasecmp(type, "not") == 0) {
        type = next_word(at, &args);
        v->bits |= GW_LANE_DENIES;
    }
    if (strcasecmp(type, "all") != 0
        || strcasecmp(next_word(at, &args), "granted") != 0) {
        v->bits |= GW_LANE_DENIES;
    }
    if (!is_one_of(type, comparing)) {
        v->why = apr_pstrcat(at->pool, "Require ", type, NULL);
    }
}

/* An address, a network, "all", or "env=": what needs no name server. */
static int is_address(const char *word)
{
    return strcasecmp(word, "all") == 0 || begins(word, "env=")
           || begins(word, "!env=") || strchr(word, ':')
           || word[strspn(word, "0123456789./")] == '\0';
}

static void judge_allow(const gw_lane_place *at, const char *args,
                        gw_lane_verdict *v)
{
    const char *word;

    next_word(at, &args);       /* "from" */
    while (*(word = next_word(at, &args))) {
        if (!is_address(word)) {
            v->why = "Allow from a name";
        }
    }
}

static void judge_deny(const gw_lane_place *at, const char *args,
                       gw_lane_verdict *v)
{
    v->bits |= GW_LANE_DENIES;
    judge_allow(at, args, v);
}

static void judge_order(const gw_lane_place *at, const char *args,
                        gw_lane_verdict *v)
{
    if (!begins(args, "deny")) {
        v->bits |= GW_LANE_DENIES;
    }
}

static void judge_denying(const gw_lane_place *at, const char *args,
                          gw_lane_verdict *v)
{
    v->bits |= GW_LANE_DENIES;
}

static void judge_auth(const gw_lane_place *at, const char *args,
                       gw_lane_verdict *v)
{
    const char *type = next_word(at, &args);

    if (strcasecmp(type, "None") != 0) {
        v->bits |= GW_LANE_DIFFERS;
    }
    /* elsewhere each request is asked */
    if (strstr(type, "%{")
        || (at->late && strcasecmp(type, "None") != 0)) {
        v->why = "auth";
    }
}

/* --- names of clients ---------------------------------------------------- */

static void judge_lookups(const gw_lane_place *at, const char *args,
                          gw_lane_verdict *v)
{
    if (strcasecmp(next_word(at, &args), "Off") != 0) {
        v->end = "HostnameLookups";
        v->bits |= GW_LANE_DIFFERS;
        v->why = at->late ? v->end : NULL;
    }
}

static void judge_identity(const gw_lane_place *at, const char *args,
                           gw_lane_verdict *v)
{
    if (strcasecmp(next_word(at, &args), "Off") != 0) {
        v->why = v->end = "IdentityCheck";
    }
}

static void judge_canonical(const gw_lane_place *at, const char *args,
                            gw_lane_verdict *v)
{
    if (strcasecmp(next_word(at, &args), "DNS") == 0) {
        v->why = "UseCanonicalName DNS";
    }
}

/* --- rewriting ----------------------------------------------------------- */

static void judge_map(const gw_lane_place *at, const char *args,
                      gw_lane_verdict *v)
{
    const char *source;

    next_word(at, &args);
    source = next_word(at, &args);
    if (!begins(source, "int:") && !begins(source, "txt:")
        && !begins(source, "rnd:") && strchr(source, ':')) {
        v->why = apr_pstrcat(at->pool, "RewriteMap ",
                             apr_pstrmemdup(at->pool, source,
                                            strcspn(source, ":")), NULL);
    }
}

/* -F and -U look another request up, as do %{LA-U:...} and %{LA-F:...}. */
static void judge_cond(const gw_lane_place *at, const char *args,
                       gw_lane_verdict *v)
{
    const char *test;

    next_word(at, &args);
    test = next_word(at, &args);
    test += strspn(test, "!");
    if (strcmp(test, "-F") == 0 || strcmp(test, "-U") == 0) {
        v->why = "RewriteCond";
    }
}

/* What the flags of a rule make of it. */
enum {
    ANSWERS = 1,                /* the request ends here */
    PASSES_ON = 2               /* others may translate the new path */
};

static int is_flag(const char *flag, const char *brief, const char *name)
{
    apr_size_t len = strcspn(flag, "=");

    return (strncasecmp(flag, brief, len) == 0 && brief[len] == '\0')
           || (strncasecmp(flag, name, len) == 0 && name[len] == '\0');
}

static int of_flag(const char *flag, gw_lane_verdict *v)
{
    const char *code = strchr(flag, '=');

    if (is_flag(flag, "F", "forbidden") || is_flag(flag, "G", "gone")) {
        v->bits |= GW_LANE_DENIES;
        return ANSWERS;
    }
    if (is_flag(flag, "R", "redirect")) {
        v->bits |= code && (code[1] == '4' || code[1] == '5')
                   ? GW_LANE_DENIES : 0;
        return ANSWERS;
    }
    if (is_flag(flag, "P", "proxy")) {
        v->why = "rewrite";
    }
    return is_flag(flag, "PT", "passthrough") ? PASSES_ON : 0;
}

static int of_flags(const gw_lane_place *at, const char *flags,
                    gw_lane_verdict *v)
{
    char *rest = apr_pstrdup(at->pool, flags);
    char *flag = apr_strtok(rest, "[], ", &rest);
    int all = 0;

    for (; flag; flag = apr_strtok(NULL, "[], ", &rest)) {
        all |= of_flag(flag, v);
    }
    return all;
}

/* Does every path that begins with head lead to a route? */
static int leads_to_route(const gw_lane_place *at, const char *head)
{
    const char *probe = apr_pstrcat(at->pool, head, "\1\1", NULL);
    gw_match match;

    return at->routes && !at->excludes
           && gw_routes_find(at->routes, probe, &match)
           && match.route->kind == GW_ROUTE_PREFIX;
}

/* A rule of a server that may lead a request to other handlers than ours, or
 * to another section. In a section, rules come too late for that. */
static void judge_rewrite(const gw_lane_place *at, const char *args,
                          gw_lane_verdict *v)
{
    const char *to;
    int flags;

    next_word(at, &args);
    to = next_word(at, &args);
    flags = of_flags(at, next_word(at, &args), v);
    if ((flags & ANSWERS) || strcmp(to, "-") == 0 || at->in_section) {
        return;
    }
    v->bits |= GW_LANE_REWRITES;
    if (!(flags & PASSES_ON) || *to != '/'
        || !leads_to_route(at, apr_pstrmemdup(at->pool, to,
                                              strcspn(to, "$%?")))) {
        v->why = "rewrite";
    }
}

static void judge_redirect(const gw_lane_place *at, const char *args,
                           gw_lane_verdict *v)
{
    const char *status = next_word(at, &args);

    if (*status == '4' || *status == '5' || strcasecmp(status, "gone") == 0) {
        v->bits |= GW_LANE_DENIES;
    }
}

/* --- the others ---------------------------------------------------------- */

static int is_local_page(const char *page)
{
    return *page == '/' || strstr(page, "%{");
}

static void judge_document(const gw_lane_place *at, const char *args,
                           gw_lane_verdict *v)
{
    const char *status = next_word(at, &args);
    int refusal = strcmp(status, "401") == 0 || strcmp(status, "403") == 0
                  || strcmp(status, "404") == 0 || strcmp(status, "405") == 0
                  || strcmp(status, "410") == 0 || *status == '5';

    if (is_local_page(next_word(at, &args))) {
        v->bits |= refusal ? GW_LANE_DOC_DENIED : GW_LANE_DOC;
    }
}

/* At server level these are settled by the first handshake. */
static void judge_tls(const gw_lane_place *at, const char *args,
                      gw_lane_verdict *v)
{
    v->why = at->in_section ? "TLS renegotiation" : NULL;
}

static void judge_sni(const gw_lane_place *at, const char *args,
                      gw_lane_verdict *v)
{
    if (strcasecmp(args, "insecure") == 0
        || strcasecmp(args, "authonly") == 0) {
        v->why = "TLS renegotiation";
    }
}

static void judge_cache(const gw_lane_place *at, const char *args,
                        gw_lane_verdict *v)
{
    v->why = "cache";
}

static void judge_proxy(const gw_lane_place *at, const char *args,
                        gw_lane_verdict *v)
{
    v->why = at->hooks->proxy_first ? "hook mod_proxy.c" : NULL;
}

static void judge_event(const gw_lane_place *at, const char *args,
                        gw_lane_verdict *v)
{
    v->bits |= begins(args, "Helper") || begins(args, "Off")
               ? GW_LANE_DIFFERS : 0;
}

static void judge_log(const gw_lane_place *at, const char *args,
                      gw_lane_verdict *v)
{
    const char *to = next_word(at, &args);

    v->piped = *to == '|' ? to : NULL;
}

static const struct {
    const char *name;
    void (*judge)(const gw_lane_place *at, const char *args,
                  gw_lane_verdict *v);
} rules[] = {
    { "Require", judge_require },
    { "<RequireNone", judge_denying },
    { "Allow", judge_allow },
    { "Deny", judge_deny },
    { "Order", judge_order },
    { "AllowMethods", judge_denying },
    { "SSLRequireSSL", judge_denying },
    { "SSLRequire", judge_denying },
    { "AuthType", judge_auth },
    { "HostnameLookups", judge_lookups },
    { "IdentityCheck", judge_identity },
    { "UseCanonicalName", judge_canonical },
    { "RewriteMap", judge_map },
    { "RewriteCond", judge_cond },
    { "RewriteRule", judge_rewrite },
    { "Redirect", judge_redirect },
    { "RedirectMatch", judge_redirect },
    { "ErrorDocument", judge_document },
    { "SSLVerifyClient", judge_tls },
    { "SSLVerifyDepth", judge_tls },
    { "SSLCipherSuite", judge_tls },
    { "SSLVHostSNIPolicy", judge_sni },
    { "CacheEnable", judge_cache },
    { "ProxyPass", judge_proxy },
    { "ProxyPassMatch", judge_proxy },
    { "GatewayEvent", judge_event },
    { "CustomLog", judge_log },
    { "GlobalLog", judge_log },
    { "TransferLog", judge_log },
    { "ErrorLog", judge_log },
    { "ForensicLog", judge_log },
    { NULL, NULL }
};

/* A word of its own: -U and -F as operators. */
static int has_operator(const char *text, const char *op)
{
    const char *at = text;

    while ((at = strstr(at, op))) {
        const char *after = at + strlen(op);

        if ((at == text || apr_isspace(at[-1]) || strchr("(!\"'", at[-1]))
            && (*after == '\0' || apr_isspace(*after)
                || strchr("(\"'%", *after))) {
            return 1;
        }
        at = after;
    }
    return 0;
}

/* Expressions that look other requests up, or read files. */
static int asks_others(const char *args)
{
    return strstr(args, "LA-U:") || strstr(args, "LA-F:")
           || strstr(args, "file(") || strstr(args, "%{file:")
           || has_operator(args, "-U") || has_operator(args, "-F");
}

void gw_lane_judge(const gw_lane_place *place, const char *name,
                   const char *args, gw_lane_verdict *verdict)
{
    int i;

    memset(verdict, 0, sizeof(*verdict));
    for (i = 0; rules[i].name; i++) {
        if (strcasecmp(name, rules[i].name) == 0) {
            rules[i].judge(place, args, verdict);
            break;
        }
    }
    if (!verdict->why && is_one_of(name, expressive) && asks_others(args)) {
        verdict->why = "expression";
    }
}
