// Looks up the lines of stdin, many at once, and prints what `rapsheet lookup --output tsv` prints.
//
// See the package rapsheet for what it needs. A second argument is the instant to answer for, in seconds since 1970.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"rapsheet.example/rapsheet"
)

// How many lines are looked up together.
const lines = 1024

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: lookup SNAPSHOT [SECONDS] < INDICATORS")
		os.Exit(2)
	}
	at := rapsheet.Now
	if len(os.Args) == 3 {
		seconds, err := strconv.ParseInt(os.Args[2], 10, 64)
		exitOn(err)
		at = time.Unix(seconds, 0)
	}
	exitOn(run(os.Args[1], at, os.Stdin, os.Stdout))
}

func exitOn(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "lookup:", err)
	code := 1
	if failure, is := err.(*rapsheet.Error); is {
		code = failure.Code
	}
	os.Exit(code)
}

func run(path string, at time.Time, in io.Reader, out io.Writer) error {
	snapshot, err := rapsheet.Open(path)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	batch := rapsheet.NewBatch()
	defer batch.Free()
	writer := bufio.NewWriter(out)
	defer writer.Flush()
	scanner := bufio.NewScanner(in)
	results := []rapsheet.Result{}
	for {
		indicators := []string{}
		for len(indicators) < lines && scanner.Scan() {
			if line := strings.TrimSuffix(scanner.Text(), "\r"); line != "" {
				indicators = append(indicators, line)
			}
		}
		if len(indicators) == 0 {
			return scanner.Err()
		}
		if results, err = batch.Lookup(snapshot, indicators, at, results[:0]); err != nil {
			return err
		}
		for row, indicator := range indicators {
			print(writer, indicator, &results[row])
		}
	}
}

func print(writer io.Writer, indicator string, result *rapsheet.Result) {
	if result.Status == rapsheet.NoIndicator {
		fmt.Fprintf(writer, "%s\t%s\t\t\t\n", indicator, result.Reason)
		return
	}
	words := strings.Join(result.Assessments.Words(), ",")
	providers := strings.Join(result.Providers, ",")
	fmt.Fprintf(writer, "%s\t%d\t%d\t%s\t%s\n", indicator, result.Status, result.DetectedBy, words, providers)
}
