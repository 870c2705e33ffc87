package s3_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// write writes an object with a Writer.
func write(t *testing.T, u s3.URL, text string) error {
	t.Helper()
	w := s3.Create(t.Context(), u)
	_, err := io.WriteString(w, text)
	return errors.Join(err, w.Finish())
}

func TestAnObjectIsWrittenInOneRequestOrInParts(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	u := url(t, "s3://bucket/a key")
	var requests atomic.Int32
	server.Before(t, func(*http.Request) s3test.Fault { requests.Add(1); return s3test.Fault{} })
	text := strings.Repeat("0123456789abcdef", 2*s3.Part/16) + "the end"
	for _, c := range []struct {
		bytes    int
		requests int32
	}{{0, 1}, {5, 1}, {s3.Part, 1}, {s3.Part + 1, 4}, {2 * s3.Part, 4}, {2*s3.Part + 7, 5}} {
		requests.Store(0)
		check.Must(t, write(t, u, text[:c.bytes]))
		if n := requests.Load(); n != c.requests {
			t.Errorf("%d bytes take %d requests", c.bytes, n)
		}
		if got := server.Get(t, "bucket", "a key"); got != text[:c.bytes] {
			t.Errorf("of %d bytes %d are there, or others", c.bytes, len(got))
		}
	}
	if n := server.Unfinished(t, "bucket"); n > 0 {
		t.Errorf("%d uploads are unfinished", n)
	}
}

func TestFault75AnUploadThatFailsOrIsAbortedIsTakenBack(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	u := url(t, "s3://bucket/key")
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	text := strings.Repeat("words ", s3.Part/2)
	for what, fails := range map[string]func(r *http.Request) bool{
		"the beginning":   func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploads") },
		"the first part":  func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "1" },
		"the second part": func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "2" },
		"the end":         func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
	} {
		server.Before(t, func(r *http.Request) s3test.Fault {
			if fails(r) {
				return s3test.Fault{Status: 503, Code: "SlowDown"}
			}
			return s3test.Fault{}
		})
		if err := write(t, u, text); err == nil || !strings.Contains(err.Error(), "put s3://bucket/key: ") { // S3 may not have read a part
			t.Errorf("%s: %v", what, err)
		}
		if _, err := s3.Stat(t.Context(), u); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something is there: %v", what, err)
		}
		if n := server.Unfinished(t, "bucket"); n > 0 {
			t.Errorf("%s: %d uploads are unfinished", what, n)
		}
	}
	server.Before(t, func(*http.Request) s3test.Fault { return s3test.Fault{} })
	w := s3.Create(t.Context(), u)
	_, err := io.WriteString(w, text)
	check.Must(t, err)
	if server.Unfinished(t, "bucket") != 1 {
		t.Error("nothing was sent")
	}
	for range 2 {
		check.Must(t, w.Abort())
	}
	if _, err := s3.Stat(t.Context(), u); !errors.Is(err, fs.ErrNotExist) || server.Unfinished(t, "bucket") > 0 {
		t.Errorf("%v, %d uploads are unfinished", err, server.Unfinished(t, "bucket"))
	}
}

func TestFault75AnUploadWhoseLastAnswerIsLostIsFinished(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	var ends atomic.Int32
	server.Before(t, func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && ends.Add(1) == 1 {
			return s3test.Fault{Cut: 5}
		}
		return s3test.Fault{}
	})
	text := strings.Repeat("words ", s3.Part/2)
	check.Must(t, write(t, url(t, "s3://bucket/key"), text))
	if ends.Load() == 0 {
		t.Error("no answer was lost")
	}
	if server.Get(t, "bucket", "key") != text {
		t.Error("it is another object")
	}
}

