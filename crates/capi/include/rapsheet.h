/**
 * rapsheet: which public blocklists and allowlists list an address, a name or a URL, as what, and
 * until when.
 *
 * A program opens a snapshot, which `rapsheet build` or `rapsheet update` made, and looks
 * indicators up:
 *
 *     rapsheet_snapshot *snapshot;
 *     rapsheet_error error;
 *     rapsheet_result result;
 *     if (rapsheet_open("rapsheet.rap", 0, &snapshot, &error) != RAPSHEET_OK) {
 *         fprintf(stderr, "%s
", error.message);
 *         exit(error.code);
 *     }
 *     if (rapsheet_lookup(snapshot, "192.0.2.1", 9, RAPSHEET_NOW, &result, NULL) == RAPSHEET_OK
 *         && result.status == RAPSHEET_BLOCKLISTED) ...
 *     rapsheet_close(snapshot);
 *
 * Functions that can fail return RAPSHEET_OK or one of RAPSHEET_ERROR_..., which are the exit codes
 * of the command line, and report to a rapsheet_error of the caller, unless that is NULL. No panic
 * and no exception leaves the library. It starts no thread, and reads the clock for RAPSHEET_NOW
 * alone. All threads may use one snapshot at the same time; a batch is for one thread at a time.
 * What the library gives is freed with the function that is named, and not with free().
 */

#ifndef RAPSHEET_H
#define RAPSHEET_H

/* cbindgen makes this file of the library's source: change that. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Done.
 */
#define RAPSHEET_OK 0

/**
 * An argument cannot be used: NULL, unknown flags, an instant out of range, or a text that is no
 * indicator.
 */
#define RAPSHEET_ERROR_USAGE 2

/**
 * A snapshot was refused: it is missing, damaged, truncated, or of another version.
 */
#define RAPSHEET_ERROR_REFUSED 4

/**
 * The system granted too little: memory, or descriptors.
 */
#define RAPSHEET_ERROR_UNFINISHED 5

/**
 * A defect of this library, which ended the call and nothing else. Please report it.
 */
#define RAPSHEET_ERROR_INTERNAL 70

/**
 * As an instant: the present. The library reads the system's clock once in the call, and at no
 * other time.
 */
#define RAPSHEET_NOW INT64_MIN

/**
 * Opens without reading the whole file: checks its header, its table and lengths only. For files
 * that were verified when they were installed. Goes with no other flag.
 */
#define RAPSHEET_OPEN_TRUSTED 1

/**
 * Lets rapsheet_refresh() take newer snapshots that are published at the path.
 */
#define RAPSHEET_OPEN_FOLLOW 2

/**
 * Reads files of up to 512 MiB into memory instead of mapping them, so that a program that writes
 * to the file in place does no harm.
 */
#define RAPSHEET_OPEN_IN_MEMORY 4

/**
 * Status: only allowlists list it.
 */
#define RAPSHEET_ALLOWLISTED 0

/**
 * Status: at least one provider has it on a blocklist.
 */
#define RAPSHEET_BLOCKLISTED 1

/**
 * Status: not listed, and the data of every provider that could list it is missing or too old.
 */
#define RAPSHEET_FAILED 3

/**
 * Status: not listed.
 */
#define RAPSHEET_UNKNOWN 5

/**
 * Status: the text is no indicator.
 */
#define RAPSHEET_NO_INDICATOR 255

/**
 * Bits of assessments. A new assessment gets a new bit; these never change.
 */
#define RAPSHEET_BOTNET 1

#define RAPSHEET_MALWARE 2

#define RAPSHEET_PHISHING 4

#define RAPSHEET_BRUTEFORCE 8

#define RAPSHEET_SPAM 16

#define RAPSHEET_SCANNER 32

#define RAPSHEET_TOR 64

#define RAPSHEET_HIGH_RISK 128

#define RAPSHEET_SUSPICIOUS 256

#define RAPSHEET_BLACKLIST 512

#define RAPSHEET_TRUSTWORTHY 1024

/**
 * As the number of a listing: there is none.
 */
#define RAPSHEET_NO_LISTING UINT32_MAX

/**
 * As a time of a source: not in the snapshot.
 */
#define RAPSHEET_NO_TIME INT64_MIN

/**
 * JSON: adds a row for each provider that does not list the indicator.
 */
#define RAPSHEET_JSON_ALL_SOURCES 1

