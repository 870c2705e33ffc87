package s3_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func url(t *testing.T, text string) s3.URL {
	t.Helper()
	u, err := s3.Parse(text)
	check.Must(t, err)
	return u
}

// stored writes an object, and returns what it is.
func stored(t *testing.T, server *s3test.Server, key, content string) (s3.URL, s3.Object) {
	t.Helper()
	server.Put(t, "bucket", key, content)
	u := s3.URL{Bucket: "bucket", Key: key}
	o, err := s3.Stat(t.Context(), u)
	check.Must(t, err)
	return u, o
}

func TestAnObjectIsReadFromAnywhereInRequestsThatGoOn(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	text := check.Words(200_000) // several pieces
	u, o := stored(t, server, "a key", text)
	var requests atomic.Int32
	server.Before(t, func(*http.Request) s3test.Fault { requests.Add(1); return s3test.Fault{} })
	r := s3.Open(t.Context(), u, o, o.Size)
	defer r.Close()
	for i, off := range []int64{0, 1, 300_000, o.Size - 1} {
		requests.Store(0)
		got, err := io.ReadAll(io.NewSectionReader(r, off, o.Size-off))
		check.Must(t, err)
		if string(got) != text[off:] {
			t.Errorf("from %d on %d bytes are read, or others", off, len(got))
		}
		want := int32(1)
		if i == 3 {
			want = 0 // the end was just given
		}
		if n := requests.Load(); n != want {
			t.Errorf("from %d on it takes %d requests", off, n)
		}
	}
	if n, err := r.ReadAt(make([]byte, 1), o.Size); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %d, %v", n, err)
	}
	// A range is no more than that and what a last word may need.
	part := s3.Open(t.Context(), u, o, 2000)
	defer part.Close()
	requests.Store(0)
	for _, off := range []int64{1000, 1500, 2000, 2500} {
		p := make([]byte, 500)
		_, err := io.ReadFull(io.NewSectionReader(part, off, 500), p)
		if check.Must(t, err); string(p) != text[off:off+500] {
			t.Errorf("at %d: %q", off, p)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("the parts take %d requests", n)
	}
}

func TestPartsThatOverlapALittleTakeOneRequest(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	text := check.Words(200_000)
	u, o := stored(t, server, "a key", text)
	var requests atomic.Int32
	server.Before(t, func(*http.Request) s3test.Fault { requests.Add(1); return s3test.Fault{} })
	for _, step := range []int64{1, 700, 4096, 100_000, 300_000} {
		requests.Store(0)
		r := s3.Open(t.Context(), u, o, o.Size)
		for off, parts := int64(0), 0; off < o.Size && parts < 50; off, parts = off+step, parts+1 {
			from, to := max(0, off-3), min(off+step+512, o.Size) // as package count reads
			got, err := io.ReadAll(io.NewSectionReader(r, from, to-from))
			if check.Must(t, err); string(got) != text[from:to] {
				t.Fatalf("from %d to %d: %d bytes, or others", from, to, len(got))
			}
		}
		r.Close()
		if n := requests.Load(); n != 1 {
			t.Errorf("parts of %d bytes take %d requests", step, n)
		}
	}
}

func TestFault75WhatBreaksInTheMiddleIsReadFromThereOn(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	text := check.Words(150_000)
	u, o := stored(t, server, "key", text)
	for what, fault := range map[string]func(n int32) s3test.Fault{
		"cut":      func(n int32) s3test.Fault { return s3test.Fault{Cut: int64(n) * 50_000} },
		"cut at 1": func(n int32) s3test.Fault { return s3test.Fault{Cut: map[bool]int64{true: 1}[n < 4]} },
		"busy": func(n int32) s3test.Fault {
			return s3test.Fault{Status: map[bool]int{true: 503}[n < 3], Code: "SlowDown"}
		},
		"broken": func(n int32) s3test.Fault { return s3test.Fault{Status: map[bool]int{true: 500}[n < 3]} },
	} {
		var n atomic.Int32
		server.Before(t, func(*http.Request) s3test.Fault { return fault(n.Add(1)) })
		r := s3.Open(t.Context(), u, o, o.Size)
		got, err := io.ReadAll(io.NewSectionReader(r, 0, o.Size))
		r.Close()
		if err != nil || string(got) != text || n.Load() < 2 {
			t.Errorf("%s: %d of %d bytes, %v, after %d requests", what, len(got), len(text), err, n.Load())
		}
	}
}

func TestFault75AServerThatFallsSilentIsAskedAgain(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	text := check.Words(150_000)
	u, o := stored(t, server, "key", text)
	s3.SetSilence(t, 100*time.Millisecond) // only asks again sooner
	var n atomic.Int32
	forever := make(chan struct{})
	defer close(forever)
	server.Before(t, func(*http.Request) s3test.Fault {
		if n.Add(1) < 3 {
			return s3test.Fault{Hold: forever}
		}
		return s3test.Fault{}
	})
	r := s3.Open(t.Context(), u, o, o.Size)
	defer r.Close()
	got, err := io.ReadAll(io.NewSectionReader(r, 0, o.Size))
	if err != nil || string(got) != text || n.Load() < 3 {
		t.Errorf("%d of %d bytes, %v, after %d requests", len(got), len(text), err, n.Load())
	}
}

