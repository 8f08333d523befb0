#include "gw_headers.h"

#include <string.h>
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include "gw_str.h"

/* What is special about a field. */
enum {
    TO_BACKEND = 1,         /* never crosses to the backend */
    TO_CLIENT = 2,          /* never crosses to the client */
    HOP = TO_BACKEND | TO_CLIENT,
    FORWARDED = 4,          /* says who the client is: see fwd_index() */
    CHALLENGE = 8           /* crosses to the client with 407 only */
};

typedef struct special special;
struct special {
    const char *name;
    apr_size_t len;
    int flags;
};

#define SPECIAL(name, flags) { name, sizeof(name) - 1, flags }

/* Every name here is also one that must not be imitated with '_'. */
static const special specials[] = {
    SPECIAL("x-forwarded-for", FORWARDED),
    SPECIAL("x-forwarded-host", FORWARDED),
    SPECIAL("x-forwarded-server", FORWARDED),
    SPECIAL("x-forwarded-proto", FORWARDED),
    SPECIAL("x-forwarded-port", FORWARDED),
    SPECIAL("forwarded", FORWARDED),
    SPECIAL("connection", HOP),
    SPECIAL("keep-alive", HOP),
    SPECIAL("proxy-connection", HOP),
    SPECIAL("te", HOP),
    SPECIAL("trailer", HOP),
    SPECIAL("transfer-encoding", HOP),
    SPECIAL("upgrade", HOP),
    SPECIAL("content-length", HOP),
    SPECIAL("host", TO_BACKEND),
    SPECIAL("expect", TO_BACKEND),
    SPECIAL("proxy-authorization", TO_BACKEND),
    SPECIAL("http2-settings", TO_BACKEND),
    SPECIAL("proxy", TO_BACKEND),
    SPECIAL("proxy-authenticate", CHALLENGE),
    SPECIAL("max-forwards", 0)
};

/* Offsets into specials[] of the FORWARDED ones. */
enum { FOR, HOST, SERVER, PROTO, PORT, FORWARDED_7239, FORWARDED_COUNT };

#define N_SPECIALS (sizeof(specials) / sizeof(specials[0]))

/* Fields that fwd adds: the five and Via. */
#define ADDED_FIELDS 6

/* What a pass over the fields found out before any is copied. */
typedef struct survey survey;
struct survey {
    apr_pool_t *pool;
    apr_hash_t *named;      /* names in Connection, lower case; NULL: none */
    apr_hash_t *folded;     /* see note_folded(); NULL: no name with '_' */
};

static const special *find_special(gw_str name)
{
    apr_size_t i;

    for (i = 0; i < N_SPECIALS; i++) {
        /* length and first letter keep nearly all of them off */
        if (specials[i].len == name.len
            && (*name.p | 0x20) == *specials[i].name
            && gw_str_is(name, specials[i].name)) {
            return &specials[i];
        }
    }
    return NULL;
}

/* A copy in lower case, '_' replaced by underscore. */
static char *fold(apr_pool_t *pool, gw_str name, char underscore)
{
    char *copy = gw_str_dup(pool, name);
    char *p;

    for (p = copy; *p; p++) {
        *p = *p == '_' ? underscore : (char)apr_tolower(*p);
    }
    return copy;
}

/* Collect the names in one Connection field. */
static void note_named(survey *s, const char *value)
{
    gw_str rest = gw_str_of(value);
    gw_str token;

    while (gw_str_next_element(&rest, &token)) {
        const special *sp = find_special(token);
        char *key;

        if ((sp && (sp->flags & HOP) == HOP) || gw_str_is(token, "close")) {
            continue;
        }
        key = fold(s->pool, token, '_');
        if (!s->named) {
            s->named = apr_hash_make(s->pool);
        }
        apr_hash_set(s->named, key, (apr_ssize_t)token.len, key);
    }
}

/* Marks a name in survey.folded that is written in two ways. */
static const char clash[] = "";

