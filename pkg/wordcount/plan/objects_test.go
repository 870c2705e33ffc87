package plan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestInputsInS3AreObjectsFoldersAndPatterns(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	for _, key := range []string{"logs/a/1.gz", "logs/a/2.txt", "logs/b/3.gz", "logs2", "one*", "oneself", "s*ar/z", "é +&%/x"} {
		server.Put(t, "bucket", key, "words")
	}
	server.Put(t, "bucket", "logs/a/", "")
	objects := func(o Options, inputs ...string) (keys []string, m Manifest) {
		t.Helper()
		m, err := Scan(t.Context(), inputs, "", o)
		check.Must(t, err)
		for _, f := range m.Files {
			key, ok := strings.CutPrefix(f.Path, "s3://bucket/")
			if !ok || f.ETag == "" || f.Size != 5 || f.MTime == 0 || f.Inode != 0 {
				t.Errorf("%+v", f)
			}
			keys = append(keys, key)
		}
		return keys, m
	}
	for input, want := range map[string][]string{
		"s3://bucket/logs":      {"logs/a/1.gz", "logs/a/2.txt", "logs/b/3.gz"},
		"s3://bucket/logs/a/":   {"logs/a/1.gz", "logs/a/2.txt"},
		"s3://bucket/logs2":     {"logs2"},
		"s3://bucket/logs*":     {"logs/a/1.gz", "logs/a/2.txt", "logs/b/3.gz", "logs2"},
		"s3://bucket/**/*.gz":   {"logs/a/1.gz", "logs/b/3.gz"},
		"s3://bucket/logs/*/3*": {"logs/b/3.gz"},
		"s3://bucket/one*":      {"one*"}, // it exists as it is written
		`s3://bucket/s\*ar/z`:   {"s*ar/z"},
		`s3://bucket/s\*ar/*`:   {"s*ar/z"},
		"s3://bucket/é +&%":     {"é +&%/x"},
		"s3://bucket":           {"logs/a/1.gz", "logs/a/2.txt", "logs/b/3.gz", "logs2", "one*", "oneself", "s*ar/z", "é +&%/x"},
	} {
		if got, _ := objects(Options{}, input); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", input, got, want)
		}
	}
	got, m := objects(Options{Selection: Selection{Exclude: []string{"a/", "*2"}}}, "s3://bucket/logs", "s3://bucket/logs2", "s3://bucket/one*")
	if !slices.Equal(got, []string{"logs/b/3.gz", "logs2", "one*"}) || fmt.Sprint(m.Skipped) != `[{s3://bucket/logs/a excluded by "a/"} {s3://bucket/logs/a/ the mark of a folder}]` {
		t.Errorf("counted %q, skipped %q", got, m.Skipped)
	}
	for input, says := range map[string]string{
		"s3://bucket/none":   "there is no object \"s3://bucket/none\", and none below it",
		"s3://bucket/none*":  "no file and no folder matches \"s3://bucket/none*\"",
		"s3://nobucket/logs": "\"s3://nobucket/logs/\": S3 says 404 NoSuchBucket",
		"s3://":              "write s3://bucket/key",
	} {
		_, err := Scan(t.Context(), []string{input}, "", Options{})
		check.IsError(t, err, protocol.ErrInput, says)
	}
}

func TestOnlyObjectsThatWouldBeCutAreLookedInto(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	server.Put(t, "bucket", "in/small.gz", string(check.Gzip(t, "words")))
	server.Put(t, "bucket", "in/large.gz", string(check.Gzip(t, check.Words(1000))))
	server.Put(t, "bucket", "in/large", check.Words(1000))
	server.Put(t, "bucket", "in/nul", "\x00")
	var gets atomic.Int32
	server.Before(t, func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/in/") {
			gets.Add(1)
		}
		return s3test.Fault{}
	})
	m, err := Scan(t.Context(), []string{"s3://bucket/in"}, "", Options{Split: 500})
	check.Must(t, err)
	if len(m.Files) != 4 || m.Files[0].Whole || !m.Files[1].Whole || m.Files[2].Whole || gets.Load() != 2 {
		t.Errorf("%+v, after %d requests", m.Files, gets.Load())
	}
	m, err = Scan(t.Context(), []string{"s3://bucket/in"}, "", Options{Selection: Selection{Skip: Skip{Binary: true}}})
	check.Must(t, err)
	if len(m.Cuts) > 0 || len(m.Files) != 3 || len(m.Skipped) != 1 || m.Skipped[0].Why != whyBinary {
		t.Errorf("%+v, skipped %+v", m.Files, m.Skipped)
	}
}

// One request is for the beginning, one for the footer of the table, and one for the table.
func TestASeekableObjectIsCutByThreeRequests(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	texts := slices.Repeat([]string{check.Words(100)}, 20)
	server.Put(t, "bucket", "in/seekable", string(check.SeekableZstd(texts...)))
	var gets atomic.Int32
	server.Before(t, func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/in/") {
			gets.Add(1)
		}
		return s3test.Fault{}
	})
	m, err := Scan(t.Context(), []string{"s3://bucket/in"}, "", Options{Split: 1})
	check.Must(t, err)
	if len(m.Cuts["s3://bucket/in/seekable"]) != 19 || gets.Load() != 3 {
		t.Errorf("%+v after %d requests", m.Cuts, gets.Load())
	}
}

