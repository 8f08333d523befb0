/**
 * gwb_carry_file: states in a file: see gwb_carry.h.
 *
 *   magic, version, size of a slot, number of states
 *   for each state: length of its id, next id, number of slots; id; slots
 *   hash of all that
 *
 * The file belongs to one machine and one build of the module: numbers are as
 * they are in memory.
 */
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "gwb_carry.h"
#include "gwb_method.h"

#define MAGIC "GWBSTATE"
#define MAGIC_LEN 8

/* Far beyond any configuration; a damaged file must not eat the memory. */
#define FILE_MOST ((apr_off_t)1 << 30)
#define ID_MOST 4096

typedef struct file_head file_head;
struct file_head {
    char magic[MAGIC_LEN];
    apr_uint32_t version;
    apr_uint32_t slot_size;
    apr_uint32_t states;
    apr_uint32_t unused;
};

typedef struct state_head state_head;
struct state_head {
    apr_uint32_t id_len;
    apr_uint32_t next_id;
    apr_uint32_t slots;
    apr_uint32_t unused;
};

/** Bytes of the whole file but for the hash. */
static apr_size_t length_of(const apr_array_header_t *states,
                            unsigned *pcount)
{
    apr_size_t len = sizeof(file_head);
    int i;

    *pcount = 0;
    for (i = 0; i < states->nelts; ++i) {
        const gwb_kept *s = &APR_ARRAY_IDX(states, i, gwb_kept);

        if (s->persist) {
            len += sizeof(state_head) + strlen(s->id)
                   + s->n * sizeof(gwb_slot);
            ++*pcount;
        }
    }
    return len;
}

static char *put(char *to, const void *bytes, apr_size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

static char *put_state(char *to, const gwb_kept *s)
{
    state_head head = { 0 };

    head.id_len = (apr_uint32_t)strlen(s->id);
    head.next_id = s->next_id;
    head.slots = s->n;
    to = put(to, &head, sizeof(head));
    to = put(to, s->id, head.id_len);
    return put(to, s->slots, s->n * sizeof(gwb_slot));
}

static apr_status_t write_file(apr_pool_t *pool, const char *path,
                               const char *bytes, apr_size_t len)
{
    apr_file_t *file;
    apr_status_t rv;
    apr_status_t closed;

    rv = apr_file_open(&file, path, APR_FOPEN_WRITE | APR_FOPEN_CREATE
                       | APR_FOPEN_TRUNCATE | APR_FOPEN_BINARY,
                       APR_FPROT_UREAD | APR_FPROT_UWRITE, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_write_full(file, bytes, len, NULL);
    closed = apr_file_close(file);
    return rv == APR_SUCCESS ? closed : rv;
}

apr_status_t gwb_carry_write(apr_pool_t *pool, const char *path,
                             const apr_array_header_t *states)
{
    file_head head = { MAGIC, GWB_RECORD_VERSION, sizeof(gwb_slot), 0, 0 };
    apr_size_t len = length_of(states, &head.states);
    char *bytes = apr_palloc(pool, len + sizeof(apr_uint64_t));
    const char *new = apr_pstrcat(pool, path, ".new", NULL);
    char *at = put(bytes, &head, sizeof(head));
    apr_uint64_t hash;
    apr_status_t rv;
    int i;

    for (i = 0; i < states->nelts; ++i) {
        const gwb_kept *s = &APR_ARRAY_IDX(states, i, gwb_kept);

        if (s->persist) {
            at = put_state(at, s);
        }
    }
    hash = gwb_hash(bytes, len);
    put(at, &hash, sizeof(hash));
    rv = write_file(pool, new, bytes, len + sizeof(hash));
    return rv == APR_SUCCESS ? apr_file_rename(new, path, pool) : rv;
}

/** What is left to read. */
typedef struct reader reader;
struct reader {
    const char *at;
    apr_size_t left;
};

static int take(reader *r, void *to, apr_size_t len)
{
    if (r->left < len) {
        return 0;
    }
    memcpy(to, r->at, len);
    r->at += len;
    r->left -= len;
    return 1;
}

/** Texts end where they should, numbers are possible ones. */
static int is_sound(gwb_slot *slot)
{
    gwb_record *rec = &slot->rec;

    return memchr(rec->url, 0, GWB_URL_MAX)
           && memchr(slot->name, 0, GWB_URL_MAX)
           && memchr(rec->route, 0, GWB_ROUTE_MAX)
           && memchr(rec->redirect, 0, GWB_ROUTE_MAX)
           && memchr(slot->file.route, 0, GWB_ROUTE_MAX)
           && memchr(slot->file.redirect, 0, GWB_ROUTE_MAX)
           && rec->weight >= 1 && rec->weight <= 10000 && rec->lbset <= 99;
}

static int take_state(apr_pool_t *pool, reader *r, gwb_kept *s)
{
    state_head head;
    char *id;
    unsigned i;

    if (!take(r, &head, sizeof(head)) || head.id_len > ID_MOST
        || head.slots > r->left / sizeof(gwb_slot)) {
        return 0;
    }
    id = apr_pcalloc(pool, head.id_len + 1);
    s->id = id;
    s->persist = 1;
    s->next_id = head.next_id;
    s->n = head.slots;
    s->slots = apr_palloc(pool, (head.slots + 1) * sizeof(gwb_slot));
    if (!take(r, id, head.id_len)
        || !take(r, s->slots, head.slots * sizeof(gwb_slot))) {
        return 0;
    }
    for (i = 0; i < s->n; ++i) {
        if (!is_sound(&s->slots[i])) {
            return 0;
        }
    }
    return 1;
}

static apr_status_t read_file(apr_pool_t *pool, const char *path, reader *r)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t rv;
    char *bytes;

    rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0,
                       pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (rv == APR_SUCCESS && info.size > FILE_MOST) {
        rv = APR_EINVAL;
    }
    if (rv == APR_SUCCESS) {
        r->left = (apr_size_t)info.size;
        bytes = apr_palloc(pool, r->left + 1);
        r->at = bytes;
        rv = apr_file_read_full(file, bytes, r->left, NULL);
    }
    apr_file_close(file);
    return rv;
}

apr_status_t gwb_carry_read(apr_pool_t *pool, const char *path,
                            apr_array_header_t **pstates)
{
    apr_array_header_t *states = apr_array_make(pool, 8, sizeof(gwb_kept));
    apr_uint64_t hash;
    file_head head;
    reader r = { NULL, 0 };
    apr_status_t rv = read_file(pool, path, &r);
    unsigned i;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (r.left < sizeof(head) + sizeof(hash)) {
        return APR_EINVAL;
    }
    r.left -= sizeof(hash);
    memcpy(&hash, r.at + r.left, sizeof(hash));
    if (hash != gwb_hash(r.at, r.left) || !take(&r, &head, sizeof(head))
        || memcmp(head.magic, MAGIC, MAGIC_LEN) != 0
        || head.version != GWB_RECORD_VERSION
        || head.slot_size != sizeof(gwb_slot)) {
        return APR_EINVAL;
    }
    for (i = 0; i < head.states; ++i) {
        if (!take_state(pool, &r, apr_array_push(states))) {
            return APR_EINVAL;
        }
    }
    *pstates = states;
    return APR_SUCCESS;
}