/* Remember how a name is written, under how it reads with '_' as '-'. */
static void note_folded(survey *s, gw_str name)
{
    char *key = fold(s->pool, name, '-');
    char *spelt = fold(s->pool, name, '_');
    apr_ssize_t len = (apr_ssize_t)name.len;
    const char *other = apr_hash_get(s->folded, key, len);

    if (!other) {
        apr_hash_set(s->folded, key, len, spelt);
    }
    else if (strcmp(other, spelt)) {
        apr_hash_set(s->folded, key, len, clash);
    }
}

static void look_over(survey *s, apr_pool_t *pool,
                      const apr_array_header_t *elts, int underscores)
{
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    int i;

    memset(s, 0, sizeof(*s));
    s->pool = pool;
    for (i = 0; i < elts->nelts; i++) {
        if (gw_str_is(gw_str_of(e[i].key), "connection")) {
            note_named(s, e[i].val);
        }
        else if (underscores && !s->folded && strchr(e[i].key, '_')) {
            s->folded = apr_hash_make(pool);
        }
    }
    for (i = 0; s->folded && i < elts->nelts; i++) {
        note_folded(s, gw_str_of(e[i].key));
    }
}

static int is_named(const survey *s, gw_str name)
{
    return s->named
        && apr_hash_get(s->named, fold(s->pool, name, '_'),
                        (apr_ssize_t)name.len);
}

/* Would a backend that reads '_' as '-' take it for another field? */
static int is_imitation(const survey *s, gw_str name)
{
    gw_str folded = name;

    if (!s->folded || !memchr(name.p, '_', name.len)) {
        return 0;
    }
    folded.p = fold(s->pool, name, '-');
    return find_special(folded)
        || apr_hash_get(s->folded, folded.p, (apr_ssize_t)name.len) == clash;
}

/* Can it be written at all, and is it for more than this hop? */
static int may_cross(const survey *s, gw_str name, const char *value)
{
    return gw_str_is_token(name) && gw_str_is_field_value(gw_str_of(value))
        && !is_named(s, name) && !is_imitation(s, name);
}

/* The values of one list field that were there, then own; NULL if none. */
static const char *join(apr_pool_t *pool, const apr_array_header_t *values,
                        const char *own)
{
    int count = values ? values->nelts : 0;
    apr_size_t size = own ? strlen(own) + 1 : 1;
    char *text;
    char *to;
    int i;

    if (!count) {
        return own;
    }
    for (i = 0; i < count; i++) {
        size += strlen(APR_ARRAY_IDX(values, i, const char *)) + 2;
    }
    text = to = apr_palloc(pool, size);
    for (i = 0; i < count; i++) {
        to = apr_cpystrn(to, APR_ARRAY_IDX(values, i, const char *),
                         size - (apr_size_t)(to - text));
        if (own || i + 1 < count) {
            to = apr_cpystrn(to, ", ", size - (apr_size_t)(to - text));
        }
    }
    if (own) {
        apr_cpystrn(to, own, size - (apr_size_t)(to - text));
    }
    return text;
}

/* What a client that is trusted said, of the fields that are lists. */
typedef struct said said;
struct said {
    apr_array_header_t *values[FORWARDED_COUNT];
    int kept[FORWARDED_COUNT];
};

/* A field about the client, sent by the client. @return 1 to copy it */
static int take_forwarded(said *what, int which, const gw_forwarded *fwd,
                          apr_pool_t *pool, const char *value)
{
    if (!fwd) {
        return 1;
    }
    if (!fwd->trusted) {
        return 0;
    }
    if (which > SERVER) {
        what->kept[which] = 1;
        return 1;
    }
    if (!what->values[which]) {
        what->values[which] = apr_array_make(pool, 4, sizeof(char *));
    }
    APR_ARRAY_PUSH(what->values[which], const char *) = value;
    return 0;
}

static void add(apr_table_t *out, const char *name, const char *value)
{
    if (value && gw_str_is_field_value(gw_str_of(value))) {
        apr_table_addn(out, name, value);
    }
}