func TestARangeIsReadThroughWhatBreaks(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	text := check.Words(20_000)
	u, o := stored(t, server, "key", text)
	for what, fault := range map[string]func(n int32) s3test.Fault{
		"nothing": func(int32) s3test.Fault { return s3test.Fault{} },
		"cut": func(n int32) s3test.Fault {
			return s3test.Fault{Cut: map[bool]int64{true: 5000}[n < 5]}
		},
		"busy": func(n int32) s3test.Fault { return s3test.Fault{Status: map[bool]int{true: 503}[n < 3]} },
	} {
		var n atomic.Int32
		server.Before(t, func(*http.Request) s3test.Fault { return fault(n.Add(1)) })
		p := make([]byte, 30_000)
		if got, err := s3.ReadAt(t.Context(), u, p, 1000); err != nil || string(p[:got]) != text[1000:31_000] {
			t.Errorf("%s: %d bytes, %v", what, got, err)
		}
		n.Store(0)
		if got, size, err := s3.ReadEnd(t.Context(), u, p); err != nil || size != o.Size || string(p[:got]) != text[len(text)-30_000:] {
			t.Errorf("%s: %d bytes of %d, %v", what, got, size, err)
		}
		n.Store(0)
		if got, err := s3.ReadAt(t.Context(), u, p, o.Size-10); !errors.Is(err, io.EOF) || string(p[:got]) != text[len(text)-10:] {
			t.Errorf("%s: %d bytes behind the end, %v", what, got, err)
		}
		if got, err := s3.ReadAt(t.Context(), u, p, o.Size); !errors.Is(err, io.EOF) || got > 0 {
			t.Errorf("%s: %d bytes behind the end, %v", what, got, err)
		}
	}
	server.Put(t, "bucket", "empty", "")
	if n, size, err := s3.ReadEnd(t.Context(), url(t, "s3://bucket/empty"), make([]byte, 10)); n != 0 || size != 0 || err != nil {
		t.Errorf("of nothing: %d bytes of %d, %v", n, size, err)
	}
	server.Put(t, "bucket", "short", "short")
	p := make([]byte, 10)
	if n, size, err := s3.ReadEnd(t.Context(), url(t, "s3://bucket/short"), p); string(p[:n]) != "short" || size != 5 || err != nil {
		t.Errorf("%q of %d bytes, %v", p[:n], size, err)
	}
	_, err := s3.ReadAt(t.Context(), url(t, "s3://nobucket/key"), p, 0)
	check.IsError(t, err, s3.ErrNoBucket, "get s3://nobucket/key: S3 says 404 NoSuchBucket")
	for what, f := range map[string]s3test.Fault{
		"another range": {Status: 206, Header: http.Header{"Content-Range": {"bytes 5-9/100"}}, Body: "words"},
		"no range":      {Status: 206, Header: http.Header{"Content-Range": {"bytes x"}}, Body: "words"},
	} {
		server.Before(t, func(*http.Request) s3test.Fault { return f })
		if n, err := s3.ReadAt(t.Context(), u, p, 1000); n > 0 || err == nil || !strings.HasSuffix(err.Error(), "S3 answers with another range") {
			t.Errorf("%s: %q, %v", what, p[:n], err)
		}
		if n, _, err := s3.ReadEnd(t.Context(), u, p); n > 0 || err == nil {
			t.Errorf("%s at the end: %q, %v", what, p[:n], err)
		}
	}
}

func TestWhatBeginsLikeAKeyIsDeleted(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	for _, key := range []string{"a/1", "a/b/2 +é", "ab"} {
		server.Put(t, "bucket", key, "words")
	}
	for _, key := range []string{"a/being written +é", "abc"} {
		server.Begin(t, "bucket", key)
	}
	var asked sync.Map // each listing and each deletion of many breaks once
	server.Before(t, func(r *http.Request) s3test.Fault {
		if _, again := asked.LoadOrStore(r.Method+r.URL.String(), true); !again && (r.URL.Query().Has("prefix") || r.URL.Query().Has("delete")) {
			return s3test.Fault{Cut: 10}
		}
		return s3test.Fault{}
	})
	for range 2 {
		check.Must(t, s3.DeleteAll(t.Context(), url(t, "s3://bucket/a/")))
		check.Must(t, s3.Delete(t.Context(), url(t, "s3://bucket/a/1")))
	}
	var left []string
	for o, err := range s3.List(t.Context(), url(t, "s3://bucket/")) {
		check.Must(t, err)
		left = append(left, o.Key)
	}
	if len(left) != 1 || left[0] != "ab" || server.Unfinished(t, "bucket") != 1 {
		t.Errorf("there are %q, and %d unfinished uploads", left, server.Unfinished(t, "bucket"))
	}
	check.Must(t, s3.DeleteAll(t.Context(), url(t, "s3://nobucket/a/")))
	server.Before(t, func(*http.Request) s3test.Fault { return s3test.Fault{Status: 403, Code: "AccessDenied"} })
	check.IsError(t, s3.DeleteAll(t.Context(), url(t, "s3://bucket/ab")), fs.ErrPermission, "S3 says 403 AccessDenied")
	check.IsError(t, s3.Delete(t.Context(), url(t, "s3://bucket/ab")), fs.ErrPermission, "delete s3://bucket/ab: S3 says 403 AccessDenied")
}
