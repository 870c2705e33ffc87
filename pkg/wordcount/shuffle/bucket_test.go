package shuffle

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// inS3 makes runs of stores in a bucket of a server. The server has each object as a file.
func inS3(server *s3test.Server) maker {
	var stores atomic.Int32
	return func(tb testing.TB) (r Run, maps string) {
		tb.Helper()
		prefix := fmt.Sprintf("a prefix/%d", stores.Add(1))
		s, err := Open(tb.Context(), "s3://bucket/"+prefix)
		check.Must(tb, err)
		tb.Cleanup(func() { check.Must(tb, s.Close()) })
		r = runOf(tb, s, aJob, aRun)
		check.Must(tb, r.Usable())
		check.Must(tb, r.Prepare())
		return r, filepath.Join(server.Root, "bucket", prefix, aJob, aRun, "map")
	}
}

// newServer starts a server that has a bucket.
func newServer(t *testing.T) *s3test.Server {
	t.Helper()
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	return server
}

func TestFault83AStoreInS3DoesWhatAFolderDoes(t *testing.T) {
	prepared := inS3(newServer(t))
	for what, test := range map[string]func(*testing.T, maker){
		"WhatIsWrittenIsRead":                            whatIsWrittenIsRead,
		"AMapOutputIsSeenWhenItIsFinished":               aMapOutputIsSeenWhenItIsFinished,
		"AnAbortLeavesNothing":                           anAbortLeavesNothing,
		"MoreSpillsThanTheFormatHasLeaveNothing":         moreSpillsThanTheFormatHasLeaveNothing,
		"TheFormatIsForEver":                             theFormatIsForEver,
		"AnOutputThatWasClosedIsReadAgain":               anOutputThatWasClosedIsReadAgain,
		"AMarkIsRestored":                                aMarkIsRestored,
		"AMapOutputIsRemoved":                            aMapOutputIsRemoved,
		"ARunThatIsDeletedWhileAMapOutputIsReadIsNoLoss": aRunThatIsDeletedWhileAMapOutputIsReadIsNoLoss,
		"AReaderThatLeavesEarlyIsUsedAgain":              aReaderThatLeavesEarlyIsUsedAgain,
		"ResultFilesHaveAllWordsInOneOrder":              resultFilesHaveAllWordsInOneOrder,
		"ACheckOfResultFilesEndsWithItsContext":          aCheckOfResultFilesEndsWithItsContext,
	} {
		t.Run(what, func(t *testing.T) { test(t, prepared) })
	}
}

