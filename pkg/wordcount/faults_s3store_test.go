package wordcount

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// withStoreInS3 is a rig whose store is in S3.
func withStoreInS3(t *testing.T, files map[string]string) (*rig, *s3test.Server) {
	t.Helper()
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	r := newRig(t, files)
	r.s3, r.store, r.objects = server, "s3://bucket/a prefix", filepath.Join(server.Root, "bucket", "a prefix")
	return r, server
}

// bothKinds are jobs that keep all words in the sorted set, and few.
var bothKinds = map[string]plan.Options{"all": {Split: 100, Reducers: 5}, "few": keeping}

// inStore are the objects of the store, by their keys in it, and how many uploads to it are unfinished.
func (r *rig) inStore() (objects []string, uploads int) {
	r.tb.Helper()
	u, err := s3.Parse(r.store + "/")
	check.Must(r.tb, err)
	for o, err := range s3.List(r.tb.Context(), u) {
		check.Must(r.tb, err)
		objects = append(objects, strings.TrimPrefix(o.Key, u.Key))
	}
	return objects, r.s3.Unfinished(r.tb, u.Bucket)
}

// isTidy checks that the store has the result files of the sealed job, and nothing else, and that a
// clean leaves nothing.
func (r *rig) isTidy() {
	r.tb.Helper()
	objects, uploads := r.inStore()
	results := slices.DeleteFunc(slices.Clone(objects), func(key string) bool { return !strings.Contains(key, "/result/") })
	want := 0
	if r.plan.Job.Keep > 0 {
		want = r.plan.Job.Reducers
	}
	if len(objects) != len(results) || len(results) < want || uploads > 0 {
		r.tb.Errorf("the store has %q, and %d unfinished uploads", objects, uploads)
	}
	// What a worker that was killed has begun goes, too.
	r.s3.Begin(r.tb, "bucket", fmt.Sprintf("a prefix/%s/%s/map/%s", r.plan.Job.ID, r.runID(), protocol.NewNonce()))
	check.Must(r.tb, r.folder.SetStore(r.plan.Job.ID, state.Store{Run: r.runID(), Dir: r.store, Own: true}))
	check.Must(r.tb, place.Delete(r.tb.Context(), r.folder, r.plan.Job.ID))
	if objects, uploads := r.inStore(); len(objects)+uploads > 0 {
		r.tb.Errorf("clean has left %q, and %d unfinished uploads", objects, uploads)
	}
}

func TestFault83AJobWithItsStoreInS3IsExactThoughWorkersDieAndS3IsBusy(t *testing.T) {
	for what, o := range bothKinds {
		t.Run(what, func(t *testing.T) {
			r, server := withStoreInS3(t, check.Texts(20, 40))
			var n atomic.Int32
			server.Before(t, func(r *http.Request) s3test.Fault {
				switch n := n.Add(1); {
				case n%20 == 0:
					return s3test.Fault{Status: 503, Code: "SlowDown"}
				case r.Method == http.MethodGet && n%7 == 0: // an object or a listing
					return s3test.Fault{Cut: 10}
				case n%11 == 0: // a slow answer
					hold := make(chan struct{})
					time.AfterFunc(200*time.Millisecond, func() { close(hold) })
					return s3test.Fault{Hold: hold}
				}
				return s3test.Fault{}
			})
			r.faults = "crash@mid-count:1,crash@before-commit:1"
			r.prepare(o)
			sealed := r.finishExactly()
			verdict, err := r.verify(sealed)
			check.Must(t, err)
			if !verdict.Exact() || verdict.Distinct != sealed.Distinct {
				t.Errorf("verify says %+v of %+v", verdict, sealed)
			}
			if _, fresh, err := r.sup.UpToDate(t.Context()); !fresh || err != nil {
				t.Errorf("it is not up to date: %v", err)
			}
			r.isTidy()
		})
	}
}

func TestFault83MapOutputsThatAreLostOrDamagedInS3AreCountedAgain(t *testing.T) {
	for what, ruin := range ruins {
		t.Run(what, func(t *testing.T) {
			r, _ := withStoreInS3(t, check.Texts(20, 40))
			r.faults = "slow=5ms:2"
			r.prepare(plan.Options{Split: 100, Reducers: 5})
			r.whenSeen(
				func(st protocol.Status) bool { return len(r.mapOutputs()) > 1 && st.Mapped > 0 },
				func(st protocol.Status) {
					for _, path := range r.mapOutputs()[:2] {
						check.Must(t, ruin(path))
					}
				})
			r.finishExactly()
			if r.said("map outputs were lost") == 0 {
				t.Error("nothing was revoked")
			}
		})
	}
}

