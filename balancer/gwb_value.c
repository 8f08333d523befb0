#include "gwb_value.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "gw_span.h"
#include "gw_str.h"
#include "gwb_record.h"

#define SIZE_MOST ((apr_int64_t)1 << 30)

/* A key further than this from a known one is not a slip of the hand. */
#define SUGGEST_DISTANCE 3
#define SUGGEST_LENGTH 32

#define CODE_LEAST 100
#define CODE_MOST 599

int gwb_codes_have(const gwb_codes *codes, int status)
{
    return codes->any && status >= CODE_LEAST && status <= CODE_MOST
           && (codes->bits[status / 8] >> (status % 8) & 1);
}

int gwb_value_split(apr_pool_t *pool, const char *word, const char **pname,
                    const char **pvalue)
{
    const char *eq = strchr(word, '=');
    char *name;

    if (eq == NULL || eq == word) {
        return 0;
    }
    name = apr_pstrmemdup(pool, word, (apr_size_t)(eq - word));
    *pvalue = eq + 1;
    *pname = name;
    for (; *name != '\0'; ++name) {
        *name = (char)apr_tolower(*name);
    }
    return 1;
}

const char *gwb_value_number(apr_pool_t *pool, const char *name,
                             const char *value, int least, int most,
                             int *pnumber)
{
    apr_int64_t n;

    if (!gw_str_number(gw_str_of(value), 10, &n) || n < least || n > most) {
        return apr_psprintf(pool, "%s= must be a whole number from %d to %d, "
                            "not '%s'", name, least, most, value);
    }
    *pnumber = (int)n;
    return NULL;
}

const char *gwb_value_flag(apr_pool_t *pool, const char *name,
                           const char *value, int *pon)
{
    *pon = strcasecmp(value, "on") == 0;
    if (*pon || strcasecmp(value, "off") == 0) {
        return NULL;
    }
    return apr_psprintf(pool, "%s= must be on or off, not '%s'", name, value);
}

const char *gwb_value_time(apr_pool_t *pool, const char *name,
                           const char *value, const char *unit, int zero_ok,
                           gw_time *ptime)
{
    return gw_span_read(pool, apr_pstrcat(pool, name, "=", NULL), value, unit,
                        zero_ok, ptime);
}

const char *gwb_value_size(apr_pool_t *pool, const char *name,
                           const char *value, apr_size_t *psize)
{
    gw_str digits = { value, strspn(value, "0123456789") };
    const char *suffix = value + digits.len;
    apr_int64_t factor = 0;
    apr_int64_t n;

    if (*suffix == '\0') {
        factor = 1;
    }
    else if (suffix[1] == '\0') {
        factor = apr_tolower(*suffix) == 'k' ? 1024
                 : apr_tolower(*suffix) == 'm' ? 1024 * 1024 : 0;
    }
    if (factor != 0 && gw_str_number(digits, 10, &n)
        && n <= SIZE_MOST / factor) {
        *psize = (apr_size_t)(n * factor);
        return NULL;
    }
    return apr_psprintf(pool, "%s= must be a number of bytes up to 1024M, "
                        "such as 65536, 64K or 1M, not '%s'", name, value);
}

const char *gwb_value_weight(apr_pool_t *pool, const char *name,
                             const char *value, unsigned *pweight)
{
    gw_str whole = { value, strspn(value, "0123456789") };
    const char *rest = value + whole.len;
    apr_int64_t n;
    unsigned hundredths = 0;

    if (gw_str_number(whole, 10, &n) && n <= 100) {
        hundredths = (unsigned)n * 100;
        if (*rest == '.' && apr_isdigit(rest[1])) {
            hundredths += (unsigned)(rest[1] - '0') * 10;
            rest += 2;
            if (apr_isdigit(*rest)) {
                hundredths += (unsigned)(*rest++ - '0');
            }
        }
        if (*rest == '\0' && hundredths >= 100 && hundredths <= 10000) {
            *pweight = hundredths;
            return NULL;
        }
    }
    return apr_psprintf(pool, "%s= must be a number from 1 to 100, with two "
                        "decimals at most, not '%s'", name, value);
}

/** A status code, three digits. @return 0 when it is none */
static int read_code(gw_str text, apr_int64_t *n)
{
    return text.len == 3 && gw_str_number(text, 10, n) && *n >= CODE_LEAST
           && *n <= CODE_MOST;
}

/** "500" or "500-599". @return 0 when it is neither */
static int read_codes(gw_str text, apr_int64_t *pfirst, apr_int64_t *plast)
{
    const char *dash = memchr(text.p, '-', text.len);
    gw_str first = text;
    gw_str last = text;

    if (dash != NULL) {
        first.len = (apr_size_t)(dash - text.p);
        last.p = dash + 1;
        last.len = text.len - first.len - 1;
    }
    return read_code(first, pfirst) && read_code(last, plast)
           && *pfirst <= *plast;
}

