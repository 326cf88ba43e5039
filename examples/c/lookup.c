/* Looks up the lines of stdin, many at once, and prints what `rapsheet lookup --output tsv` prints: the line, the
 * status, how many providers block it, as what, and which providers decide.
 *
 *     make capi demo
 *     export PKG_CONFIG_PATH=dist/capi/lib/pkgconfig
 *     cc examples/c/lookup.c -o lookup $(pkg-config --cflags --libs rapsheet) -Wl,-rpath,$PWD/dist/capi/lib
 *     ./lookup demo/rapsheet.rap < indicators.txt
 *
 * A second argument is the instant to answer for, in seconds since 1970; without it, that of each batch.
 */
#include <rapsheet.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many lines are looked up together, and how many bytes they may have. */
#define LINES 1024
#define BYTES (256 * 1024)

static char buffer[BYTES];
static rapsheet_text texts[LINES];
static rapsheet_result results[LINES];

static int fail(const rapsheet_error *error)
{
    fprintf(stderr, "lookup: %s\n", error->message);
    return error->code;
}

static void print_assessments(unsigned bits)
{
    const char *comma = "", *word;
    unsigned number;
    for (number = 0; (word = rapsheet_assessment_word(number)) != NULL; number++) {
        if (bits >> number & 1) {
            printf("%s%s", comma, word);
            comma = ",";
        }
    }
}

/* Prints who decides. Rows that are listed alike have one listing. */
static int print_providers(const rapsheet_batch *batch, uint32_t listing, rapsheet_error *error)
{
    const char *const *providers;
    size_t count, at;
    if (rapsheet_batch_providers(batch, listing, &providers, &count, error) != RAPSHEET_OK)
        return fail(error);
    for (at = 0; at < count; at++)
        printf("%s%s", at > 0 ? "," : "", providers[at]);
    return 0;
}

static int print_row(const rapsheet_batch *batch, const rapsheet_text *text, const rapsheet_result *result,
                     rapsheet_error *error)
{
    int code = 0;
    fwrite(text->data, 1, text->length, stdout);
    if (result->status == RAPSHEET_NO_INDICATOR) {
        printf("\t%s\t\t\t\n", rapsheet_reason_word(result->reason));
        return 0;
    }
    printf("\t%d\t%" PRIu32 "\t", result->status, result->detected_by);
    print_assessments(result->assessments);
    putchar('\t');
    if (result->listing != RAPSHEET_NO_LISTING)
        code = print_providers(batch, result->listing, error);
    putchar('\n');
    return code;
}

/* Reads lines until there are enough of them. Returns how many. */
static size_t read_lines(void)
{
    size_t count = 0, used = 0;
    while (count < LINES && used + RAPSHEET_TEXT_MAX + 2 < BYTES
           && fgets(buffer + used, RAPSHEET_TEXT_MAX + 2, stdin) != NULL) {
        size_t length = strlen(buffer + used), end = length;
        while (end > 0 && strchr("\r\n", buffer[used + end - 1]) != NULL)
            end--;
        texts[count].data = buffer + used;
        texts[count].length = end;
        count += end > 0;
        used += length;
    }
    return count;
}

static int answer_lines(const rapsheet_snapshot *snapshot, int64_t at, rapsheet_error *error)
{
    rapsheet_batch *batch = rapsheet_batch_new();
    size_t count, row;
    int code = batch == NULL ? RAPSHEET_ERROR_UNFINISHED : 0;
    while (code == 0 && (count = read_lines()) > 0) {
        if (rapsheet_lookup_many(snapshot, batch, texts, NULL, at, results, count, error) != RAPSHEET_OK)
            code = fail(error);
        for (row = 0; row < count && code == 0; row++)
            code = print_row(batch, &texts[row], &results[row], error);
    }
    rapsheet_batch_free(batch);
    return code;
}

int main(int argc, char **argv)
{
    rapsheet_snapshot *snapshot;
    rapsheet_error error;
    int64_t at = RAPSHEET_NOW;
    int code;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: lookup SNAPSHOT [SECONDS] < INDICATORS\n");
        return RAPSHEET_ERROR_USAGE;
    }
    if (argc == 3)
        at = strtoll(argv[2], NULL, 10);
    if (rapsheet_open(argv[1], 0, &snapshot, &error) != RAPSHEET_OK)
        return fail(&error);
    code = answer_lines(snapshot, at, &error);
    rapsheet_close(snapshot);
    return code;
}