// mapOutputs are the files of the map outputs, in the order in which they were committed.
func (r *rig) mapOutputs() (paths []string) {
	outputs, _, err := protocol.OutputsSoFar(context.Background(), r.probe, r.plan.Job)
	if err != nil {
		return nil
	}
	for _, o := range outputs {
		paths = append(paths, filepath.Join(r.objects, r.plan.Job.ID, r.runID(), "map", o.Name))
	}
	return paths
}

func TestFault83AResultFileThatIsLostInS3IsCountedAnew(t *testing.T) {
	for what, ruin := range ruins {
		t.Run(what, func(t *testing.T) {
			r, _ := withStoreInS3(t, check.Texts(10, 30))
			sealed := r.exact(keeping)
			check.Must(t, ruin(r.resultFiles()[0]))
			_, err := r.verify(sealed)
			check.IsError(t, err, protocol.ErrNoResult)
			r.prepare(keeping)
			if _, fresh, err := r.sup.UpToDate(t.Context()); fresh || err != nil {
				t.Errorf("it is up to date: %v, %v", fresh, err)
			}
			r.finishExactly()
			r.isTidy()
		})
	}
}

func TestFault83AJobOutlivesAServerForS3ThatIsKilledAndStartedAgain(t *testing.T) {
	for what, o := range bothKinds {
		t.Run(what, func(t *testing.T) {
			r, server := withStoreInS3(t, check.Texts(20, 40))
			var outputs atomic.Int32
			server.Before(t, func(r *http.Request) s3test.Fault {
				if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/map/") && outputs.Add(1) == 2 {
					server.Kill()
				}
				return s3test.Fault{}
			})
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			s3.Forget()
			r.faults = "slow=5ms:2"
			r.prepare(o)
			r.whenSeen(
				func(st protocol.Status) bool {
					for _, w := range st.Workers {
						if w.Waits != "" {
							return true
						}
					}
					return false
				},
				func(protocol.Status) { server.Restart(t) })
			r.finishExactly()
			r.isTidy()
		})
	}
}

func TestFault83ARunGoesOnWhereS3StoppedIt(t *testing.T) {
	r, server := withStoreInS3(t, check.Texts(20, 40))
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	s3.Forget()
	r.prepare(keeping)
	r.whenSeen(inPhase("done"), func(protocol.Status) { server.Kill() })
	r.finishFailing(protocol.ErrIncomplete, `can't use the shuffle store "s3://bucket/a prefix"`, "connection refused", "mend that")
	r.prepare(keeping)
	r.finishFailing(protocol.ErrInput, `can't use the shuffle store "s3://bucket/a prefix"`, "connection refused")
	server.Restart(t)
	before := r.status()
	r.prepare(keeping)
	r.finishExactly()
	if before.Mapped == 0 || r.status().Run != before.Run {
		t.Errorf("it began anew after %+v", before)
	}
}

func TestFault83AHostWithAnotherPlaceInS3IsToldAndHarmsNobody(t *testing.T) {
	r, server := withStoreInS3(t, check.Texts(10, 30))
	r.prepare(keeping)
	r.whenSeen(
		func(st protocol.Status) bool { return st.Mapped > 0 },
		func(st protocol.Status) {
			find := func(here place.Store) error {
				_, err := place.Find(t.Context(), here, st.Store, r.plan.Job.ID, st.Run, shuffle.Run.CheckMark)
				return err
			}
			check.Must(t, find(place.Store{Dir: r.store, Chosen: true}))
			for where, says := range map[string]string{
				"s3://bucket/another": "no mark of the run", "s3://bucket": "no mark of the run", "s3://nobody/a prefix": "NoSuchBucket",
			} {
				check.IsError(t, find(place.Store{Dir: where, Chosen: true}), protocol.ErrInput, r.store, where, says)
			}
			// What the job says is never obeyed: it might lead anywhere.
			check.IsError(t, find(place.Store{Dir: t.TempDir()}), protocol.ErrInput, r.store, "no mark of the run")
			if all, err := os.ReadDir(filepath.Join(server.Root, "bucket")); err != nil || len(all) > 2 { // one is the server's own
				t.Errorf("the bucket has %v, %v", all, err)
			}
		})
	r.finishExactly()
}

func TestFault83NoCredentialOfTheStoreIsInRedisOrInTheFolder(t *testing.T) {
	r, _ := withStoreInS3(t, check.Texts(5, 10))
	r.exact(keeping)
	r.keepsSecrets()
}
