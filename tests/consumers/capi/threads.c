/* Many threads look up in one snapshot while it is refreshed; each answer must be the one that the first thread got. Arguments: a
 * snapshot, the instant, for how many milliseconds. Indicators come from stdin. Prints how many look-ups there were, and how
 * many snapshots.
 */
#include <rapsheet.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS 8
#define ROWS 2048

static rapsheet_snapshot *snapshot;
static int64_t at;
static char lines[ROWS][256];
static rapsheet_text texts[ROWS];
static rapsheet_result expected[ROWS];
static size_t count;
static atomic_bool ended;
static atomic_ulong lookups, wrong;

static int differs(const rapsheet_result *found, const rapsheet_result *other)
{
    return found->status != other->status || found->reason != other->reason
           || found->assessments != other->assessments || found->detected_by != other->detected_by;
}

static void *run(void *argument)
{
    rapsheet_batch *batch = rapsheet_batch_new();
    rapsheet_result results[ROWS], result;
    rapsheet_error error;
    size_t row = (size_t)(uintptr_t)argument * 131, rows;
    char *json;
    while (!ended) {
        const char *const *providers;
        size_t found, first = row++ % count;
        int64_t other = at + (int64_t)(row % 11);
        rows = count - first;
        wrong += rapsheet_lookup_many(snapshot, batch, texts + first, NULL, at, results, rows, &error) != RAPSHEET_OK;
        for (found = 0; found < rows; found++)
            wrong += differs(&results[found], &expected[first + found]);
        if (results[0].listing != RAPSHEET_NO_LISTING)
            wrong += rapsheet_batch_providers(batch, results[0].listing, &providers, &found, &error) != RAPSHEET_OK;
        /* Other instants, so that threads displace what is prepared for each other. */
        rapsheet_lookup(snapshot, texts[first].data, texts[first].length, other, &result, &error);
        wrong += differs(&result, &expected[first]);
        rapsheet_lookup_json(snapshot, texts[first].data, texts[first].length, at, 0, &json, NULL, NULL);
        wrong += json == NULL;
        rapsheet_string_free(json);
        lookups += rows + 2;
    }
    rapsheet_batch_free(batch);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct timespec wait = {0, 2000000};
    rapsheet_error error;
    unsigned long taken = 0;
    long left;
    size_t thread;
    if (argc != 4)
        return 2;
    if (rapsheet_open(argv[1], RAPSHEET_OPEN_FOLLOW, &snapshot, &error) != RAPSHEET_OK) {
        fprintf(stderr, "%s\n", error.message);
        return error.code;
    }
    at = strtoll(argv[2], NULL, 10);
    while (count < ROWS && fgets(lines[count], sizeof *lines, stdin) != NULL) {
        lines[count][strcspn(lines[count], "\n")] = '\0';
        texts[count].data = lines[count];
        texts[count].length = strlen(lines[count]);
        rapsheet_lookup(snapshot, texts[count].data, texts[count].length, at, &expected[count], NULL);
        count++;
    }
    for (thread = 0; thread < THREADS; thread++)
        pthread_create(&threads[thread], NULL, run, (void *)(uintptr_t)thread);
    for (left = atol(argv[3]); left > 0; left -= 2) {
        bool replaced = false;
        nanosleep(&wait, NULL);
        if (rapsheet_refresh(snapshot, &replaced, &error) != RAPSHEET_OK) {
            fprintf(stderr, "%s\n", error.message);
            wrong++;
        }
        taken += replaced;
    }
    ended = true;
    for (thread = 0; thread < THREADS; thread++)
        pthread_join(threads[thread], NULL);
    rapsheet_close(snapshot);
    printf("%lu look-ups, %lu snapshots, %lu wrong\n", (unsigned long)lookups, taken, (unsigned long)wrong);
    return wrong > 0;
}