static void add_forwarded(apr_pool_t *pool, apr_table_t *out,
                          const gw_forwarded *fwd, const said *what)
{
    add(out, "X-Forwarded-For", join(pool, what->values[FOR], fwd->client));
    add(out, "X-Forwarded-Host", join(pool, what->values[HOST], fwd->host));
    add(out, "X-Forwarded-Server",
        join(pool, what->values[SERVER], fwd->server));
    if (!what->kept[PROTO]) {
        add(out, "X-Forwarded-Proto", fwd->proto);
    }
    if (!what->kept[PORT]) {
        add(out, "X-Forwarded-Port", fwd->port);
    }
    add(out, "Via", fwd->via);
}

apr_table_t *gw_headers_request(apr_pool_t *pool, const apr_table_t *in,
                                const gw_forwarded *fwd)
{
    const apr_array_header_t *elts = apr_table_elts(in);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    apr_table_t *out = apr_table_make(pool, elts->nelts + ADDED_FIELDS);
    said what;
    survey s;
    int i;

    memset(&what, 0, sizeof(what));
    look_over(&s, pool, elts, 1);
    for (i = 0; i < elts->nelts; i++) {
        gw_str name = gw_str_of(e[i].key);
        const special *sp = find_special(name);

        if ((sp && (sp->flags & TO_BACKEND))
            || !may_cross(&s, name, e[i].val)) {
            continue;
        }
        if (!sp || !(sp->flags & FORWARDED)
            || take_forwarded(&what, (int)(sp - specials), fwd, pool,
                              e[i].val)) {
            apr_table_addn(out, e[i].key, e[i].val);
        }
    }
    if (fwd) {
        add_forwarded(pool, out, fwd, &what);
    }
    return out;
}

/* Is name the received-by of "[protocol/]version received-by [comment]"? */
static int is_received_by(gw_str element, gw_str name)
{
    element = gw_str_trim(element);
    while (element.len && *element.p != ' ' && *element.p != '\t') {
        element.p++;
        element.len--;
    }
    element = gw_str_trim(element);
    if (element.len < name.len) {
        return 0;
    }
    if (element.len > name.len && element.p[name.len] != ' '
        && element.p[name.len] != '\t') {
        return 0;
    }
    element.len = name.len;
    return gw_str_equal_nocase(element, name);
}

/*
 * Split at every comma, in comments too: to find ourselves there costs the
 * sender a refusal, to be hidden from ourselves there would be a loop.
 */
static int via_line_has(const char *value, gw_str name)
{
    while (*value) {
        gw_str element;

        element.p = value;
        element.len = strcspn(value, ",");
        if (is_received_by(element, name)) {
            return 1;
        }
        value += element.len;
        value += *value == ',';
    }
    return 0;
}

int gw_headers_via_has(const apr_table_t *in, const char *pseudonym)
{
    const apr_array_header_t *elts = apr_table_elts(in);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    gw_str name = gw_str_of(pseudonym);
    int i;

    for (i = 0; name.len && i < elts->nelts; i++) {
        if (gw_str_is(gw_str_of(e[i].key), "via")
            && via_line_has(e[i].val, name)) {
            return 1;
        }
    }
    return 0;
}

apr_table_t *gw_headers_response(apr_pool_t *pool, const apr_table_t *in,
                                 int status)
{
    const apr_array_header_t *elts = apr_table_elts(in);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    apr_table_t *out = apr_table_make(pool, elts->nelts + ADDED_FIELDS);
    int drop = status == 407 ? TO_CLIENT : TO_CLIENT | CHALLENGE;
    survey s;
    int i;

    look_over(&s, pool, elts, 0);
    for (i = 0; i < elts->nelts; i++) {
        gw_str name = gw_str_of(e[i].key);
        const special *sp = find_special(name);

        if (!(sp && (sp->flags & drop)) && may_cross(&s, name, e[i].val)) {
            (elts->pool == pool ? apr_table_addn : apr_table_add)(
                out, e[i].key, e[i].val);
        }
    }
    return out;
}
