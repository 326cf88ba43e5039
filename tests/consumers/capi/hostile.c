/* Calls with arguments that no program should give, and texts that no feed lists. Each must return a code and a message;
 * a sanitizer watches the memory. Arguments: a snapshot that blocks 45.9.20.5, a damaged file, the instant, and how many
 * random texts.
 */
#include <rapsheet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s; code %d: %s\n", __LINE__, #condition, error.code, error.message);            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
#define REFUSED(call, expected, words) CHECK((call) == (expected) && error.code == (expected) && says(words))

/* The layout is part of the binary interface. */
typedef char result_has_16_bytes[sizeof(rapsheet_result) == 16 ? 1 : -1];
typedef char error_has_1024_bytes[sizeof(rapsheet_error) == 1024 ? 1 : -1];
typedef char source_has_40_bytes_and_texts[sizeof(rapsheet_source) == 40 + 3 * sizeof(char *) ? 1 : -1];

static const char *path, *damaged_path;
static rapsheet_snapshot *snapshot;
static rapsheet_batch *batch;
static rapsheet_error error;
static rapsheet_result result;
static int64_t at;
static unsigned long long seed = 88172645463325252ULL;

static int says(const char *words)
{
    return memchr(error.message, 0, sizeof error.message) != NULL && strstr(error.message, words) != NULL;
}

static unsigned long long next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int is_cleared(void)
{
    return error.code == RAPSHEET_OK && error.message[0] == '\0';
}

static void opening(void)
{
    static char long_path[5000];
    rapsheet_snapshot *none = (rapsheet_snapshot *)&seed;
    memset(&error, 0xa5, sizeof error);
    CHECK(rapsheet_open(path, 0, &snapshot, &error) == RAPSHEET_OK && snapshot != NULL && is_cleared());
    REFUSED(rapsheet_open(NULL, 0, &none, &error), RAPSHEET_ERROR_USAGE, "`path`, found NULL");
    CHECK(none == NULL);
    REFUSED(rapsheet_open(path, 0, NULL, &error), RAPSHEET_ERROR_USAGE, "`snapshot`, found NULL");
    REFUSED(rapsheet_open(path, 0x80, &none, &error), RAPSHEET_ERROR_USAGE, "found also 0x80");
    REFUSED(rapsheet_open(path, RAPSHEET_OPEN_TRUSTED | RAPSHEET_OPEN_FOLLOW, &none, &error), RAPSHEET_ERROR_USAGE,
            "TRUSTED alone");
    REFUSED(rapsheet_open("no-such-file.rap", 0, &none, &error), RAPSHEET_ERROR_REFUSED, "no such file; `rapsheet");
    REFUSED(rapsheet_open("", 0, &none, &error), RAPSHEET_ERROR_REFUSED, "no such file");
    REFUSED(rapsheet_open("/", 0, &none, &error), RAPSHEET_ERROR_REFUSED, "not a regular file");
    REFUSED(rapsheet_open("/dev/zero", 0, &none, &error), RAPSHEET_ERROR_REFUSED, "not a regular file");
    REFUSED(rapsheet_open(damaged_path, 0, &none, &error), RAPSHEET_ERROR_REFUSED, "not a valid snapshot");
    REFUSED(rapsheet_open(damaged_path, RAPSHEET_OPEN_FOLLOW, &none, &error), RAPSHEET_ERROR_REFUSED, "expected");
    REFUSED(rapsheet_open(damaged_path, RAPSHEET_OPEN_IN_MEMORY, &none, &error), RAPSHEET_ERROR_REFUSED, "found");
    CHECK(none == NULL && rapsheet_open(damaged_path, 0, &none, NULL) == RAPSHEET_ERROR_REFUSED);
    memset(long_path, 'x', sizeof long_path - 1);
    CHECK(rapsheet_open(long_path, 0, &none, &error) == RAPSHEET_ERROR_REFUSED && says("xxx"));
    CHECK(strlen(error.message) > RAPSHEET_MESSAGE_SIZE - 10);
    REFUSED(rapsheet_refresh(snapshot, NULL, &error), RAPSHEET_ERROR_USAGE, "RAPSHEET_OPEN_FOLLOW");
    REFUSED(rapsheet_refresh(NULL, NULL, &error), RAPSHEET_ERROR_USAGE, "found NULL");
}

/* A damaged file that is trusted gives answers, right or wrong, and no fault. */
static void trusting(void)
{
    rapsheet_snapshot *trusted;
    char *text;
    if (rapsheet_open(damaged_path, RAPSHEET_OPEN_TRUSTED, &trusted, &error) != RAPSHEET_OK)
        return;
    rapsheet_lookup(trusted, "45.9.20.5", 9, at, &result, &error);
    rapsheet_lookup(trusted, "www.evilpanel.com", 17, at, &result, &error);
    rapsheet_info_json(trusted, at, &text, NULL, &error);
    rapsheet_string_free(text);
    rapsheet_close(trusted);
}