/**
 * JSON: on one line, as `rapsheet lookup --output jsonl`; without it indented, as `--output json`.
 */
#define RAPSHEET_JSON_LINE 2

/**
 * The longest text of an indicator, in bytes. A longer one is no indicator (`too-long`), and its
 * bytes are not read, but for the first 80, which JSON repeats.
 */
#define RAPSHEET_TEXT_MAX 65535

/**
 * The size of a message, with the zero at its end.
 */
#define RAPSHEET_MESSAGE_SIZE 1020

/**
 * The memory of look-ups, which one thread at a time uses. C knows its address alone.
 */
typedef struct rapsheet_batch rapsheet_batch;

/**
 * A full answer. C knows its address alone.
 */
typedef struct rapsheet_details rapsheet_details;

/**
 * An open snapshot. C knows its address alone.
 */
typedef struct rapsheet_snapshot rapsheet_snapshot;

/**
 * Why a call failed. It belongs to the caller, who may put it on the stack and need not initialize
 * it. Each function that takes one also takes NULL. A call that succeeds sets the code to
 * RAPSHEET_OK and the message to an empty text.
 */
typedef struct rapsheet_error {
    /**
     * What the function returned.
     */
    int32_t code;
    /**
     * What was expected, what was found, and what to do: UTF-8, ends with a zero. Of a longer text
     * the middle is left out.
     */
    char message[RAPSHEET_MESSAGE_SIZE];
} rapsheet_error;

/**
 * The short answer to one indicator.
 */
typedef struct rapsheet_result {
    /**
     * RAPSHEET_BLOCKLISTED, RAPSHEET_ALLOWLISTED, RAPSHEET_FAILED, RAPSHEET_UNKNOWN or
     * RAPSHEET_NO_INDICATOR.
     */
    uint8_t status;
    /**
     * Why the text is no indicator; a number for rapsheet_reason_word(). 0 if it is one.
     */
    uint8_t reason;
    /**
     * What the sightings that decide the status say: a set of bits such as RAPSHEET_BOTNET.
     */
    uint16_t assessments;
    /**
     * How many providers have it on a blocklist.
     */
    uint32_t detected_by;
    /**
     * A number for rapsheet_batch_providers(). RAPSHEET_NO_LISTING if nothing lists it, and from
     * other functions than rapsheet_lookup_many().
     */
    uint32_t listing;
    /**
     * 0. For later versions.
     */
    uint32_t reserved;
} rapsheet_result;

/**
 * A text: bytes, and how many. It needs no zero at its end, and may contain any bytes. NULL is an
 * empty text if the length is 0.
 */
typedef struct rapsheet_text {
    const char *data;
    size_t length;
} rapsheet_text;

/**
 * One live sighting: what one feed says of the indicator. Texts are UTF-8, end with a zero, and
 * live as long as the details that they are from. Times are seconds since 1970-01-01T00:00:00Z.
 */
typedef struct rapsheet_source {
    /**
     * The provider, written as a host.
     */
    const char *provider;
    /**
     * The id of the feed.
     */
    const char *feed;
    /**
     * The entry that matched: an address, prefix or range, a name (with `*.` if only names below
     * it are listed), a URL.
     */
    const char *matched;
    /**
     * When the feed first listed it.
     */
    int64_t first_seen;
    /**
     * When the feed last confirmed it.
     */
    int64_t detect_time;
    /**
     * When the feed's download was retrieved, or RAPSHEET_NO_TIME.
     */
    int64_t update_time;
    /**
     * From when on it no longer counts.
     */
    int64_t expires;
    /**
     * A set of bits such as RAPSHEET_BOTNET.
     */
    uint16_t assessments;
    /**
     * RAPSHEET_BLOCKLISTED or RAPSHEET_ALLOWLISTED.
     */
    uint8_t status;
    /**
     * Whether the feed is failed, held or stale: 0 or 1.
     */
    uint8_t stale;
    /**
     * 0. For later versions.
     */
    uint32_t reserved;
} rapsheet_source;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library, such as "0.1.0". It lives as long as the program.
 */
const char *rapsheet_version(void);

