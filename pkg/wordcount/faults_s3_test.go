package wordcount

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// s3Rig is a job over objects, given by key and content, some of them compressed, and a few local files.
func s3Rig(t *testing.T) (*rig, *s3test.Server) {
	t.Helper()
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	r := newRig(t, check.Texts(2, 10))
	r.contents = map[string]string{}
	put := func(key, data, text string) {
		server.Put(t, "bucket", key, data)
		r.contents["s3://bucket/"+key] = text
	}
	for name, text := range check.Texts(6, 400) {
		put("in/"+name, text, text)
		put("in/packed/"+name+".gz", string(check.Gzip(t, text[:100], text[100:])), text)
	}
	seekable := check.Texts(1, 2000)["file 00.txt"]
	put("in/seekable", string(check.SeekableZstd(check.Pieces(seekable, 3000)...)), seekable)
	put("in/empty", "", "")
	put("in/zst +é", string(check.Zstd(t, "some words")), "some words")
	return r, server
}

// prepareS3 plans the job over everything that s3Rig has made, with splits that cut most objects.
func (r *rig) prepareS3(o plan.Options) {
	r.tb.Helper()
	o.Split = 1000
	m, err := plan.Scan(r.tb.Context(), []string{r.input, "s3://bucket/in"}, "", o)
	check.Must(r.tb, err)
	r.planned(plan.New(m, o))
}

func TestAJobOverObjectsInS3IsExactThoughWorkersDie(t *testing.T) {
	for _, o := range bothModes {
		t.Run(fmt.Sprintf("direct: %v", o.Direct), func(t *testing.T) {
			r, server := s3Rig(t)
			var n atomic.Int32
			server.Before(t, func(r *http.Request) s3test.Fault { // a busy server behind a bad line
				switch n := n.Add(1); {
				case r.Method == http.MethodGet && n%40 == 0:
					return s3test.Fault{Status: 503, Code: "SlowDown"}
				case r.Method == http.MethodGet && n%5 == 0:
					return s3test.Fault{Cut: 10}
				}
				return s3test.Fault{}
			})
			r.faults = "crash@mid-count:1,crash@before-commit:1"
			r.prepareS3(o)
			if len(r.plan.Manifest.Cuts["s3://bucket/in/seekable"]) < 2 {
				t.Errorf("cut: %v", r.plan.Manifest.Cuts)
			}
			sealed := r.finishExactly()
			verdict, err := r.verify(sealed)
			check.Must(t, err)
			if !verdict.Exact() || verdict.Distinct != sealed.Distinct {
				t.Errorf("verify says %+v of %+v", verdict, sealed)
			}
		})
	}
}

func TestFault75AnObjectThatChangesEndsTheRun(t *testing.T) {
	r, server := s3Rig(t)
	r.prepareS3(plan.Options{})
	key := strings.TrimPrefix(r.plan.Manifest.Files[len(r.plan.Manifest.Files)-2].Path, "s3://bucket/")
	server.Put(t, "bucket", key, r.contents["s3://bucket/"+key]+" more")
	r.finishIncomplete(protocol.Changed, fmt.Sprintf("input changed: %q: another object took its place", "s3://bucket/"+key))
	_, _, err := recount.Files(t.Context(), r.plan.Manifest, plan.Counting{}, recount.Share{}, func(int64) {})
	check.IsError(t, err, protocol.ErrInput, key, "isn't what was counted")
}

func TestFault75AnObjectThatMayNotBeReadEndsTheRun(t *testing.T) {
	r, server := s3Rig(t)
	r.prepareS3(plan.Options{})
	server.Before(t, func(r *http.Request) s3test.Fault {
		if strings.HasSuffix(r.URL.Path, "packed/file 02.txt.gz") {
			return s3test.Fault{Status: 403, Code: "AccessDenied"}
		}
		return s3test.Fault{}
	})
	r.finishIncomplete(protocol.Unreadable, `can't read input: get "s3://bucket/in/packed/file 02.txt.gz": S3 says 403 AccessDenied`)
}

// Credentials are in the environment alone.
func TestFault75NoCredentialIsInRedisOrInTheFolder(t *testing.T) {
	r, _ := s3Rig(t)
	r.prepareS3(plan.Options{})
	r.finishExactly()
	r.keepsSecrets()
}

// keepsSecrets checks that no credential of S3 is anywhere but in the environment.
func (r *rig) keepsSecrets() {
	t := r.tb
	t.Helper()
	dump := r.server.Checkpoint(t)
	for _, secret := range []string{s3test.Access, s3test.Secret} {
		if strings.Contains(string(dump), secret) {
			t.Errorf("%q is in Redis", secret)
		}
		check.Must(t, filepath.WalkDir(r.folder.Dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if strings.Contains(string(text), secret) {
				t.Errorf("%q is in %s", secret, path)
			}
			return err
		}))
	}
}

func TestARunIsTakenUpWhereAnotherLeftItsObjects(t *testing.T) {
	r, _ := s3Rig(t)
	r.prepareS3(plan.Options{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r.whenSeen(func(st protocol.Status) bool { return st.Mapped > 0 }, func(protocol.Status) { stop() })
	if _, err := r.runPrepared(ctx); err == nil {
		t.Fatal("it ended before it was interrupted")
	}
	r.prepareS3(plan.Options{}) // the same objects are the same job
	sealed := r.finishExactly()
	if done := r.status().Mapped; done == 0 || sealed.Files != len(r.plan.Manifest.Files) {
		t.Errorf("%+v", sealed)
	}
}
