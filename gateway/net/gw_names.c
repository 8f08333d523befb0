#include "gw_names.h"

#include <stdlib.h>
#include <string.h>

/* Hash chains stay short up to this many names; a chain more beyond. */
#define BUCKETS_MIN 16u
#define BUCKETS_MAX 65536u

struct gw_names {
    int max;                        /* const */
    unsigned int mask;              /* const: buckets - 1, a power of two */
    int count;
    APR_RING_HEAD(, gw_name) used;  /* least recently used first */
    gw_name *buckets[];
};

int gw_name_key(const char *text, char *key)
{
    apr_size_t i;

    for (i = 0; text[i]; i++) {
        unsigned char c = (unsigned char)text[i];

        if (i == GW_NAME_MAX || c <= ' ' || c == 0x7f) {
            return 0;
        }
        key[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    key[i] = '\0';
    return i > 0;
}

/* FNV-1a: names come from the configuration, not from an attacker. */
static unsigned int hash_of(const char *key)
{
    unsigned int hash = 2166136261u;

    for (; *key; key++) {
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    }
    return hash;
}

gw_names *gw_names_create(int max)
{
    unsigned int n = BUCKETS_MIN;
    gw_names *names;

    while (n < (unsigned int)max && n < BUCKETS_MAX) {
        n *= 2;
    }
    names = calloc(1, sizeof(*names) + n * sizeof(names->buckets[0]));
    if (names) {
        names->max = max;
        names->mask = n - 1;
        APR_RING_INIT(&names->used, gw_name, used);
    }
    return names;
}

static void name_free(gw_name *name)
{
    gw_addrset_release(&name->set);
    free(name);
}

void gw_names_destroy(gw_names **pnames)
{
    gw_names *names = *pnames;

    *pnames = NULL;
    if (!names) {
        return;
    }
    while (!APR_RING_EMPTY(&names->used, gw_name, used)) {
        gw_name *name = APR_RING_FIRST(&names->used);

        APR_RING_REMOVE(name, used);
        name_free(name);
    }
    free(names);
}

static gw_name *find(gw_names *names, const char *key, unsigned int hash)
{
    gw_name *name = names->buckets[hash & names->mask];

    while (name && (name->hash != hash || strcmp(name->text, key))) {
        name = name->chain;
    }
    return name;
}

/* Make room for one more. @return 0 when every name is busy */
static int evict(gw_names *names)
{
    gw_name *name = gw_names_next(names, NULL);
    gw_name **at;

    while (name && name->busy) {
        name = gw_names_next(names, name);
    }
    if (!name) {
        return 0;
    }
    at = &names->buckets[name->hash & names->mask];
    while (*at != name) {
        at = &(*at)->chain;
    }
    *at = name->chain;
    APR_RING_REMOVE(name, used);
    names->count--;
    name_free(name);
    return 1;
}

static gw_name *add(gw_names *names, const char *key, unsigned int hash)
{
    apr_size_t size = strlen(key) + 1;
    gw_name **bucket = &names->buckets[hash & names->mask];
    gw_name *name;

    if (names->count >= names->max && !evict(names)) {
        return NULL;
    }
    name = calloc(1, sizeof(*name) + size);
    if (!name) {
        return NULL;
    }
    memcpy(name->text, key, size);
    name->hash = hash;
    APR_RING_INIT(&name->waiters, gw_lookup, link);
    name->chain = *bucket;
    *bucket = name;
    APR_RING_INSERT_TAIL(&names->used, name, gw_name, used);
    names->count++;
    return name;
}

gw_name *gw_names_use(gw_names *names, const char *key)
{
    unsigned int hash = hash_of(key);
    gw_name *name = find(names, key, hash);

    if (!name) {
        return add(names, key, hash);
    }
    APR_RING_REMOVE(name, used);
    APR_RING_INSERT_TAIL(&names->used, name, gw_name, used);
    return name;
}

void gw_names_expire(gw_names *names)
{
    gw_name *name;

    APR_RING_FOREACH(name, &names->used, gw_name, used) {
        name->expires = 0;
    }
}

gw_name *gw_names_next(gw_names *names, gw_name *name)
{
    name = name ? APR_RING_NEXT(name, used) : APR_RING_FIRST(&names->used);
    return name == APR_RING_SENTINEL(&names->used, gw_name, used) ? NULL
        : name;
}

int gw_names_count(const gw_names *names)
{
    return names->count;
}