func TestFault83WhatIsGoneOrDamagedInS3IsLost(t *testing.T) {
	prepared := inS3(newServer(t))
	for what, ruin := range map[string]func(path string) error{
		"deleted": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"cut":     func(path string) error { return os.Truncate(path, 100) },
		"zeros":   func(path string) error { return os.WriteFile(path, make([]byte, 100_000), 0o600) },
		"a bit": func(path string) error {
			text, err := os.ReadFile(path)
			if err == nil {
				text[len(text)/3] ^= 1
				err = os.WriteFile(path, text, 0o600)
			}
			return err
		},
	} {
		r, maps := prepared(t)
		check.Must(t, r.PrepareResults())
		put(t, r, aName, 4, numbered(10_000))
		files := publish(t, r, 2, numbered(100))
		out, err := r.Open(aName, 4)
		check.Must(t, err)
		check.Must(t, ruin(filepath.Join(maps, aName)))
		check.Must(t, ruin(filepath.Join(filepath.Dir(maps), "result", files[1].Name)))
		_, err = getAll(r, out, 4)
		isLost(t, err)
		_, err = get(r, aName, 4)
		isLost(t, err)
		if err := r.CheckFiles(t.Context(), files); !errors.Is(err, ErrLostResult) || errors.Is(err, ErrHost) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFault83WhatKeepsAHostFromS3IsNoLoss(t *testing.T) {
	server := newServer(t)
	var fault atomic.Pointer[s3test.Fault] // of requests about the map output
	server.Before(t, func(r *http.Request) s3test.Fault {
		if f := fault.Load(); f != nil && strings.Contains(r.URL.Path, "/map/") {
			return *f
		}
		return s3test.Fault{}
	})
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	s3.Forget()
	r, _ := inS3(server)(t)
	put(t, r, aName, 4, numbered(10_000))
	out, err := r.Open(aName, 4)
	check.Must(t, err)
	for what, f := range map[string]s3test.Fault{
		"403 AccessDenied": {Status: 403, Code: "AccessDenied"}, "503 SlowDown": {Status: 503, Code: "SlowDown"},
		"500": {Status: 500}, "404 NoSuchBucket": {Status: 404, Code: "NoSuchBucket"},
	} {
		fault.Store(&f)
		_, err := get(r, aName, 4)
		isOfHost(t, r, err, what)
		_, err = getAll(r, out, 4)
		isOfHost(t, r, err, what)
		w, err := r.Create(anotherName, 4)
		check.Must(t, err)
		check.Must(t, w.Add(numbered(10).table()))
		_, err = w.Finish()
		isOfHost(t, r, err, what)
		fault.Store(nil)
		_, err = get(r, aName, 4)
		check.Must(t, err)
	}
	for what, f := range map[string]s3test.Fault{
		"404 NoSuchKey": {Status: 404, Code: "NoSuchKey"}, "416": {Status: 416, Code: "InvalidRange"},
	} {
		fault.Store(&f)
		if _, err := getAll(r, out, 4); !errors.Is(err, ErrLost) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A body that breaks is read on.
	var n atomic.Int32
	fault.Store(nil)
	server.Before(t, func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodGet && n.Add(1)%2 == 0 {
			return s3test.Fault{Cut: 5}
		}
		return s3test.Fault{}
	})
	got, err := get(r, aName, 4)
	check.Must(t, err)
	same(t, got, numbered(10_000))
}

func TestFault83WhereS3DoesNotSayThatSomethingIsMissingNothingIsKept(t *testing.T) {
	server := newServer(t)
	usable := func(where string) error {
		s, err := Open(t.Context(), where)
		check.Must(t, err)
		defer s.Close()
		return runOf(t, s, aJob, aRun).Usable()
	}
	check.Must(t, usable("s3://bucket"))
	check.IsError(t, usable("s3://no-such-bucket/prefix"), backend.ErrUnusable, "s3://no-such-bucket/prefix", "NoSuchBucket", "make the bucket first")
	for _, c := range []struct {
		fault s3test.Fault
		says  string
	}{
		{s3test.Fault{Status: 403, Code: "AccessDenied"}, "needs s3:ListBucket"}, {s3test.Fault{Status: 503}, "S3 says 503"},
		{s3test.Fault{Status: 206, Header: http.Header{"Content-Range": {"bytes 0-0/1"}}, Body: "a"}, "object of any name"},
	} {
		server.Before(t, func(*http.Request) s3test.Fault { return c.fault })
		err := usable("s3://bucket/prefix")
		check.IsError(t, err, backend.ErrUnusable, c.says)
		check.IsError(t, err, ErrHost, `"s3://bucket/prefix"`)
		if strings.Contains(err.Error(), s3test.Secret) || strings.Contains(err.Error(), "\n") {
			t.Error(err)
		}
	}
}

func TestFault83WithoutTheMarkInS3EverythingIsTheHostsError(t *testing.T) {
	server := newServer(t)
	prepared := inS3(server)
	for _, unmark := range []func(r Run, mark string) error{
		func(_ Run, mark string) error { return os.Remove(mark) },
		func(_ Run, mark string) error { return os.Truncate(mark, 0) },
		func(_ Run, mark string) error { return os.WriteFile(mark, []byte(anotherRun), 0o600) },
		func(r Run, _ string) error { return r.DiscardMaps() },
		func(r Run, _ string) error { return r.Delete() },
	} {
		r, maps := prepared(t)
		put(t, r, aName, 8, numbered(100))
		check.Must(t, unmark(r, filepath.Join(filepath.Dir(maps), "mark")))
		for use, err := range everyUse(r) {
			isOfHost(t, r, err, r.mark())
			check.IsError(t, err, ErrNoMark, use[:0])
		}
	}
	// Another prefix, or another bucket.
	r, _ := prepared(t)
	for _, where := range []string{"s3://bucket/another", "s3://no-such-bucket/" + strings.TrimPrefix(r.store.where, "s3://bucket/")} {
		s, err := Open(t.Context(), where)
		check.Must(t, err)
		check.IsError(t, runOf(t, s, aJob, aRun).CheckMark(), ErrNoMark, where)
		check.Must(t, s.Close())
	}
}

func TestFault83ARunInS3IsDeletedByItselfWithWhatIsBeingWritten(t *testing.T) {
	server := newServer(t)
	r, maps := inS3(server)(t)
	sibling := runOf(t, r.store, aJob, anotherRun)
	check.Must(t, sibling.Prepare())
	put(t, sibling, aName, 8, numbered(100))
	put(t, r, aName, 8, numbered(100))
	check.Must(t, r.PrepareResults())
	files := publish(t, r, 2, numbered(10))
	key := strings.TrimPrefix(r.store.where, "s3://bucket/") + "/" + r.dir() + "/mapped"
	server.Put(t, "bucket", key, "its key begins like those of map outputs, but for the slash")
	for i := range 1001 { // more than one request deletes
		check.Must(t, os.WriteFile(filepath.Join(maps, fmt.Sprint("garbage", i)), nil, 0o600))
	}
	w, err := r.Create(anotherName, 8)
	check.Must(t, err)
	for server.Unfinished(t, "bucket") == 0 {
		check.Must(t, w.Add(numbered(300_000).table()))
	}
	for range 2 {
		check.Must(t, r.DiscardMaps())
	}
	if left := names(t, maps); len(left) > 0 || server.Unfinished(t, "bucket") > 0 {
		t.Errorf("there are %q, and %d uploads", left, server.Unfinished(t, "bucket"))
	}
	_, err = w.Finish()
	isOfHost(t, r, err)
	if got := server.Get(t, "bucket", key); !strings.HasPrefix(got, "its key") {
		t.Error(got)
	}
	check.Must(t, r.CheckFiles(t.Context(), files))
	check.Must(t, r.CheckResults())
	for range 2 {
		check.Must(t, r.Delete())
	}
	isOfHost(t, r, r.CheckResults(), "its folder is missing")
	if left := names(t, filepath.Dir(maps)); len(left) > 0 {
		t.Errorf("there are %q", left)
	}
	_, err = get(sibling, aName, 8)
	check.Must(t, err)
}

// reads counts requests to read.
func reads(t *testing.T, server *s3test.Server) *atomic.Int32 {
	var n atomic.Int32
	server.Before(t, func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodGet {
			n.Add(1)
		}
		return s3test.Fault{}
	})
	return &n
}

func TestNeighbouringPartitionsInS3AreOneRequest(t *testing.T) {
	server := newServer(t)
	n := reads(t, server)
	r, _ := inS3(server)(t)
	put(t, r, aName, 64, numbered(20_000))
	put(t, r, anotherName, 64, counts{"to": 1})
	for name, most := range map[string]int32{aName: 2, anotherName: 1} { // the end of the file, and its header
		n.Store(0)
		out, err := r.Open(name, 64)
		check.Must(t, err)
		if n.Load() > most {
			t.Errorf("to open it takes %d requests", n.Load())
		}
		var reader Reader
		for what, part := range map[string][2]int{"all": {0, 64}, "some": {10, 20}, "one": {7, 8}} {
			n.Store(0)
			check.Must(t, out.Close())
			words := 0
			for step, err := range reader.Partitions(out, part[0], part[1]) {
				check.Must(t, err)
				words += step.Words
			}
			if n.Load() > 1 {
				t.Errorf("%s: %d words take %d requests", what, words, n.Load())
			}
		}
	}
	// A result file is read in large pieces, too.
	check.Must(t, r.PrepareResults())
	files := publish(t, r, 1, numbered(20_000))
	n.Store(0)
	check.Must(t, readAll(t, r, files, numbered(20_000).table().Descending()))
	if n.Load() > 4 {
		t.Errorf("a result file takes %d requests", n.Load())
	}
}