static void single(void)
{
    int64_t instants[] = {INT64_MAX, INT64_MIN + 1, 253402300800, -62135596801, 1785542400000};
    static const uint8_t address[16] = {45, 9, 20, 5}, mapped[17] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 45, 9, 20, 5};
    const char *text = "45.9.20.5";
    size_t one, length;
    CHECK(rapsheet_lookup(snapshot, text, 9, at, &result, &error) == RAPSHEET_OK && is_cleared());
    CHECK(result.status == RAPSHEET_BLOCKLISTED && result.detected_by == 1 && result.assessments == RAPSHEET_BOTNET);
    CHECK(result.listing == RAPSHEET_NO_LISTING && result.reason == 0 && result.reserved == 0);
    CHECK(rapsheet_lookup(snapshot, text, 9, RAPSHEET_NOW, &result, NULL) == RAPSHEET_OK);
    REFUSED(rapsheet_lookup(NULL, text, 9, at, &result, &error), RAPSHEET_ERROR_USAGE, "`snapshot`, found NULL");
    CHECK(result.status == RAPSHEET_NO_INDICATOR && result.reason == 0);
    REFUSED(rapsheet_lookup(snapshot, NULL, 9, at, &result, &error), RAPSHEET_ERROR_USAGE, "9 bytes");
    REFUSED(rapsheet_lookup(snapshot, NULL, SIZE_MAX, at, &result, &error), RAPSHEET_ERROR_USAGE, "found NULL");
    REFUSED(rapsheet_lookup(snapshot, NULL, 0, at, &result, &error), RAPSHEET_ERROR_USAGE, "bad-label");
    REFUSED(rapsheet_lookup(snapshot, text, 9, at, NULL, &error), RAPSHEET_ERROR_USAGE, "`result`, found NULL");
    REFUSED(rapsheet_lookup(snapshot, text, 9, at, (rapsheet_result *)((char *)&result + 1), &error),
            RAPSHEET_ERROR_USAGE, "aligned");
    /* Lengths of which the text is not read. */
    for (length = SIZE_MAX; length > RAPSHEET_TEXT_MAX; length = length / 2) {
        REFUSED(rapsheet_lookup(snapshot, text, length, at, &result, &error), RAPSHEET_ERROR_USAGE, "too-long");
        CHECK(strcmp(rapsheet_reason_word(result.reason), "too-long") == 0);
    }
    for (one = 0; one < sizeof instants / sizeof *instants; one++)
        REFUSED(rapsheet_lookup(snapshot, text, 9, instants[one], &result, &error), RAPSHEET_ERROR_USAGE, "seconds");
    CHECK(rapsheet_lookup(snapshot, text, 9, 253402300799, &result, &error) == RAPSHEET_OK);
    CHECK(rapsheet_lookup(snapshot, "45.9.20.5\0", 10, at, &result, &error) == RAPSHEET_ERROR_USAGE);
    CHECK(rapsheet_lookup_address(snapshot, address, 4, at, &result, &error) == RAPSHEET_OK);
    CHECK(result.status == RAPSHEET_BLOCKLISTED && result.assessments == RAPSHEET_BOTNET);
    /* Not aligned, which octets need not be. */
    CHECK(rapsheet_lookup_address(snapshot, mapped + 1, 16, at, &result, &error) == RAPSHEET_OK);
    CHECK(result.status == RAPSHEET_BLOCKLISTED);
    for (length = 0; length < 20; length++)
        CHECK(length == 4 || length == 16
              || rapsheet_lookup_address(snapshot, address, length, at, &result, &error) == RAPSHEET_ERROR_USAGE);
    REFUSED(rapsheet_lookup_address(snapshot, NULL, 4, at, &result, &error), RAPSHEET_ERROR_USAGE, "`address`");
}

