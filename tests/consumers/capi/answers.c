/* Answers the lines of stdin with one function of the library, which the first argument names:
 *
 *     single SNAPSHOT SECONDS          status, detected_by, assessments, as numbers; a reason in place of the status
 *     many SNAPSHOT SECONDS            the same from rapsheet_lookup_many(); SECONDS + row % 4 days is a row's instant
 *     details SNAPSHOT SECONDS         status and indicator, then a row for each sighting
 *     json SNAPSHOT SECONDS FLAGS      the text of rapsheet_lookup_json()
 *     feeds, info SNAPSHOT SECONDS     those documents; stdin is not read
 *     follow SNAPSHOT SECONDS FLAGS    a line `!refresh` calls rapsheet_refresh(); any other is looked up
 */
#include <rapsheet.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 100000

static rapsheet_snapshot *snapshot;
static rapsheet_error error;
static int64_t at;
static uint32_t flags;
static char *lines[ROWS];

static size_t read_lines(void)
{
    static char line[1 << 17];
    size_t count = 0;
    while (count < ROWS && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        /* So that a read behind the end is noticed, there is nothing behind it, and no zero. */
        lines[count] = malloc(strlen(line) + 1);
        strcpy(lines[count++], line);
    }
    return count;
}

static void print_result(const rapsheet_result *result)
{
    if (result->status == RAPSHEET_NO_INDICATOR)
        printf("%s\n", rapsheet_reason_word(result->reason));
    else
        printf("%d %" PRIu32 " %d\n", result->status, result->detected_by, result->assessments);
}

static void single(const char *line)
{
    rapsheet_result result;
    rapsheet_lookup(snapshot, line, strlen(line), at, &result, &error);
    print_result(&result);
}

static void many(size_t count)
{
    static rapsheet_text texts[ROWS];
    static rapsheet_result results[ROWS];
    static int64_t instants[ROWS];
    rapsheet_batch *batch = rapsheet_batch_new();
    size_t row;
    for (row = 0; row < count; row++) {
        texts[row].data = lines[row];
        texts[row].length = strlen(lines[row]);
        instants[row] = at + (int64_t)(row % 4) * 86400;
    }
    if (rapsheet_lookup_many(snapshot, batch, texts, instants, 0, results, count, &error) != RAPSHEET_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(error.code);
    }
    for (row = 0; row < count; row++)
        print_result(&results[row]);
    rapsheet_batch_free(batch);
}

static void details(const char *line)
{
    rapsheet_details *found;
    const rapsheet_source *source;
    size_t count, row;
    if (rapsheet_lookup_details(snapshot, line, strlen(line), at, &found, &error) != RAPSHEET_OK) {
        printf("%d\n", error.code);
        return;
    }
    printf("%d %s\n", rapsheet_details_status(found), rapsheet_details_indicator(found));
    source = rapsheet_details_sources(found, &count);
    for (row = 0; row < count; row++, source++)
        printf(" %s %s %d %d %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d\n", source->provider, source->feed,
               source->status, source->assessments, source->matched, source->first_seen, source->detect_time,
               source->update_time, source->expires, source->stale);
    rapsheet_details_free(found);
}

static void print_text(char *text, size_t length)
{
    fwrite(text, 1, length, stdout);
    if (text == NULL || strlen(text) != length)
        printf("the length is wrong\n");
    rapsheet_string_free(text);
}

static void json(const char *line)
{
    char *text;
    size_t length;
    int code = rapsheet_lookup_json(snapshot, line, strlen(line), at, flags, &text, &length, &error);
    if (code != error.code || (code != RAPSHEET_OK && code != RAPSHEET_ERROR_USAGE))
        printf("the code is wrong\n");
    print_text(text, length);
}

static void document(const char *mode)
{
    char *text;
    size_t length;
    if (strcmp(mode, "info") == 0)
        rapsheet_info_json(snapshot, at, &text, &length, &error);
    else
        rapsheet_feeds_json(snapshot, at, &text, &length, &error);
    print_text(text, length);
}

/* Line by line, since the file is replaced meanwhile. */
static void follow(void)
{
    static char line[1024];
    rapsheet_result result;
    bool replaced;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "!refresh") != 0) {
            if (rapsheet_lookup(snapshot, line, strlen(line), at, &result, &error) == RAPSHEET_OK)
                print_result(&result);
            else
                printf("%d: %s\n", error.code, error.message);
        } else if (rapsheet_refresh(snapshot, &replaced, &error) == RAPSHEET_OK)
            printf("%s\n", replaced ? "replaced" : "same");
        else
            printf("%d: %s\n", error.code, error.message);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    size_t count = 0, row;
    if (argc < 4)
        return 2;
    at = strtoll(argv[3], NULL, 10);
    flags = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    if (rapsheet_open(argv[2], strcmp(mode, "follow") == 0 ? flags : 0, &snapshot, &error) != RAPSHEET_OK) {
        fprintf(stderr, "%s\n", error.message);
        return error.code;
    }
    if (strcmp(mode, "follow") == 0)
        follow();
    else if (strcmp(mode, "info") == 0 || strcmp(mode, "feeds") == 0)
        document(mode);
    else
        count = read_lines();
    if (strcmp(mode, "many") == 0)
        many(count);
    for (row = 0; row < count; row++) {
        if (strcmp(mode, "single") == 0)
            single(lines[row]);
        if (strcmp(mode, "details") == 0)
            details(lines[row]);
        if (strcmp(mode, "json") == 0)
            json(lines[row]);
        free(lines[row]);
    }
    rapsheet_close(snapshot);
    return 0;
}