const char *gwb_value_codes(apr_pool_t *pool, const char *name,
                            const char *value, gwb_codes *codes)
{
    gw_str rest = gw_str_of(value);
    gw_str element;
    apr_int64_t n, last;
    int good = 0;

    while (gw_str_next_element(&rest, &element)) {
        good = read_codes(element, &n, &last);
        if (!good) {
            break;
        }
        for (; n <= last; ++n) {
            codes->bits[n / 8] |= (unsigned char)(1 << (n % 8));
        }
        codes->any = 1;
    }
    return good ? NULL
                : apr_psprintf(pool, "%s= must be a list of status codes "
                               "from %d to %d, such as 500,503 or 500-599, "
                               "not '%s'", name, CODE_LEAST, CODE_MOST,
                               value);
}

const char *gwb_value_word(apr_pool_t *pool, const char *name,
                           const char *value, const char **pword)
{
    const char *c = value;

    while (*c > ' ' && *c < 0x7f && strchr(";,\"\\", *c) == NULL) {
        ++c;
    }
    if (c == value || *c != '\0' || c - value > GWB_WORD_MAX) {
        return apr_psprintf(pool, "%s= must be 1 to %d visible characters "
                            "without ; , \" and \\, not '%s'", name,
                            GWB_WORD_MAX, value);
    }
    *pword = apr_pstrdup(pool, value);
    return NULL;
}

static const struct {
    char letter;
    unsigned flag;
} letters[] = {
    { 'D', GWB_DISABLED }, { 'S', GWB_STOPPED }, { 'I', GWB_IGNORE },
    { 'H', GWB_STANDBY }, { 'R', GWB_SPARE }, { 'N', GWB_DRAINING },
    { 'E', GWB_ERROR }, { 'C', GWB_CHECK_FAILED }, { '\0', 0 }
};

static unsigned flag_of(char letter)
{
    int i;

    for (i = 0; letters[i].letter != '\0'; ++i) {
        if (letters[i].letter == apr_toupper(letter)) {
            return letters[i].flag;
        }
    }
    return 0;
}

const char *gwb_value_status(apr_pool_t *pool, const char *value,
                             unsigned *pflags)
{
    unsigned flags = *pflags;
    int on = 1;
    const char *c;

    for (c = value; *c != '\0'; ++c) {
        unsigned flag = flag_of(*c);

        if (*c == '+' || *c == '-') {
            on = *c == '+';
            if (c[1] == '\0') {
                break;
            }
            continue;
        }
        if (flag == 0 || (on && flag == GWB_ERROR)) {
            break;
        }
        flags = on ? flags | flag : flags & ~flag;
    }
    if (*c != '\0' || c == value) {
        return apr_psprintf(pool, "status= must be letters with + or - "
                            "before them: D (disabled), S (stopped), I "
                            "(ignore errors), H (hot standby), R (hot "
                            "spare), N (drain); -E and -C take away what "
                            "errors and checks found, +C waits for the first "
                            "check; not '%s'", value);
    }
    *pflags = flags;
    return NULL;
}

const char *gwb_value_letters(apr_pool_t *pool, unsigned flags)
{
    char text[sizeof(letters) / sizeof(letters[0])];
    int n = 0;
    int i;

    for (i = 0; letters[i].letter != '\0'; ++i) {
        if (flags & letters[i].flag) {
            text[n++] = letters[i].letter;
        }
    }
    return apr_pstrmemdup(pool, text, (apr_size_t)n);
}

const char *gwb_value_url(apr_pool_t *pool, const char *url)
{
    apr_size_t len = strlen(url);

    return apr_pstrmemdup(pool, url,
                          len > 0 && url[len - 1] == '/' ? len - 1 : len);
}

/** How many letters must be added, dropped or changed to make b from a. */
static int distance(const char *a, const char *b)
{
    int row[SUGGEST_LENGTH + 1];
    int la = (int)strlen(a);
    int lb = (int)strlen(b);
    int i, j;

    if (la > SUGGEST_LENGTH || lb > SUGGEST_LENGTH) {
        return SUGGEST_LENGTH;
    }
    for (j = 0; j <= lb; ++j) {
        row[j] = j;
    }
    for (i = 1; i <= la; ++i) {
        int diagonal = row[0];

        row[0] = i;
        for (j = 1; j <= lb; ++j) {
            int best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            best = diagonal + 1 < best ? diagonal + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[lb];
}

const char *gwb_value_closest(const char *const *names, const char *name)
{
    const char *best = NULL;
    int least = SUGGEST_DISTANCE;

    for (; *names != NULL; ++names) {
        int d = distance(name, *names);

        if (d < least) {
            least = d;
            best = *names;
        }
    }
    return best;
}