static void arrays(void)
{
    rapsheet_text texts[3] = {{"45.9.20.5", 9}, {NULL, 0}, {"goodpanel.com", SIZE_MAX}};
    rapsheet_result results[3];
    int64_t instants[3];
    const char *const *providers;
    size_t count;
    batch = rapsheet_batch_new();
    CHECK(rapsheet_lookup_many(snapshot, batch, texts, NULL, at, results, 3, &error) == RAPSHEET_OK && is_cleared());
    CHECK(results[0].status == RAPSHEET_BLOCKLISTED && results[1].status == RAPSHEET_NO_INDICATOR);
    CHECK(strcmp(rapsheet_reason_word(results[2].reason), "too-long") == 0);
    CHECK(rapsheet_batch_providers(batch, results[0].listing, &providers, &count, &error) == RAPSHEET_OK);
    CHECK(count == 1 && strcmp(providers[0], "bad.example") == 0);
    REFUSED(rapsheet_batch_providers(batch, RAPSHEET_NO_LISTING, &providers, &count, &error), RAPSHEET_ERROR_USAGE,
            "1 listings");
    CHECK(providers == NULL && count == 0);
    REFUSED(rapsheet_batch_providers(batch, 0, NULL, &count, &error), RAPSHEET_ERROR_USAGE, "`providers`");
    REFUSED(rapsheet_batch_providers(NULL, 0, &providers, &count, &error), RAPSHEET_ERROR_USAGE, "`batch`");
    CHECK(rapsheet_lookup_many(snapshot, batch, NULL, NULL, at, NULL, 0, &error) == RAPSHEET_OK);
    REFUSED(rapsheet_lookup_many(snapshot, batch, NULL, NULL, at, results, 3, &error), RAPSHEET_ERROR_USAGE, "`texts`");
    REFUSED(rapsheet_lookup_many(snapshot, batch, texts, NULL, at, NULL, 3, &error), RAPSHEET_ERROR_USAGE, "`results`");
    REFUSED(rapsheet_lookup_many(snapshot, NULL, texts, NULL, at, results, 3, &error), RAPSHEET_ERROR_USAGE, "`batch`");
    REFUSED(rapsheet_lookup_many(NULL, batch, texts, NULL, at, results, 3, &error), RAPSHEET_ERROR_USAGE, "`snapshot`");
    for (count = SIZE_MAX; count > SIZE_MAX / 32; count /= 2)
        REFUSED(rapsheet_lookup_many(snapshot, batch, texts, NULL, at, results, count, &error), RAPSHEET_ERROR_USAGE,
                "rows in `count`");
    REFUSED(rapsheet_lookup_many(snapshot, batch, (rapsheet_text *)((char *)texts + 1), NULL, at, results, 1, &error),
            RAPSHEET_ERROR_USAGE, "aligned");
    texts[1].length = 1;
    REFUSED(rapsheet_lookup_many(snapshot, batch, texts, NULL, at, results, 3, &error), RAPSHEET_ERROR_USAGE, "row 1:");
    texts[1].length = 0;
    instants[0] = at, instants[1] = RAPSHEET_NOW, instants[2] = INT64_MAX;
    REFUSED(rapsheet_lookup_many(snapshot, batch, texts, instants, 0, results, 3, &error), RAPSHEET_ERROR_USAGE, "row 2:");
}

/* The present is that of the clock, also for a row among others. */
static void present(void)
{
    rapsheet_text texts[2] = {{"45.9.20.5", 9}, {"45.9.20.5", 9}};
    rapsheet_result results[2];
    int64_t instants[2];
    instants[0] = at, instants[1] = RAPSHEET_NOW;
    CHECK(rapsheet_lookup_many(snapshot, batch, texts, instants, 0, results, 2, &error) == RAPSHEET_OK);
    CHECK(results[0].status == RAPSHEET_BLOCKLISTED);
    CHECK(rapsheet_lookup(snapshot, "45.9.20.5", 9, RAPSHEET_NOW, &result, &error) == RAPSHEET_OK);
    CHECK(results[1].status == result.status);
    /* So that the check means something: long ago, no feed was stale, and nothing was listed. */
    CHECK(rapsheet_lookup(snapshot, "45.9.20.5", 9, 0, &results[0], &error) == RAPSHEET_OK);
    CHECK(results[0].status != result.status);
}

static void documents(void)
{
    char *json = (char *)&seed;
    size_t length = 1;
    rapsheet_details *details = (rapsheet_details *)&seed;
    REFUSED(rapsheet_lookup_json(snapshot, "45.9.20.5", 9, at, 64, &json, &length, &error), RAPSHEET_ERROR_USAGE, "0x40");
    CHECK(json == NULL);
    REFUSED(rapsheet_lookup_json(snapshot, "a", 1, at, 0, NULL, &length, &error), RAPSHEET_ERROR_USAGE, "`json`");
    REFUSED(rapsheet_lookup_json(NULL, "a", 1, at, 0, &json, &length, &error), RAPSHEET_ERROR_USAGE, "`snapshot`");
    REFUSED(rapsheet_info_json(NULL, at, &json, &length, &error), RAPSHEET_ERROR_USAGE, "`snapshot`");
    REFUSED(rapsheet_feeds_json(snapshot, INT64_MAX, &json, &length, &error), RAPSHEET_ERROR_USAGE, "years");
    CHECK(json == NULL);
    REFUSED(rapsheet_lookup_details(snapshot, "localhost", 9, at, &details, &error), RAPSHEET_ERROR_USAGE, "single-label");
    CHECK(details == NULL && rapsheet_details_sources(NULL, NULL) == NULL && rapsheet_details_indicator(NULL) == NULL);
    CHECK(rapsheet_details_sources(NULL, &length) == NULL && length == 0);
    CHECK(rapsheet_details_status(NULL) == RAPSHEET_NO_INDICATOR);
    CHECK(rapsheet_status_word(7) == NULL && rapsheet_reason_word(0) == NULL && rapsheet_assessment_word(999) == NULL);
    rapsheet_close(NULL);
    rapsheet_batch_free(NULL);
    rapsheet_details_free(NULL);
    rapsheet_string_free(NULL);
}

