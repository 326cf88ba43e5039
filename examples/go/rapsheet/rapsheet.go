// Package rapsheet looks indicators up in a rapsheet snapshot, over the C library.
//
// It needs the C library where pkg-config finds it:
//
//	make capi
//	export PKG_CONFIG_PATH=$PWD/dist/capi/lib/pkgconfig LD_LIBRARY_PATH=$PWD/dist/capi/lib
//	cd examples/go && go run . ../../demo/rapsheet.rap < indicators.txt
//
// A Snapshot may be used by any number of goroutines at the same time. A Batch is for one at a time.
package rapsheet

/*
#cgo pkg-config: rapsheet
#include <rapsheet.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// Status is the answer to an indicator.
type Status uint8

// The statuses, with the numbers of the command line.
const (
	Allowlisted Status = C.RAPSHEET_ALLOWLISTED
	Blocklisted Status = C.RAPSHEET_BLOCKLISTED
	Failed      Status = C.RAPSHEET_FAILED
	Unknown     Status = C.RAPSHEET_UNKNOWN
	NoIndicator Status = C.RAPSHEET_NO_INDICATOR
)

func (status Status) String() string {
	word := C.rapsheet_status_word(C.uint8_t(status))
	if word == nil {
		return "invalid"
	}
	return C.GoString(word)
}

// Assessments is a set of bits, such as that of "botnet".
type Assessments uint16

// Words are the words of the assessments, the strongest first.
func (set Assessments) Words() []string {
	words := []string{}
	for number := 0; ; number++ {
		word := C.rapsheet_assessment_word(C.uint32_t(number))
		if word == nil {
			return words
		}
		if set>>number&1 == 1 {
			words = append(words, C.GoString(word))
		}
	}
}

// Result is the short answer to an indicator.
type Result struct {
	Status      Status
	Assessments Assessments
	DetectedBy  int
	// Why the text is no indicator, such as "leading-zero".
	Reason string
	// The providers that decide the status; from Batch.Lookup alone.
	Providers []string
}

// Error says why a call failed. Its code is the exit code that the command line has for it.
type Error struct {
	Code    int
	Message string
}

func (err *Error) Error() string { return err.Message }

// ErrClosed is the error of calls on what was closed.
var ErrClosed = errors.New("rapsheet: it is closed")

func failure(code C.int32_t, report *C.rapsheet_error) error {
	if code == C.RAPSHEET_OK {
		return nil
	}
	return &Error{Code: int(code), Message: C.GoString(&report.message[0])}
}

// Now is the instant that stands for the present.
var Now time.Time

func seconds(at time.Time) C.int64_t {
	if at.IsZero() {
		return math.MinInt64
	}
	return C.int64_t(at.Unix())
}

// Option changes how a snapshot is opened.
type Option uint32

const (
	// Trusted opens without reading the whole file.
	Trusted Option = C.RAPSHEET_OPEN_TRUSTED
	// Follow lets Refresh take newer snapshots.
	Follow Option = C.RAPSHEET_OPEN_FOLLOW
	// InMemory reads the file into memory.
	InMemory Option = C.RAPSHEET_OPEN_IN_MEMORY
)

// Snapshot is an open snapshot.
type Snapshot struct {
	// Calls hold it for reading, so that Close waits for them.
	lock   sync.RWMutex
	handle *C.rapsheet_snapshot
}

// Open opens the snapshot at a path.
func Open(path string, options ...Option) (*Snapshot, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, &Error{Code: C.RAPSHEET_ERROR_USAGE, Message: "expected a path without a zero byte, found one"}
	}
	var flags C.uint32_t
	for _, option := range options {
		flags |= C.uint32_t(option)
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var report C.rapsheet_error
	snapshot := &Snapshot{}
	code := C.rapsheet_open(name, flags, &snapshot.handle, &report)
	if err := failure(code, &report); err != nil {
		return nil, err
	}
	return snapshot, nil
}

// Close closes a snapshot, after the calls that use it.
func (snapshot *Snapshot) Close() {
	snapshot.lock.Lock()
	defer snapshot.lock.Unlock()
	C.rapsheet_close(snapshot.handle)
	snapshot.handle = nil
}

// Refresh takes the snapshot that was published at the path since, if there is one. Call it every few seconds.
func (snapshot *Snapshot) Refresh() (bool, error) {
	snapshot.lock.RLock()
	defer snapshot.lock.RUnlock()
	if snapshot.handle == nil {
		return false, ErrClosed
	}
	var replaced C.bool
	var report C.rapsheet_error
	code := C.rapsheet_refresh(snapshot.handle, &replaced, &report)
	return bool(replaced), failure(code, &report)
}

// Lookup looks one indicator up, as of an instant or Now. A text that is no indicator is an error, and in the result.
func (snapshot *Snapshot) Lookup(indicator string, at time.Time) (Result, error) {
	snapshot.lock.RLock()
	defer snapshot.lock.RUnlock()
	if snapshot.handle == nil {
		return Result{}, ErrClosed
	}
	var result C.rapsheet_result
	var report C.rapsheet_error
	text := C.CString(indicator)
	defer C.free(unsafe.Pointer(text))
	length := C.size_t(len(indicator))
	code := C.rapsheet_lookup(snapshot.handle, text, length, seconds(at), &result, &report)
	return resultOf(&result), failure(code, &report)
}

// LookupAddr looks an address up, without a text.
func (snapshot *Snapshot) LookupAddr(address netip.Addr, at time.Time) (Result, error) {
	snapshot.lock.RLock()
	defer snapshot.lock.RUnlock()
	if snapshot.handle == nil {
		return Result{}, ErrClosed
	}
	octets := address.AsSlice()
	var first *C.uint8_t
	if len(octets) > 0 {
		first = (*C.uint8_t)(&octets[0])
	}
	var result C.rapsheet_result
	var report C.rapsheet_error
	length := C.size_t(len(octets))
	code := C.rapsheet_lookup_address(snapshot.handle, first, length, seconds(at), &result, &report)
	return resultOf(&result), failure(code, &report)
}

// JSON is what `rapsheet lookup --output jsonl` prints of an indicator, without the line end.
func (snapshot *Snapshot) JSON(indicator string, at time.Time) ([]byte, error) {
	snapshot.lock.RLock()
	defer snapshot.lock.RUnlock()
	if snapshot.handle == nil {
		return nil, ErrClosed
	}
	text := C.CString(indicator)
	defer C.free(unsafe.Pointer(text))
	var json *C.char
	var length C.size_t
	var report C.rapsheet_error
	code := C.rapsheet_lookup_json(snapshot.handle, text, C.size_t(len(indicator)), seconds(at),
		C.RAPSHEET_JSON_LINE, &json, &length, &report)
	defer C.rapsheet_string_free(json)
	line := C.GoBytes(unsafe.Pointer(json), C.int(length))
	if count := len(line); count > 0 && line[count-1] == '\n' {
		line = line[:count-1]
	}
	return line, failure(code, &report)
}

func resultOf(result *C.rapsheet_result) Result {
	answer := Result{
		Status:      Status(result.status),
		Assessments: Assessments(result.assessments),
		DetectedBy:  int(result.detected_by),
	}
	if word := C.rapsheet_reason_word(result.reason); word != nil {
		answer.Reason = C.GoString(word)
	}
	return answer
}

// Batch is the memory of many look-ups in one call.
//
// An array of strings cannot be handed to C, since it would be memory of Go that points to memory of Go. So their bytes are
// copied into memory of C, which is kept.
type Batch struct {
	handle   *C.rapsheet_batch
	bytes    buffer
	texts    buffer
	instants buffer
	results  buffer
}

// buffer is memory of C, which grows and does not shrink.
type buffer struct {
	start unsafe.Pointer
	size  int
}

func (buffer *buffer) reserve(size int) unsafe.Pointer {
	if size > buffer.size || buffer.start == nil {
		C.free(buffer.start)
		// C.malloc never returns nil: it ends the program instead.
		buffer.start, buffer.size = C.malloc(C.size_t(size+size/2+1)), size+size/2
	}
	return buffer.start
}

// NewBatch makes a batch.
func NewBatch() *Batch { return &Batch{handle: C.rapsheet_batch_new()} }

// Free frees a batch.
func (batch *Batch) Free() {
	C.rapsheet_batch_free(batch.handle)
	for _, one := range []*buffer{&batch.bytes, &batch.texts, &batch.instants, &batch.results} {
		C.free(one.start)
		*one = buffer{}
	}
	batch.handle = nil
}

// Lookup looks many indicators up, as of an instant or Now. The results are appended to those given, in the same order.
func (batch *Batch) Lookup(snapshot *Snapshot, indicators []string, at time.Time, results []Result) ([]Result, error) {
	return batch.lookup(snapshot, indicators, nil, seconds(at), results)
}

// LookupAt looks many indicators up, each as of its own instant. There have to be as many of both.
func (batch *Batch) LookupAt(snapshot *Snapshot, indicators []string, at []time.Time, results []Result) ([]Result, error) {
	if len(at) != len(indicators) {
		return results, &Error{Code: C.RAPSHEET_ERROR_USAGE, Message: "expected as many instants as indicators"}
	}
	count := len(at)
	instants := (*C.int64_t)(batch.instants.reserve(count * int(unsafe.Sizeof(C.int64_t(0)))))
	rows := unsafe.Slice(instants, count)
	for row, own := range at {
		rows[row] = seconds(own)
	}
	return batch.lookup(snapshot, indicators, instants, 0, results)
}

func (batch *Batch) lookup(snapshot *Snapshot, indicators []string, instants *C.int64_t, at C.int64_t, results []Result) ([]Result, error) {
	snapshot.lock.RLock()
	defer snapshot.lock.RUnlock()
	if snapshot.handle == nil || batch.handle == nil {
		return results, ErrClosed
	}
	count := len(indicators)
	texts := batch.copy(indicators)
	found := (*C.rapsheet_result)(batch.results.reserve(count * int(unsafe.Sizeof(C.rapsheet_result{}))))
	var report C.rapsheet_error
	code := C.rapsheet_lookup_many(snapshot.handle, batch.handle, texts, instants, at, found, C.size_t(count), &report)
	if err := failure(code, &report); err != nil {
		return results, err
	}
	rows := unsafe.Slice(found, count)
	providers := map[C.uint32_t][]string{}
	for row := range rows {
		result := resultOf(&rows[row])
		result.Providers = batch.providers(rows[row].listing, providers)
		results = append(results, result)
	}
	return results, nil
}

// copy copies the texts into memory of C.
func (batch *Batch) copy(indicators []string) *C.rapsheet_text {
	total := 0
	for _, indicator := range indicators {
		total += len(indicator)
	}
	bytes := unsafe.Slice((*byte)(batch.bytes.reserve(total+1)), total+1)
	texts := (*C.rapsheet_text)(batch.texts.reserve(len(indicators) * int(unsafe.Sizeof(C.rapsheet_text{}))))
	used := 0
	for row, indicator := range indicators {
		copy(bytes[used:], indicator)
		text := &unsafe.Slice(texts, len(indicators))[row]
		text.data = (*C.char)(unsafe.Pointer(&bytes[used]))
		text.length = C.size_t(len(indicator))
		used += len(indicator)
	}
	return texts
}

// providers are the names of a listing. Rows that are listed alike share them.
func (batch *Batch) providers(listing C.uint32_t, seen map[C.uint32_t][]string) []string {
	if listing == C.RAPSHEET_NO_LISTING {
		return nil
	}
	if names, found := seen[listing]; found {
		return names
	}
	var first **C.char
	var count C.size_t
	if C.rapsheet_batch_providers(batch.handle, listing, &first, &count, nil) != C.RAPSHEET_OK {
		return nil
	}
	names := []string{}
	for _, name := range unsafe.Slice(first, int(count)) {
		names = append(names, C.GoString(name))
	}
	seen[listing] = names
	return names
}