func TestFault75APlanThatIsInterruptedSaysSo(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	server.Put(t, "bucket", "in/large", check.Words(1000))
	forever := make(chan struct{})
	defer close(forever)
	for _, at := range []struct{ method, query string }{
		{http.MethodHead, ""}, {http.MethodGet, "list-type"}, {http.MethodGet, "x-id"},
	} {
		for _, held := range []bool{true, false} { // in the middle of an answer, or before it
			ctx, cancel := context.WithCancel(t.Context())
			server.Before(t, func(r *http.Request) s3test.Fault {
				if r.Method != at.method || !strings.Contains(r.URL.RawQuery, at.query) {
					return s3test.Fault{}
				}
				if held {
					time.AfterFunc(100*time.Millisecond, cancel)
					return s3test.Fault{Hold: forever}
				}
				cancel()
				<-r.Context().Done()
				return s3test.Fault{}
			})
			_, err := Scan(ctx, []string{"s3://bucket/in"}, "", Options{Split: 500})
			if !errors.Is(err, context.Canceled) || errors.Is(err, protocol.ErrInput) {
				t.Errorf("%+v: %v", at, err)
			}
			cancel()
		}
	}
}

func TestFault75AnObjectThatChangesWhileItIsPlannedIsLeftToAWorker(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	server.Put(t, "bucket", "in/gone", check.Words(1000))
	server.Put(t, "bucket", "in/other", check.Words(1000))
	server.Before(t, func(r *http.Request) s3test.Fault {
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/in/gone"):
			return s3test.Fault{Status: http.StatusNotFound, Code: "NoSuchKey"}
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/in/other"):
			return s3test.Fault{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed"}
		}
		return s3test.Fault{}
	})
	for _, o := range []Options{{Split: 500}, {Selection: Selection{Skip: Skip{Binary: true}}}} {
		m, err := Scan(t.Context(), []string{"s3://bucket/in"}, "", o)
		if check.Must(t, err); len(m.Files) != 2 || len(m.Skipped) != 0 {
			t.Errorf("%+v, skipped %+v", m.Files, m.Skipped)
		}
	}
}

func TestAnObjectThatMayNotBeReadIsSkippedIfAskedFor(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	server.Put(t, "bucket", "in/mine", check.Words(1000))
	server.Put(t, "bucket", "in/theirs", check.Words(1000))
	server.Before(t, func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/in/theirs") {
			return s3test.Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
		}
		return s3test.Fault{}
	})
	_, err := Scan(t.Context(), []string{"s3://bucket/in"}, "", Options{Split: 500})
	check.IsError(t, err, ErrForbidden, `"s3://bucket/in/theirs": S3 says 403 AccessDenied`)
	m, err := Scan(t.Context(), []string{"s3://bucket/in"}, "", Options{Split: 500, Selection: Selection{Skip: Skip{Unreadable: true}}})
	check.Must(t, err)
	if len(m.Files) != 1 || fmt.Sprint(m.Skipped) != "[{s3://bucket/in/theirs unreadable}]" {
		t.Errorf("%+v, skipped %+v", m.Files, m.Skipped)
	}
}

// pagesOf answers listings with so many objects, in pages of a thousand.
func pagesOf(objects int) func(*http.Request) s3test.Fault {
	return func(r *http.Request) s3test.Fault {
		first := 0
		fmt.Sscan(r.URL.Query().Get("continuation-token"), &first)
		var b strings.Builder
		fmt.Fprintf(&b, "<ListBucketResult><IsTruncated>%v</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", first+1000 < objects, first+1000)
		for i := first; i < min(first+1000, objects); i++ {
			fmt.Fprintf(&b, `<Contents><Key>logs/2026/11/27/host-%02d/access-%09d.json.gz</Key><Size>1000</Size><LastModified>2026-11-27T00:00:00Z</LastModified><ETag>&quot;%032x&quot;</ETag></Contents>`, i%100, i, i)
		}
		return s3test.Fault{Status: 200, Body: b.String() + "</ListBucketResult>"}
	}
}

// objectBytes is what a plan takes of memory for each object at most, once it is made. The README says
// some 400.
const objectBytes = 600

func TestFault75AListingTakesBoundedMemoryForEachObject(t *testing.T) {
	server := s3test.Start(t)
	const objects = 50_000
	server.Before(t, pagesOf(objects))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, err := Scan(t.Context(), []string{"s3://bucket/logs/"}, "", Options{})
	check.Must(t, err)
	splits := New(m, Options{}).Splits()
	entries := Entries(splits)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if len(m.Files) != objects || len(splits) == 0 {
		t.Fatalf("%d objects in %d splits", len(m.Files), len(splits))
	}
	each := int(after.HeapAlloc-before.HeapAlloc) / objects
	t.Logf("%d bytes for each object", each)
	if each > objectBytes {
		t.Errorf("an object takes %d bytes", each)
	}
	runtime.KeepAlive(m)
	runtime.KeepAlive(splits)
	runtime.KeepAlive(entries)
}
