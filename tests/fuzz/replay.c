/*
 * Replays a fuzz target's corpus without libFuzzer: every input of the folders and files given, and of
 * each a fixed number of variations (cut short, one byte turned), so that `make test` under ASan walks the
 * neighbourhood of every input in a bounded time. Variations are drawn from a fixed seed: a failure
 * comes back. On a crash the last line printed names the input and its variation.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX  (1 << 20)
#define VARIATIONS 64

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static uint64_t next_number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Runs the target on a copy of exactly len bytes, so that ASan sees a read behind its end. */
static void run_one(const uint8_t *at, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    memcpy(copy, at, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void run_varied(const char *path, uint8_t *at, size_t len)
{
    uint64_t state = len;
    run_one(at, len);
    for (int i = 0; len && i < VARIATIONS; i++) {
        size_t where = next_number(&state) % len;
        if (i % 2) {
            run_one(at, where);
            continue;
        }
        uint8_t old = at[where];
        at[where] = (uint8_t)next_number(&state);
        run_one(at, len);
        at[where] = old;
    }
    printf("%s\n", path);
    fflush(stdout);
}

/* Returns how many inputs were run. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *at = malloc(INPUT_MAX);
    if (!file || !at) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        exit(1);
    }
    size_t len = fread(at, 1, INPUT_MAX, file);
    fclose(file);
    printf("%s …\n", path);
    fflush(stdout);
    run_varied(path, at, len);
    free(at);
    return 1;
}

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        exit(1);
    }
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        count += replay_file(name);
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        bool folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
        count += folder ? replay_folder(argv[i]) : replay_file(argv[i]);
    }
    if (count == 0) {
        fprintf(stderr, "replay: no input\n");
        return 1;
    }
    printf("%d inputs, each with %d variations\n", count, VARIATIONS);
    return 0;
}