/**
 * Opens the snapshot at a path, which ends with a zero, and puts its handle into *snapshot; NULL
 * if that fails.
 *
 * flags: 0, or some of RAPSHEET_OPEN_.... With 0 every byte is read once and checked, and a file
 * of which one bit differs from what was built is refused; then it is mapped. All threads may use
 * one handle at the same time. It belongs to the caller, who ends it with rapsheet_close().
 *
 * Returns RAPSHEET_OK, RAPSHEET_ERROR_USAGE, RAPSHEET_ERROR_REFUSED or RAPSHEET_ERROR_UNFINISHED.
 */
int32_t rapsheet_open(const char *path,
                      uint32_t flags,
                      struct rapsheet_snapshot **snapshot,
                      struct rapsheet_error *error);

/**
 * Closes a handle. NULL is nothing. No other call may be using the handle, or use it afterwards;
 * batches, details and texts that came from it stay usable.
 */
void rapsheet_close(struct rapsheet_snapshot *snapshot);

/**
 * Takes the snapshot that was published at the path since, if there is one, and sets *replaced to
 * whether there was; replaced may be NULL. For handles that were opened with RAPSHEET_OPEN_FOLLOW.
 *
 * If there is none, the call costs a microsecond: it asks for the metadata of the path. The
 * library starts no thread, so call this every few seconds, from any thread; the others never
 * wait, and a call that has begun ends with the snapshot that it began with. If what is at the
 * path is no sound snapshot, the call returns RAPSHEET_ERROR_REFUSED once, and the previous
 * snapshot goes on answering; unless the file was written to in place while it was mapped, when
 * all calls return RAPSHEET_ERROR_REFUSED until a sound one is there.
 */
int32_t rapsheet_refresh(const struct rapsheet_snapshot *snapshot,
                         bool *replaced,
                         struct rapsheet_error *error);

/**
 * Puts the instant at which the snapshot was built into *built_at, in seconds since 1970.
 */
int32_t rapsheet_built_at(const struct rapsheet_snapshot *snapshot,
                          int64_t *built_at,
                          struct rapsheet_error *error);

/**
 * Looks one indicator up, as of an instant, and puts the short answer into *result.
 *
 * text, length: an address, a prefix, a range, a name or a URL, in any common spelling; it may be
 * defanged, in brackets, or have a port. at: seconds since 1970, or RAPSHEET_NOW. A text that is
 * no indicator is answered with the status RAPSHEET_NO_INDICATOR and a reason, and the call
 * returns RAPSHEET_ERROR_USAGE; after another error, the reason is 0. A prefix or a range visits
 * all that it overlaps: a wide one takes as long as a walk over the snapshot.
 */
int32_t rapsheet_lookup(const struct rapsheet_snapshot *snapshot,
                        const char *text,
                        size_t length,
                        int64_t at,
                        struct rapsheet_result *result,
                        struct rapsheet_error *error);

/**
 * Looks an address up that is there in network byte order, as in `struct in_addr` (length 4) and
 * `struct in6_addr` (length 16). The fastest call: it reads no text, and allocates nothing unless
 * the address is listed. An IPv4-mapped IPv6 address is the IPv4 address.
 */
int32_t rapsheet_lookup_address(const struct rapsheet_snapshot *snapshot,
                                const uint8_t *address,
                                size_t length,
                                int64_t at,
                                struct rapsheet_result *result,
                                struct rapsheet_error *error);

/**
 * Makes a batch: the memory that rapsheet_lookup_many() uses again and again, some megabytes. A
 * batch is for one thread at a time, and for any snapshot. It belongs to the caller, who frees it
 * with rapsheet_batch_free(). NULL if that fails.
 */
struct rapsheet_batch *rapsheet_batch_new(void);

/**
 * Frees a batch. NULL is nothing.
 */
void rapsheet_batch_free(struct rapsheet_batch *batch);

/**
 * Looks many indicators up: the answer to texts[i] is put into results[i]. Two to three times as
 * fast as single calls, and a row costs no allocation.
 *
 * instants: NULL, or as many instants, one a row; at: the instant of all rows if instants is NULL.
 * RAPSHEET_NOW is the same present for all rows of a call. An instant that many rows share is
 * prepared once; one takes some microseconds, more with many feeds; within 65,536 rows their order
 * does not matter. A row that is no indicator has the status RAPSHEET_NO_INDICATOR, and is no
 * error. All rows are answered from one snapshot. After an error, nothing may be read from
 * results.
 */
int32_t rapsheet_lookup_many(const struct rapsheet_snapshot *snapshot,
                             struct rapsheet_batch *batch,
                             const struct rapsheet_text *texts,
                             const int64_t *instants,
                             int64_t at,
                             struct rapsheet_result *results,
                             size_t count,
                             struct rapsheet_error *error);

