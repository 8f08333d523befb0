/*
 * Which failed attempts may be repeated, as a table (security.md 78-81).
 */
#include "tap.h"

#include "gw_pick.h"
#include "gw_retry.h"

typedef struct {
    const char *name;
    gw_retry_facts f;
    gw_retry_verdict want;
} row;

#define ALL (GW_MOVE_CONNECT | GW_MOVE_TLS | GW_MOVE_RESET | GW_MOVE_TIMEOUT \
             | GW_MOVE_STATUS)

/* fail, reused, sent, answered, passed_on, idempotent, body_in_hand, replays,
 * moves, others, moves_max, move_on */
static const row rows[] = {
    { "reused, idempotent, in hand: replay",
      { GW_FAIL_RESET, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, ALL }, GW_RETRY_SAME },
    { "one replay only",
      { GW_FAIL_RESET, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, ALL }, GW_RETRY_NO },
    { "POST after a byte was sent: never",
      { GW_FAIL_RESET, 1, 1, 0, 0, 0, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "POST before a byte was sent, on a dead connection: replay",
      { GW_FAIL_RESET, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, ALL }, GW_RETRY_SAME },
    { "the body is not in hand any more: never",
      { GW_FAIL_RESET, 1, 1, 0, 0, 1, 0, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "nothing sent but the body is gone: never",
      { GW_FAIL_RESET, 1, 0, 0, 0, 1, 0, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "fresh connection, single origin: never",
      { GW_FAIL_RESET, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, ALL }, GW_RETRY_NO },
    { "fresh connection, another member: move",
      { GW_FAIL_RESET, 0, 1, 0, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_OTHER },
    { "replayed already, another member: move",
      { GW_FAIL_RESET, 1, 1, 0, 0, 1, 1, 1, 0, 1, 3, ALL }, GW_RETRY_OTHER },
    { "any response byte: never",
      { GW_FAIL_RESET, 1, 1, 1, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "refused: any method moves",
      { GW_FAIL_REFUSED, 0, 0, 0, 0, 0, 1, 0, 0, 1, 3, ALL }, GW_RETRY_OTHER },
    { "refused: not to the same origin",
      { GW_FAIL_REFUSED, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, ALL }, GW_RETRY_NO },
    { "refused, moves used up",
      { GW_FAIL_REFUSED, 0, 0, 0, 0, 1, 1, 0, 3, 1, 3, ALL }, GW_RETRY_NO },
    { "TLS failure: any method moves",
      { GW_FAIL_TLS, 0, 0, 0, 0, 0, 1, 0, 0, 1, 3, ALL }, GW_RETRY_OTHER },
    { "certificate not accepted: any method moves",
      { GW_FAIL_CERT, 0, 0, 0, 0, 0, 1, 0, 0, 1, 3, ALL }, GW_RETRY_OTHER },
    { "name without address: moves",
      { GW_FAIL_RESOLVE, 0, 0, 0, 0, 0, 1, 0, 0, 1, 3, ALL }, GW_RETRY_OTHER },
    { "name not resolved in time: moves",
      { GW_FAIL_RESOLVE_TIMEOUT, 0, 0, 0, 0, 0, 1, 0, 0, 1, 3, ALL },
      GW_RETRY_OTHER },
    { "timeout: idempotent moves",
      { GW_FAIL_TIMEOUT, 0, 1, 0, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_OTHER },
    { "timeout: POST does not",
      { GW_FAIL_TIMEOUT, 0, 1, 0, 0, 0, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "timeout: never the same member, reused or not",
      { GW_FAIL_TIMEOUT, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, ALL }, GW_RETRY_NO },
    { "junk: never",
      { GW_FAIL_JUNK, 1, 1, 0, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "truncated: never",
      { GW_FAIL_TRUNCATED, 1, 1, 0, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "over a limit: never",
      { GW_FAIL_LIMIT, 1, 1, 0, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "the client's fault: never",
      { GW_FAIL_CLIENT, 1, 1, 0, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "the whole request's deadline: never",
      { GW_FAIL_DEADLINE, 1, 1, 0, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "a status: idempotent moves though it was answered",
      { GW_FAIL_STATUS, 0, 1, 1, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_OTHER },
    { "a status: POST does not",
      { GW_FAIL_STATUS, 0, 1, 1, 0, 0, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "a 1xx was passed on: never",
      { GW_FAIL_STATUS, 0, 1, 1, 1, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO },
    { "a timeout that is not to be retried on",
      { GW_FAIL_TIMEOUT, 0, 1, 0, 0, 1, 1, 0, 0, 1, 3,
        ALL & ~GW_MOVE_TIMEOUT }, GW_RETRY_NO },
    { "our own fault: never",
      { GW_FAIL_INTERNAL, 1, 0, 0, 0, 1, 1, 0, 0, 1, 3, ALL }, GW_RETRY_NO }
};

int main(void)
{
    unsigned i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        is_int(gw_retry_decide(&rows[i].f), rows[i].want, "%s",
               rows[i].name);
    }
    return done_testing();
}
