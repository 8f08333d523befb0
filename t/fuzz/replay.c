/**
 * replay: stands in for libFuzzer's main where a fuzz target is built without
 * it. Feeds the committed corpus to the target, so that every input that once
 * was a finding stays tested with any compiler; prints TAP.
 *
 * Each input is also fed cut short at every byte (in a block of exactly that
 * size, where AddressSanitizer and valgrind see an over-read): a parser must
 * stand whatever the peer leaves out.
 *
 * Usage: NAME_fuzz [file or folder...], by default t/fuzz/corpus/NAME.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* a target may define it, as for libFuzzer */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* Inputs above this are not cut at every byte, which takes size^2 steps. */
#define CUT_MAX 2048

static char current[1024];

/** Name the input that crashed the target; the signal then ends the run. */
static void crashed(int sig)
{
    static const char what[] = "# the target crashed on ";

    if (write(STDERR_FILENO, what, sizeof(what) - 1) < 0
        || write(STDERR_FILENO, current, strlen(current)) < 0
        || write(STDERR_FILENO, "\n", 1) < 0) {
        _exit(1);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

/** Run the target on a copy of exactly size bytes. */
static void feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (copy == NULL) {
        bail_out("out of memory");
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static uint8_t *slurp(const char *path, size_t size)
{
    uint8_t *data = malloc(size ? size : 1);
    FILE *f = fopen(path, "rb");

    if (data == NULL || f == NULL || fread(data, 1, size, f) != size) {
        bail_out("cannot read %s: %s", path, strerror(errno));
    }
    fclose(f);
    return data;
}

static void replay_file(const char *path, size_t size)
{
    uint8_t *data = slurp(path, size);
    size_t cut;

    snprintf(current, sizeof(current), "%s", path);
    feed(data, size);
    for (cut = 0; size <= CUT_MAX && cut < size; ++cut) {
        snprintf(current, sizeof(current), "%s cut to %lu bytes", path,
                 (unsigned long)cut);
        feed(data, cut);
    }
    free(data);
    ok(1, "%s", path);
}

/** Replay a file, or each file of a folder in the order of their names. */
static void replay(const char *path)
{
    struct dirent **names;
    struct stat st;
    char inner[1024];
    int n, i;

    if (stat(path, &st) != 0) {
        bail_out("cannot read %s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path, (size_t)st.st_size);
        return;
    }
    n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        bail_out("cannot read %s: %s", path, strerror(errno));
    }
    for (i = 0; i < n; ++i) {
        if (names[i]->d_name[0] != '.') {
            snprintf(inner, sizeof(inner), "%s/%s", path, names[i]->d_name);
            replay(inner);
        }
        free(names[i]);
    }
    free(names);
}

/** t/fuzz/corpus/NAME for a program called NAME_fuzz. */
static const char *corpus_of(const char *program)
{
    static char path[1024];
    const char *name = strrchr(program, '/');
    const char *end;

    name = name ? name + 1 : program;
    end = strstr(name, "_fuzz");
    snprintf(path, sizeof(path), "t/fuzz/corpus/%.*s",
             end ? (int)(end - name) : (int)strlen(name), name);
    return path;
}

int main(int argc, char **argv)
{
    int i;

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGSEGV, crashed);
    signal(SIGBUS, crashed);
    signal(SIGFPE, crashed);
    signal(SIGILL, crashed);
    signal(SIGABRT, crashed);
    if (LLVMFuzzerInitialize) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    for (i = 1; i < argc; ++i) {
        replay(argv[i]);
    }
    if (argc < 2) {
        replay(corpus_of(argv[0]));
    }
    return done_testing();
}