func TestFault75WhatTheSDKReadsMayNotFallSilentEither(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	u, o := stored(t, server, "key", "words")
	s3.SetSilence(t, 100*time.Millisecond)
	var n, last atomic.Int32
	forever := make(chan struct{})
	defer close(forever)
	server.Before(t, func(*http.Request) s3test.Fault {
		if n.Add(1) <= last.Load() {
			return s3test.Fault{Hold: forever}
		}
		return s3test.Fault{}
	})
	list := func() (objects int, err error) {
		n.Store(0)
		for _, err = range s3.List(t.Context(), url(t, "s3://bucket/")) {
			objects++
		}
		return objects, err
	}
	last.Store(2)
	if objects, err := list(); objects != 1 || err != nil || n.Load() != 3 {
		t.Errorf("%d objects, %v, after %d requests", objects, err, n.Load())
	}
	last.Store(1000)
	if _, err := list(); err == nil || err.Error() != "list s3://bucket/: S3 says nothing" || n.Load() != 4 {
		t.Errorf("%v, after %d requests", err, n.Load())
	}
	// What verify reads, too.
	client, err := s3.Client(t.Context())
	check.Must(t, err)
	out, err := client.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: &u.Bucket, Key: &u.Key})
	check.Must(t, err)
	defer out.Body.Close()
	if got, err := io.ReadAll(out.Body); err == nil || int64(len(got)) >= o.Size {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFault75AnotherVersionIsNeverRead(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	text := check.Words(150_000)
	u, o := stored(t, server, "key", text)
	var requests atomic.Int32
	replaced := make(chan struct{})
	server.Before(t, func(r *http.Request) s3test.Fault {
		switch {
		case r.Method != http.MethodGet:
		case requests.Add(1) == 1:
			return s3test.Fault{Cut: 100_000}
		default:
			<-replaced
		}
		return s3test.Fault{}
	})
	r := s3.Open(t.Context(), u, o, o.Size)
	defer r.Close()
	_, err := io.ReadFull(io.NewSectionReader(r, 0, o.Size), make([]byte, 10))
	check.Must(t, err)
	server.Put(t, "bucket", "key", strings.ToUpper(text)) // what was cut can't go on
	close(replaced)
	got, err := io.ReadAll(io.NewSectionReader(r, 10, o.Size-10))
	check.IsError(t, err, s3.ErrChanged, `get s3://bucket/key: S3 says 412 PreconditionFailed`)
	if !strings.HasPrefix(text[10:], string(got)) {
		t.Error("some of the new version is read")
	}
}

// A server need not heed If-Match or Range.
func TestFault75AnAnswerThatIsSomethingElseIsRefused(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	u, o := stored(t, server, "key", "ten bytes.")
	for what, c := range map[string]struct {
		etag, contentRange, body string
		says                     string // "": it is what was asked for
	}{
		"a range":          {o.ETag, "bytes 2-9/10", "n bytes.", ""},
		"another version":  {"other", "bytes 2-9/10", "N BYTES.", "s3: another object took its place"},
		"no version":       {"", "bytes 2-9/10", "n bytes.", "s3: another object took its place"},
		"another range":    {o.ETag, "bytes 0-7/10", "ten byte", "S3 answers with another range"},
		"a shorter range":  {o.ETag, "bytes 2-9/10", "n byte", "S3 answers with another range"},
		"no range":         {o.ETag, "", "n bytes.", "S3 answers with another range"},
		"the whole object": {o.ETag, "", "ten bytes.", "S3 answers with another range"},
	} {
		header := http.Header{"Etag": {`"` + c.etag + `"`}}
		if c.contentRange != "" {
			header.Set("Content-Range", c.contentRange)
		}
		server.Before(t, func(*http.Request) s3test.Fault {
			return s3test.Fault{Status: http.StatusPartialContent, Header: header, Body: c.body}
		})
		r := s3.Open(t.Context(), u, o, o.Size)
		got, err := io.ReadAll(io.NewSectionReader(r, 2, 8))
		r.Close()
		if c.says == "" && (err != nil || string(got) != "n bytes.") || c.says != "" && (len(got) > 0 || fmt.Sprint(err) != "get s3://bucket/key: "+c.says) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	for body, fits := range map[string]bool{"ten bytes.": true, "nine byte": false, "much more than ten": false} {
		server.Before(t, func(*http.Request) s3test.Fault {
			return s3test.Fault{Status: http.StatusOK, Header: http.Header{"Etag": {`"` + o.ETag + `"`}}, Body: body}
		})
		r := s3.Open(t.Context(), u, o, o.Size)
		got, err := io.ReadAll(io.NewSectionReader(r, 0, o.Size))
		r.Close()
		if fits != (err == nil && string(got) == body) || !fits && len(got) > 0 {
			t.Errorf("of %q %q is read, %v", body, got, err)
		}
	}
}

func TestFault75AnETagThatCantBeUsedIsSaid(t *testing.T) {
	server := s3test.Start(t)
	for what, etag := range map[string]string{"none": "", "weak": `W/"0123"`, "control": "a\tb", "long": strings.Repeat("0", 257)} {
		server.Before(t, func(r *http.Request) s3test.Fault {
			return s3test.Fault{Status: http.StatusOK, Header: http.Header{"Etag": {etag}}}
		})
		_, err := s3.Stat(t.Context(), url(t, "s3://bucket/key"))
		if err == nil || !strings.HasPrefix(err.Error(), "list s3://bucket/key: its ETag can't be used: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFault75WhatS3RefusesIsOneLineWithoutCredentials(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	u, o := stored(t, server, "key", "words")
	for what, c := range map[string]struct {
		fault s3test.Fault
		is    error
		says  string
	}{
		"forbidden": {s3test.Fault{Status: 403, Code: "AccessDenied"}, fs.ErrPermission, "S3 says 403 AccessDenied"},
		"gone":      {s3test.Fault{Status: 404, Code: "NoSuchKey"}, fs.ErrNotExist, "S3 says 404 NoSuchKey"},
		"crafted":   {s3test.Fault{Status: 403, Code: "\x1b[31m" + s3test.Secret}, fs.ErrPermission, "S3 says 403"},
		"for ever":  {s3test.Fault{Status: 503, Code: "SlowDown"}, nil, "S3 says 503 SlowDown"},
	} {
		t.Run(what, func(t *testing.T) {
			server.Before(t, func(*http.Request) s3test.Fault { return c.fault })
			t.Setenv("AWS_MAX_ATTEMPTS", "2")
			r := s3.Open(t.Context(), u, o, o.Size)
			defer r.Close()
			_, err := r.ReadAt(make([]byte, 5), 0)
			var path *fs.PathError
			if !errors.As(err, &path) || err.Error() != "get s3://bucket/key: "+c.says || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v", err)
			}
			for _, err := range []error{err, errOf(s3.Stat(t.Context(), u))} {
				if text := fmt.Sprint(err); strings.Contains(text, s3test.Access) || strings.Contains(text, s3test.Secret) {
					t.Errorf("it says %s", text)
				}
			}
		})
	}
}

func errOf(_ s3.Object, err error) error { return err }

func TestFault75WithoutCredentialsNothingIsAsked(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s3.Forget()
	_, err := s3.Stat(t.Context(), url(t, "s3://bucket/key"))
	if err == nil || !strings.HasPrefix(err.Error(), "head s3://bucket/key: no credentials: set AWS_ACCESS_KEY_ID") {
		t.Error(err)
	}
}

func TestFault75AListingOfManyPagesHasEachObjectOnce(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	const objects = 2500
	dir := filepath.Join(server.Root, "bucket", "logs")
	check.Must(t, os.MkdirAll(dir, 0o755))
	for i := range objects {
		check.Must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d +&é", i)), []byte("words"), 0o644))
	}
	server.Put(t, "bucket", "log", "not below it")
	var pages atomic.Int32
	server.Before(t, func(*http.Request) s3test.Fault {
		if pages.Add(1) == 2 {
			return s3test.Fault{Cut: 1000}
		}
		return s3test.Fault{}
	})
	i := 0
	for o, err := range s3.List(t.Context(), url(t, "s3://bucket/logs/")) {
		check.Must(t, err)
		if o.Key != fmt.Sprintf("logs/%04d +&é", i) || o.Size != 5 || o.ETag == "" || o.MTime == 0 {
			t.Fatalf("object %d is %+v", i, o)
		}
		i++
	}
	if i != objects || pages.Load() != 4 { // the second of three pages comes twice
		t.Errorf("%d objects in %d answers", i, pages.Load())
	}
}

func TestFault75AnObjectOf5GiBIsReadWhereItIsAsked(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	const size = 5<<30 + 7
	file, err := os.Create(filepath.Join(server.Root, "bucket", "large")) // it has holes, and takes no room
	check.Must(t, err)
	_, err = file.WriteAt([]byte("the end"), size-7)
	check.Must(t, errors.Join(err, file.Close()))
	u := url(t, "s3://bucket/large")
	o, err := s3.Stat(t.Context(), u)
	if check.Must(t, err); o.Size != size {
		t.Fatalf("it has %d bytes", o.Size)
	}
	r := s3.Open(t.Context(), u, o, size)
	defer r.Close()
	end, err := io.ReadAll(io.NewSectionReader(r, size-10, 10))
	if check.Must(t, err); string(end) != "\x00\x00\x00the end" {
		t.Errorf("it ends in %q", end)
	}
	// What is asked for and not read doesn't keep the reader.
	_, err = r.ReadAt(make([]byte, 100), 4<<30)
	check.Must(t, err)
}