/* A text, in memory of its own length. Half of them begin as indicators do. */
static rapsheet_text random_text(void)
{
    static const char *starts[] = {"45.9.20.5", "evilpanel.com", "http://", "2001:db8::", "hxxp://x[.]", "*.", "a.b", "[", "\xf0\x9f",
                                   "xn--", "1.2.3.4-", "10.0.0.0/"};
    static const char letters[] = "abcxyz019.-_:/@[]%?#*\\\"' \t\r\n\x01\x7f\x80\xc3\xa9\xe2\x80\xae\xf0\x9f\x98\x80\xff";
    rapsheet_text text;
    size_t length = next() % 64, at_most = next() % 1000 == 0 ? 1 << 20 : 300, row;
    char *bytes;
    if (next() % 50 == 0)
        length = next() % at_most;
    bytes = malloc(length + 1);
    for (row = 0; row < length; row++)
        bytes[row] = next() % 40 == 0 ? (char)next() : letters[next() % (sizeof letters - 1)];
    if (next() % 2 == 0) {
        const char *start = starts[next() % (sizeof starts / sizeof *starts)];
        memcpy(bytes, start, strlen(start) < length ? strlen(start) : length);
    }
    text.data = realloc(bytes, length > 0 ? length : 1);
    text.length = length;
    return text;
}

/* All functions agree on what a text is. */
static void compare(const rapsheet_text *text, const rapsheet_result *row)
{
    char *json;
    size_t length, count;
    rapsheet_details *details;
    int code = rapsheet_lookup(snapshot, text->data, text->length, at, &result, &error);
    CHECK(code == (row->status == RAPSHEET_NO_INDICATOR ? RAPSHEET_ERROR_USAGE : RAPSHEET_OK));
    CHECK(row->status == result.status && row->reason == result.reason && row->assessments == result.assessments);
    CHECK(row->detected_by == result.detected_by);
    CHECK(rapsheet_lookup_json(snapshot, text->data, text->length, at, RAPSHEET_JSON_LINE, &json, &length, &error) == code);
    CHECK(json != NULL && strlen(json) == length && json[length - 1] == '\n' && strchr(json, '\n') == json + length - 1);
    rapsheet_string_free(json);
    CHECK(rapsheet_lookup_details(snapshot, text->data, text->length, at, &details, &error) == code);
    if (code == RAPSHEET_OK) {
        rapsheet_details_sources(details, &count);
        CHECK(rapsheet_details_status(details) == row->status && (count > 0) == (row->listing != RAPSHEET_NO_LISTING));
    }
    rapsheet_details_free(details);
}

static void random_texts(size_t total)
{
    static rapsheet_text texts[1000];
    static rapsheet_result results[1000];
    size_t row, indicators = 0;
    for (; total > 0; total -= total < 1000 ? total : 1000) {
        for (row = 0; row < 1000; row++)
            texts[row] = random_text();
        CHECK(rapsheet_lookup_many(snapshot, batch, texts, NULL, at, results, 1000, &error) == RAPSHEET_OK);
        for (row = 0; row < 1000; row++) {
            compare(&texts[row], &results[row]);
            indicators += results[row].status != RAPSHEET_NO_INDICATOR;
            free((char *)texts[row].data);
        }
    }
    CHECK(indicators > 10);
}

int main(int argc, char **argv)
{
    const char *const *providers;
    size_t count;
    if (argc != 5)
        return 2;
    path = argv[1], damaged_path = argv[2], at = strtoll(argv[3], NULL, 10);
    opening();
    trusting();
    single();
    arrays();
    present();
    documents();
    random_texts(strtoul(argv[4], NULL, 10));
    /* What a batch gave outlives the snapshot. */
    {
        rapsheet_text text = {"45.9.20.5", 9};
        CHECK(rapsheet_lookup_many(snapshot, batch, &text, NULL, at, &result, 1, &error) == RAPSHEET_OK);
    }
    rapsheet_close(snapshot);
    CHECK(rapsheet_batch_providers(batch, result.listing, &providers, &count, &error) == RAPSHEET_OK && count == 1);
    CHECK(strcmp(providers[0], "bad.example") == 0);
    rapsheet_batch_free(batch);
    puts("done");
    return 0;
}
