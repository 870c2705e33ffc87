package shuffle

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	whatIsWrittenIsRead(t, prepared)
}

func whatIsWrittenIsRead(t *testing.T, prepared maker) {
	for what, c := range map[string]struct {
		partitions int
		spills     []counts
	}{
		"nothing":                {3, nil},
		"a word":                 {1, []counts{{"to": 1}}},
		"fewer words than parts": {256, []counts{{"to": 1 << 52}, {"be": 2}}},
		"spills with much alike": {8, []counts{numbered(1000), numbered(2000), {"w1": 1}, numbered(10)}},
		"an empty spill":         {8, []counts{numbered(10), {}, numbered(20)}},
		"the longest words":      {2, []counts{{strings.Repeat("a", count.MaxWord): 1, strings.Repeat("b", count.MaxWord): 2, "c": 3}}},
		"several steps":          {1, []counts{numbered(150_000)}},
		"as much as can be":      {MaxPartitions, slices.Repeat([]counts{numbered(10)}, MaxSpills)},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, dir := prepared(t)
			written := put(t, r, aName, c.partitions, c.spills...)
			want := counts{}
			for _, spill := range c.spills {
				for word, n := range spill {
					want[word] += n
				}
			}
			got, err := get(r, aName, c.partitions)
			check.Must(t, err)
			same(t, got, want)

			info, err := os.Stat(filepath.Join(dir, aName))
			check.Must(t, err)
			if written.Bytes != info.Size() || written.Tokens != want.tokens() {
				t.Errorf("written %+v, and it has %d bytes, %d tokens", written, info.Size(), want.tokens())
			}
			out, err := r.Open(aName, c.partitions)
			check.Must(t, err)
			defer out.Close()
			if out.Written() != written || out.Name() != aName {
				t.Errorf("written %s, %+v, and read %s, %+v", aName, written, out.Name(), out.Written())
			}
		})
	}
}

func TestAMapOutputIsSeenWhenItIsFinished(t *testing.T) {
	t.Parallel()
	aMapOutputIsSeenWhenItIsFinished(t, prepared)
}

func aMapOutputIsSeenWhenItIsFinished(t *testing.T, prepared maker) {
	r, dir := prepared(t)
	w, err := r.Create(aName, 8)
	check.Must(t, err)
	check.Must(t, w.Add(numbered(100_000).table()))
	if now := w.Written(); now.Spills != 1 || now.Tokens != numbered(100_000).tokens() || now.Bytes < 100_000 {
		t.Errorf("written so far: %+v", now)
	}
	_, err = r.Open(aName, 8)
	isLost(t, err, "not there")
	_, err = w.Finish()
	check.Must(t, err)
	check.Must(t, w.Abort())
	_, err = get(r, aName, 8)
	check.Must(t, err)
	if got := names(t, dir); !slices.Equal(got, []string{aName}) {
		t.Errorf("the folder holds %q", got)
	}
	if _, err := w.Finish(); err == nil {
		t.Error("finished twice")
	}
	if w.Add(numbered(1).table()) == nil {
		t.Error("something was added to a map output that is finished")
	}
}

func TestAnAbortLeavesNothing(t *testing.T) {
	t.Parallel()
	anAbortLeavesNothing(t, prepared)
}

func anAbortLeavesNothing(t *testing.T, prepared maker) {
	r, dir := prepared(t)
	w, err := r.Create(aName, 8)
	check.Must(t, err)
	check.Must(t, w.Add(numbered(100_000).table()))
	check.Must(t, w.Abort())
	check.Must(t, w.Abort())
	if _, err := w.Finish(); err == nil {
		t.Error("finished after an abort")
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestANameIsWrittenOnce(t *testing.T) {
	t.Parallel()
	r, _ := prepared(t)
	put(t, r, aName, 8, numbered(10))
	_, err := r.Create(aName, 8)
	isOfHost(t, r, err, aName, "exists")
	w, err := r.Create(anotherName, 8)
	check.Must(t, err)
	defer w.Abort()
	_, err = r.Create(anotherName, 8)
	isOfHost(t, r, err, anotherName, "exists")
	got, err := get(r, aName, 8)
	check.Must(t, err)
	same(t, got, numbered(10))
}

func TestMoreSpillsThanTheFormatHasLeaveNothing(t *testing.T) {
	t.Parallel()
	moreSpillsThanTheFormatHasLeaveNothing(t, prepared)
}

func moreSpillsThanTheFormatHasLeaveNothing(t *testing.T, prepared maker) {
	r, dir := prepared(t)
	w, err := r.Create(aName, 1)
	check.Must(t, err)
	for range MaxSpills {
		check.Must(t, w.Add(numbered(1).table()))
	}
	if w.Add(numbered(1).table()) == nil {
		t.Error("one spill too many")
	}
	if _, err := w.Finish(); err == nil || len(names(t, dir)) > 0 {
		t.Errorf("%v, and the folder holds %q", err, names(t, dir))
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	r, dir := prepared(t)
	put(t, r, aName, 8, numbered(10))
	w, err := r.Create(anotherName, 8)
	check.Must(t, err)
	defer w.Abort()
	check.Must(t, filepath.WalkDir(r.store.where, func(path string, d fs.DirEntry, err error) error {
		check.Must(t, err)
		info, err := d.Info()
		check.Must(t, err)
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = fs.ModeDir | 0o700
		}
		if info.Mode() != want {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return nil
	}))
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("the folder holds %q", got)
	}
}

// The checksums are from another implementation of XXH64.
func TestTheFormatIsForEver(t *testing.T) {
	t.Parallel()
	theFormatIsForEver(t, prepared)
}

func theFormatIsForEver(t *testing.T, prepared maker) {
	r, dir := prepared(t)
	put(t, r, aName, 2, counts{"to": 300}, counts{"be": 1})
	got, err := os.ReadFile(filepath.Join(dir, aName))
	check.Must(t, err)
	const want = "" +
		"mrmapout\x01\x00\x00\x00\x02\x00\x00\x00" + // header
		aJob + aRun + aName +
		"\x01\x01\x02to\xac\x02" + // segments
		"\x01\x01\x02be\x01" +
		"\x07\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00,\x01\x00\x00\x00\x00\x00\x00" + // footer
		"\xa4J\xba\x15\xa7\x00\x0d\xee" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"K\xbe\xa36\x13\xba\xaf\xd5" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\xd6\xccxd\xc3\xb6D\xd9" +
		"\x06\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00" +
		"\xc8\xfd\x94\x8d\x18\xe4\xf0\x9e" +
		"\xc5>F\xef\x97f\x11\x98" + // tail
		"\x80\x00\x00\x00\x00\x00\x00\x00" + "mrmapend"
	if string(got) != want {
		t.Errorf("got %q", got)
	}
}
