package rapsheet

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The snapshot of the tests blocks 45.9.20.5 as a botnet at the instant of the tests; bad.example says so.
func open(t *testing.T, options ...Option) (*Snapshot, time.Time) {
	t.Helper()
	path := os.Getenv("RAPSHEET_TEST_SNAPSHOT")
	if path == "" {
		t.Skip("needs RAPSHEET_TEST_SNAPSHOT and RAPSHEET_TEST_AT")
	}
	seconds, err := strconv.ParseInt(os.Getenv("RAPSHEET_TEST_AT"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := Open(path, options...)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot, time.Unix(seconds, 0)
}

func TestAnswers(t *testing.T) {
	snapshot, at := open(t, Follow)
	defer snapshot.Close()
	result, err := snapshot.Lookup("45[.]9[.]20[.]5", at)
	if err != nil || result.Status != Blocklisted || result.DetectedBy != 1 || result.Assessments.Words()[0] != "botnet" {
		t.Fatalf("%+v, %v", result, err)
	}
	other, err := snapshot.LookupAddr(netip.MustParseAddr("45.9.20.5"), at)
	if err != nil || other.Status != Blocklisted {
		t.Fatalf("%+v, %v", other, err)
	}
	json, err := snapshot.JSON("45.9.20.5", at)
	if err != nil || !bytes.Contains(json, []byte(`"status":1,"verdict":"blocklisted"`)) || bytes.HasSuffix(json, []byte("\n")) {
		t.Fatalf("%s, %v", json, err)
	}
	if replaced, err := snapshot.Refresh(); replaced || err != nil {
		t.Fatalf("%v, %v", replaced, err)
	}
}

func TestBatch(t *testing.T) {
	snapshot, at := open(t)
	defer snapshot.Close()
	batch := NewBatch()
	defer batch.Free()
	indicators := []string{"45.9.20.5", "", "goodpanel.com", "192.0.2.1", "45.9.20.5\x00"}
	statuses := []Status{Blocklisted, NoIndicator, Allowlisted, Unknown, NoIndicator}
	for round := 0; round < 3; round++ {
		results, err := batch.Lookup(snapshot, indicators, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		for row, result := range results {
			if result.Status != statuses[row] {
				t.Errorf("%q: %v", indicators[row], result)
			}
		}
		if names := results[0].Providers; len(names) != 1 || names[0] != "bad.example" {
			t.Errorf("%v", names)
		}
	}
	past := []time.Time{at, at.AddDate(0, -3, 0)}
	results, err := batch.LookupAt(snapshot, []string{"45.9.20.5", "45.9.20.5"}, past, nil)
	if err != nil || results[0].Status != Blocklisted || results[1].Status != Unknown && results[1].Status != Failed {
		t.Fatalf("%+v, %v", results, err)
	}
	if results, err := batch.Lookup(snapshot, nil, Now, nil); err != nil || len(results) != 0 {
		t.Fatalf("%v, %v", results, err)
	}
}

func TestErrors(t *testing.T) {
	var failure *Error
	if _, err := Open("/no/such.rap"); !errors.As(err, &failure) || failure.Code != 4 {
		t.Fatalf("%v", err)
	}
	snapshot, at := open(t)
	result, err := snapshot.Lookup("010.0.0.1", at)
	if !errors.As(err, &failure) || failure.Code != 2 || result.Reason != "leading-zero" {
		t.Fatalf("%+v, %v", result, err)
	}
	snapshot.Close()
	snapshot.Close()
	if _, err := snapshot.Lookup("192.0.2.1", at); err != ErrClosed {
		t.Fatalf("%v", err)
	}
}

// Close waits for the calls that use the snapshot.
func TestGoroutines(t *testing.T) {
	snapshot, at := open(t)
	var group sync.WaitGroup
	for one := 0; one < 16; one++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				result, err := snapshot.Lookup("45.9.20.5", at)
				if err == ErrClosed {
					return
				}
				if err != nil || result.Status != Blocklisted {
					t.Errorf("%+v, %v", result, err)
					return
				}
			}
		}()
	}
	time.Sleep(100 * time.Millisecond)
	snapshot.Close()
	group.Wait()
}
