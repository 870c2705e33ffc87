package targets_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestTasksThatWereGivenUpAreListedAndTheRestCanBeRead(t *testing.T) {
	t.Parallel()
	for _, reducers := range []string{"3", "0"} {
		t.Run(reducers+" reducers", func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.slowTexts(10)
			f.set("WORDCOUNT_REDUCERS", reducers)
			f.set("WORDCOUNT_SPLIT", "1KiB")
			// The last file vanishes before anybody has got that far, and comes back later as it was.
			path, away := filepath.Join(f.dir, "data", "text 009.txt"), filepath.Join(f.dir, "away")
			info, err := os.Stat(path)
			check.Must(t, err)
			p := f.start("run")
			p.team(syscall.SIGSTOP)
			check.Must(t, os.Rename(path, away))
			p.letGo()
			contains(t, p.exits(5).err, "incomplete: ")

			var s struct {
				Phase  string
				Buried []struct {
					Task, File, Error string
					Offset            *int64
				}
			}
			check.Must(t, json.Unmarshal([]byte(f.exits(0, "status", "-json").out), &s))
			text := f.exits(0, "status").out
			if want := int(info.Size()+1023) / 1024; s.Phase != "map" || len(s.Buried) != want || want < 2 {
				t.Fatalf("%d tasks should have been given up:\n%s", want, text)
			}
			for i, b := range s.Buried {
				if b.Offset == nil || *b.Offset != int64(i)<<10 || b.File != path || !strings.Contains(b.Error, "no such file") {
					t.Errorf("given up: %+v", b)
					continue
				}
				contains(t, text, fmt.Sprintf("given up %s, %q at %d: %s\n", b.Task, path, i<<10, b.Error))
			}

			written := 0
			for _, r := range f.events(f.job().ID) {
				if r.Name == event.Buried && strings.Contains(r.Why, "no such file") {
					written++
				}
			}
			if written != len(s.Buried) {
				t.Errorf("%d of %d tasks that were given up were written down", written, len(s.Buried))
			}

			if got, want := f.exits(0, "export", "-partial").out, f.counted(); got != want {
				t.Errorf("the rest has %d lines:\n%s\na serial count of it has %d:\n%s", lines(got), head(got), lines(want), head(want))
			}
			top := f.exits(0, "top", "-partial", "-n=1000")
			contains(t, top.err, fmt.Sprintf("! partial: %d maps of job ", len(s.Buried)))
			var want strings.Builder
			for line := range strings.Lines(f.counted()) {
				n, word, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				if !utf8.ValidString(word) {
					word = strconv.Quote(word)
				}
				fmt.Fprintf(&want, "%12s  %s\n", n, word)
			}
			if top.out != want.String() {
				t.Errorf("the top of the rest:\n%s\nby a serial count:\n%s", head(top.out), head(want.String()))
			}

			check.Must(t, os.Rename(away, path))
			f.set("WORDCOUNT_FAULTS", "")
			contains(t, f.exits(0, "requeue", "run", "verify").out, "exact: ")
			f.exact()
		})
	}
}

func TestWhatIsPartOfASealedJobIsAllOfIt(t *testing.T) {
	t.Parallel()
	for _, reducers := range []string{"3", "0"} {
		t.Run(reducers+" reducers", func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.texts(5)
			f.set("WORDCOUNT_REDUCERS", reducers)
			f.exits(0, "run")
			partial := f.exits(0, "top", "-partial")
			contains(t, partial.err, "! partial: 0 maps of job ")
			if all := f.exits(0, "top").out; partial.out != all {
				t.Errorf("top -partial:\n%s, top:\n%s", partial.out, all)
			}
			if got := f.exits(0, "export", "-partial").out; got != f.counted() {
				t.Errorf("export -partial has %d lines:\n%s", lines(got), head(got))
			}
		})
	}
}