/**
 * Puts the providers that decide the status of a listing into *providers, as an array of texts,
 * sorted, and how many into *count. The listing is the number in a result of the last call of
 * rapsheet_lookup_many() with this batch. The array and the texts belong to the batch, and live
 * until its next call.
 */
int32_t rapsheet_batch_providers(const struct rapsheet_batch *batch,
                                 uint32_t listing,
                                 const char *const **providers,
                                 size_t *count,
                                 struct rapsheet_error *error);

/**
 * Looks one indicator up and puts the full answer into *details: each live sighting, with feed,
 * entry and times. It belongs to the caller, who frees it with rapsheet_details_free(). NULL after
 * an error; a text that is no indicator is one.
 */
int32_t rapsheet_lookup_details(const struct rapsheet_snapshot *snapshot,
                                const char *text,
                                size_t length,
                                int64_t at,
                                struct rapsheet_details **details,
                                struct rapsheet_error *error);

/**
 * The overall status of details: RAPSHEET_BLOCKLISTED and so on. RAPSHEET_NO_INDICATOR for NULL.
 */
uint8_t rapsheet_details_status(const struct rapsheet_details *details);

/**
 * The indicator of details in canonical form: UTF-8, ends with a zero, lives as long as the
 * details. NULL for NULL.
 */
const char *rapsheet_details_indicator(const struct rapsheet_details *details);

/**
 * The sightings of details, as an array, and how many in *count, which may be NULL. They are
 * sorted by provider, feed, then most specific entry first, and live as long as the details. NULL
 * for NULL.
 */
const struct rapsheet_source *rapsheet_details_sources(const struct rapsheet_details *details,
                                                       size_t *count);

/**
 * Frees details. NULL is nothing.
 */
void rapsheet_details_free(struct rapsheet_details *details);

/**
 * Looks one indicator up and puts the text that `rapsheet lookup --output json` prints into *json,
 * byte for byte: UTF-8, with a line end and a zero at its end. length_of_json may be NULL; else it
 * gets the number of bytes without the zero.
 *
 * flags: 0, or some of RAPSHEET_JSON_.... A text that is no indicator gives the object that says
 * so, and the call returns RAPSHEET_ERROR_USAGE. Whatever the code, *json belongs to the caller,
 * who frees it with rapsheet_string_free(), or is NULL.
 */
int32_t rapsheet_lookup_json(const struct rapsheet_snapshot *snapshot,
                             const char *text,
                             size_t length,
                             int64_t at,
                             uint32_t flags,
                             char **json,
                             size_t *length_of_json,
                             struct rapsheet_error *error);

/**
 * Puts the feeds of the snapshot into *json, as an array of objects: what `GET /v1/feeds` of
 * `rapsheet serve` answers, indented. now: the instant for which feeds are stale or not, or
 * RAPSHEET_NOW. The text is as that of rapsheet_lookup_json().
 */
int32_t rapsheet_feeds_json(const struct rapsheet_snapshot *snapshot,
                            int64_t now,
                            char **json,
                            size_t *length_of_json,
                            struct rapsheet_error *error);

/**
 * Puts what `rapsheet info --output json` prints into *json: when the snapshot was built, of what,
 * and what it holds. The text is as that of rapsheet_lookup_json().
 */
int32_t rapsheet_info_json(const struct rapsheet_snapshot *snapshot,
                           int64_t now,
                           char **json,
                           size_t *length_of_json,
                           struct rapsheet_error *error);

/**
 * Frees a text that a function of this library put into *json. NULL is nothing.
 */
void rapsheet_string_free(char *text);

/**
 * The word of the assessment with the bit 1 << number: "botnet" for 0. NULL if there is none, so
 * that a program can count up to it. It lives as long as the program, as all words do.
 */
const char *rapsheet_assessment_word(uint32_t number);

/**
 * The word of a status: "blocklisted", "allowlisted", "failed", "unknown" or "no indicator". NULL
 * if there is none.
 */
const char *rapsheet_status_word(uint8_t status);

/**
 * The word that says why a text is no indicator, such as "leading-zero". NULL if there is none.
 * The words never change; the numbers may, from one version to the next.
 */
const char *rapsheet_reason_word(uint8_t reason);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RAPSHEET_H */
