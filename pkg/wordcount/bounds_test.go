package wordcount

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

func TestFault62NumbersThatNoJobHasAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 5))
	r.exact(Options{Reducers: 2})
	key := r.plan.Job.Key("meta")
	for field, values := range map[string][]string{
		"reducers": {"1152921504606846976", "4097", "-1", "1e3"},
		"reduced":  {"1152921504606846976", "-1"},
		"maps":     {"1152921504606846976", "-1"},
		"mapped":   {"1152921504606846976", "-1"},
		"tokens":   {"1152921504606846976", "-1"},
		"bytes":    {"1152921504606846976", "-1", "1e400"},
		"troubles": {"-1", "many"},
		"taken":    {"-1"},
	} {
		before, err := r.probe.HGet(t.Context(), key, field).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		for _, value := range values {
			must(t, r.probe.HSet(t.Context(), key, field, value).Err())
			_, err := JobStatus(t.Context(), r.rdb, r.plan.Job)
			isError(t, err, ErrState, field, `"`+value+`"`)
			_, _, err = Attach(t.Context(), r.rdb, r.plan.Job)
			isError(t, err, ErrState, field)
		}
		if before == "" {
			must(t, r.probe.HDel(t.Context(), key, field).Err())
		} else {
			must(t, r.probe.HSet(t.Context(), key, field, before).Err())
		}
	}
	if _, err := JobStatus(t.Context(), r.rdb, r.plan.Job); err != nil {
		t.Errorf("with its own numbers: %v", err)
	}
}

func TestFault62WordsThatNoTableHoldsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 5))
	r.exact(Options{Reducers: MapOnly})
	key := r.plan.Job.Key("counts")
	for _, z := range []redis.Z{{Member: "", Score: 1}, {Member: strings.Repeat("w", count.MaxWord+1), Score: 1},
		{Member: "less", Score: -1}, {Member: "more", Score: 1 << 60}} {
		must(t, r.probe.ZAdd(t.Context(), key, z).Err())
		_, _, err := Partial(t.Context(), r.rdb, r.plan.Job)
		isError(t, err, ErrState, "somebody else wrote it")
		must(t, r.probe.ZRem(t.Context(), key, z.Member).Err())
	}
	if _, _, err := Partial(t.Context(), r.rdb, r.plan.Job); err != nil {
		t.Errorf("with its own words: %v", err)
	}
}

func TestFault62AnAttemptThatHasComeToLessThanNothingIsRefused(t *testing.T) {
	cmd := redis.NewCmd(t.Context())
	cmd.SetVal([]any{"at", int64(-1)})
	_, err := parseProgress(cmd)
	isError(t, err, ErrState, "-1")
}

func TestFault62AFolderKnowsOnlyJobsWithAJobsName(t *testing.T) {
	f := Folder{t.TempDir()}
	const good = "0123456789abcdef"
	for _, id := range []string{good, "fedcba9876543210", "elsewhere", "0123456789ABCDEF"} {
		must(t, os.MkdirAll(filepath.Join(f.Dir, "jobs", id), 0o700))
		must(t, os.WriteFile(filepath.Join(f.Dir, "jobs", id, "plan"), []byte(`{"Job":{"ID":"`+good+`"}}`), 0o600))
		must(t, os.WriteFile(filepath.Join(f.Dir, "jobs", id, "manifest"), []byte("\"/\"\n"), 0o600))
	}
	if jobs, err := f.Jobs(); len(jobs) != 2 || err != nil {
		t.Errorf("jobs %q, %v", jobs, err)
	}
	if _, err := f.Load(good); err != nil {
		t.Error(err)
	}
	for id, want := range map[string]error{"../jobs/" + good: ErrInput, "elsewhere": ErrInput, "0123456789ABCDEF": ErrInput, "": ErrInput, good + "\n": ErrInput, "fedcba9876543210": ErrState} {
		_, err := f.Load(id)
		isError(t, err, want)
	}
}
