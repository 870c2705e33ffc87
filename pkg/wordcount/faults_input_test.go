package wordcount

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// scan lists a folder, and by the last names of their paths what isn't counted, with the reason.
func scan(t *testing.T, input string) (m plan.Manifest, skipped map[string]string) {
	t.Helper()
	m, err := plan.Scan(t.Context(), []string{input}, "", plan.Options{})
	check.Must(t, err)
	return m, skips(m)
}

func skips(m plan.Manifest) map[string]string {
	skipped := map[string]string{}
	for _, s := range m.Skipped {
		skipped[filepath.Base(s.Path)] = s.Why
	}
	return skipped
}

func TestFault39InputThatBecomesUnreadableEndsTheRun(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, check.Texts(5, 10))
		r.prepare(o)
		// A link that leads to itself can't be opened, whoever tries.
		path := r.plan.Manifest.Files[2].Path
		check.Must(t, os.Remove(path))
		check.Must(t, os.Symlink(path, path))
		r.finishFailing(protocol.ErrIncomplete, path)
		if st := r.status(); st.Buried == 0 || st.Mapped+st.Buried != st.Maps {
			t.Errorf("%d tasks of %d were done, %d buried", st.Mapped, st.Maps, st.Buried)
		}
	})
}

// amongVeryMany plans the job anew with thousands of files more, so that three files share a task.
// The others are one file that is empty.
func (r *rig) amongVeryMany(o plan.Options) plan.Manifest {
	r.tb.Helper()
	m := r.plan.Manifest
	empty := filepath.Join(r.tb.TempDir(), "empty")
	check.Must(r.tb, os.WriteFile(empty, nil, 0o600))
	now, err := input.Stat(empty)
	check.Must(r.tb, err)
	m.Files = append(m.Files, slices.Repeat([]input.File{{Path: empty, MTime: now.Mtime}}, 2<<12)...)
	r.planned(plan.New(m, o))
	return m
}

func TestFault39UnreadableFileIsNamedAmongThoseOfItsTask(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, map[string]string{"1": "lost", "2": "unreadable", "3": "lost too", "4": "kept", "5": "kept as well"})
		r.prepare(o)
		m := r.amongVeryMany(o)
		if s := r.plan.Splits(); len(s[0].More) != 2 || s[1].Path != m.Files[3].Path {
			t.Fatalf("the first tasks are %v and %v", s[0], s[1])
		}
		path := m.Files[1].Path
		check.Must(t, os.Remove(path))
		check.Must(t, os.Symlink(path, path))
		r.finishFailing(protocol.ErrIncomplete, strconv.Quote(path))
		words, missing, err := result.Unsealed(t.Context(), r.rdb, r.plan.Job, func(ctx context.Context, _ string) (*shuffle.Store, error) { return shuffle.Open(ctx, r.store) })
		check.Must(t, err)
		var left []string
		for _, w := range words {
			left = append(left, fmt.Sprintf("%s %d", w.Word, w.N))
		}
		if slices.Sort(left); !slices.Equal(left, []string{"as 1", "kept 2", "well 1"}) || missing != 1 {
			t.Errorf("%d task missing, left is %q", missing, left)
		}
	})
}

func TestFault40InputIsAFileOrFoldersInFolders(t *testing.T) {
	t.Parallel()
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, map[string]string{"one": "a b a", "other": "not this"})
		r.input = filepath.Join(r.input, "one")
		if sealed := r.exact(plan.Options{}); sealed.Files != 1 || sealed.Tokens != 3 {
			t.Errorf("%+v", sealed)
		}
	})
	t.Run("folders", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, map[string]string{"a": "x", "in/b": "y x", "in/it/c": "z", "in/it/too/d": "x"})
		if sealed := r.exact(plan.Options{}); sealed.Files != 4 || sealed.Tokens != 5 {
			t.Errorf("%+v", sealed)
		}
	})
	t.Run("folder named through a link", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, map[string]string{"a": "x", "in/b": "y x"})
		link := filepath.Join(t.TempDir(), "link")
		check.Must(t, os.Symlink(r.input, link))
		r.input = link
		if sealed := r.exact(plan.Options{}); sealed.Files != 2 {
			t.Errorf("%+v", sealed)
		}
	})
}

func TestHiddenFilesAreCounted(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{".file": "one two", ".folder/.file": "two three"})
	if sealed := r.exact(bothModes[0]); sealed.Files != 2 || sealed.Tokens != 4 {
		t.Errorf("%d words in %d files", sealed.Tokens, sealed.Files)
	}
}

func TestFault41LoopOfLinksIsSaidAndNotFollowed(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "x", "in/b": "y x"})
	check.Must(t, os.Symlink(r.input, filepath.Join(r.input, "in", "up")))
	check.Must(t, os.Symlink("itself", filepath.Join(r.input, "itself")))
	_, skipped := scan(t, r.input)
	if skipped["up"] != "a link to a folder" || skipped["itself"] == "" || len(skipped) != 2 {
		t.Errorf("skipped %q", skipped)
	}
	if sealed := r.exact(plan.Options{}); sealed.Files != 2 {
		t.Errorf("%+v", sealed)
	}
}

func TestFault42WhatIsNoFileIsSaidAndNeverOpened(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "x"})
	// Opening a FIFO waits for a writer for ever.
	check.Must(t, syscall.Mkfifo(filepath.Join(r.input, "fifo"), 0o600))
	check.Must(t, os.Symlink(os.DevNull, filepath.Join(r.input, "device")))
	check.Must(t, os.Symlink("fifo", filepath.Join(r.input, "link to the fifo")))
	want := []string{"device", "fifo", "link to the fifo"}
	short, err := os.MkdirTemp("", "") // a socket's path must be short
	check.Must(t, err)
	t.Cleanup(func() { os.RemoveAll(short) })
	socket, err := net.Listen("unix", filepath.Join(short, "socket"))
	check.Must(t, err)
	t.Cleanup(func() { socket.Close() })
	check.Must(t, os.Rename(filepath.Join(short, "socket"), filepath.Join(r.input, "socket")))
	want = append(want, "socket")
	_, skipped := scan(t, r.input)
	var names []string
	for name, why := range skipped {
		names = append(names, name)
		if why != "not a regular file" {
			t.Errorf("%s: %s", name, why)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("skipped %q, want %q", names, want)
	}
	if sealed := r.exact(plan.Options{}); sealed.Files != 1 {
		t.Errorf("%+v", sealed)
	}
}

func TestFault43NothingToCountIsAnExactResult(t *testing.T) {
	t.Parallel()
	for what, files := range map[string]map[string]string{
		"no files":    {},
		"empty files": {"a": "", "b": ""},
		"white space": {"a": " \n\t\u00a0\u2028"},
	} {
		inBothModes(t, func(t *testing.T, o plan.Options) {
			r := newRig(t, files)
			if sealed := r.exact(o); sealed.Tokens != 0 || sealed.Distinct != 0 {
				t.Errorf("%s: %+v", what, sealed)
			}
		})
	}
}

func TestFault44FileThatChangesDuringTheRunEndsIt(t *testing.T) {
	t.Parallel()
	changes := map[string]func(path string) error{
		"grows":      func(path string) error { return check.Append(path, "more") },
		"is touched": func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
		"vanishes":   os.Remove,
		"is replaced by a folder": func(path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		},
	}
	codes := map[string]protocol.Code{
		"grows": protocol.Grew, "is touched": protocol.Changed, "vanishes": protocol.Changed, "is replaced by a folder": protocol.Changed,
	}
	for what, change := range changes {
		t.Run("before it is read it "+what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(5, 10))
			r.prepare(plan.Options{Split: 100, Reducers: 3})
			path := r.plan.Manifest.Files[3].Path
			check.Must(t, change(path))
			r.finishIncomplete(codes[what], strconv.Quote(path))
			r.exact(plan.Options{Split: 100, Reducers: 3}) // as the error advised
		})
		t.Run("after it was counted it "+what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, check.Texts(5, 10))
			r.prepare(plan.Options{Split: 100, Reducers: 3})
			path := r.plan.Manifest.Files[3].Path
			r.whenSeen(inPhase("done"), func(protocol.Status) { check.Must(t, change(path)) })
			r.finishIncomplete(codes[what], strconv.Quote(path), "run again")
			r.exact(plan.Options{Split: 100, Reducers: 3}) // as the error advised
		})
	}
}

func TestFault44FileThatChangesWhileItIsReadEndsTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(3, 10))
	r.size = 0
	o := plan.Options{Direct: true}
	r.prepare(o)
	path := r.plan.Manifest.Files[1].Path
	// The second task is read while its file grows.
	r.startWorker("alone", wordcounttest.Answered(t, "commit", 1, func() error { return check.Append(path, "more") }))
	r.finishFailing(protocol.ErrIncomplete, strconv.Quote(path), "size")
	if st := r.status(); st.Mapped != 2 || st.Buried != 1 {
		t.Errorf("%d tasks were counted, %d buried", st.Mapped, st.Buried)
	}
}

func TestFault45InvalidUTF8AndNULAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		o.Split = 7
		r := newRig(t, map[string]string{
			"nul":                  "a\x00b a\x00b \x00 \x00\x00 a",
			"invalid":              "\xff\xfe \xc2 \xc2\x20\xe2\x80 x\xe2\x80y \xf0\x9f \xed\xa0\x80 \xc0\x80",
			"truncated at the end": "word \xe2\x80",
		})
		sealed := r.exact(o)
		for e, err := range r.result(sealed).Entries(t.Context()) {
			check.Must(t, err)
			if e.Word == "a\x00b" {
				return
			}
		}
		t.Error("a word with a NUL in it is not in the result")
	})
}

func TestFault45AllPairsOfBytes(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		o.Split = 4099
		newRig(t, map[string]string{"all": allBytes()}).exact(o)
	})
}

func allBytes() string {
	var b strings.Builder
	for i := range 256 {
		for j := range 256 {
			b.WriteByte(byte(i))
			b.WriteByte(byte(j))
			if (i+j)%5 == 0 {
				b.WriteByte(' ')
			}
		}
	}
	return b.String()
}

// everySplit runs one text with all kinds of split sizes on one server.
func everySplit(t *testing.T, text string, splits []int64) {
	t.Helper()
	r := newRig(t, map[string]string{"text": text})
	for _, split := range splits {
		for _, reducers := range []int{2, 0} {
			r.prepare(plan.Options{Split: split, Reducers: reducers, Direct: reducers == 0})
			r.team.Size = 1
			r.finishExactly()
		}
	}
}

func TestFault46WhiteSpaceAcrossTheEdgeOfASplit(t *testing.T) {
	t.Parallel()
	text := "\ufeffbom\r\ncrlf\r\n\r\nno\u00a0break\u2003em\u3000wide\u0085next\u2028line\u1680ogham \u200bno space\u200b \r\n"
	everySplit(t, text, []int64{1, 2, 3, 5})
}

func TestFault47WordBeyondTheLimitEndsTheRunNamingFileAndOffset(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, map[string]string{
			"fine": "some words " + strings.Repeat("x", count.MaxWord),
			"long": "some words " + strings.Repeat("x", count.MaxWord+1),
		})
		o.Split = 1 << 19
		r.prepare(o)
		r.finishIncomplete(protocol.TooLong, strconv.Quote(filepath.Join(r.input, "long")), "offset 11")
		if st := r.status(); st.Buried != 1 {
			t.Errorf("%d tasks were buried", st.Buried)
		}
	})
}

func TestFault48FileNamesMayHoldAnything(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		files := map[string]string{}
		for i, name := range check.StrangeNames {
			files[name] = fmt.Sprintf("word%d common", i)
			files["folder "+name+"/file"] = "deep"
		}
		r := newRig(t, files)
		if sealed := r.exact(o); sealed.Files != 2*len(check.StrangeNames) {
			t.Errorf("%d files", sealed.Files)
		}
	})
}

func TestFault48FileNamesAreQuotedWhenPrinted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with\nnewline", "invalid\xff\xfeutf8", "with space"} {
		t.Run(strconv.Quote(name), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, map[string]string{name: "words", "other": "words"})
			r.prepare(plan.Options{})
			path := filepath.Join(r.input, name)
			r.whenSeen(inPhase("done"), func(protocol.Status) { check.Must(t, check.Append(path, "more")) })
			r.finishFailing(protocol.ErrIncomplete, strconv.Quote(path))
			check.Must(t, os.Remove(path))
			r.prepare(plan.Options{})
			check.Must(t, os.Remove(filepath.Join(r.input, "other")))
			r.finishFailing(protocol.ErrIncomplete, strconv.Quote(filepath.Join(r.input, "other")))
		})
	}
}

func TestFault48NamesOfUnreadableFilesAreQuotedToo(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"with\nnewline": "words"})
	r.prepare(plan.Options{})
	path := r.plan.Manifest.Files[0].Path
	check.Must(t, os.Remove(path))
	check.Must(t, os.Symlink(path, path))
	r.finishFailing(protocol.ErrIncomplete, strconv.Quote(path))
}

func TestFault49VeryManyTinyFiles(t *testing.T) {
	t.Parallel()
	n := full(20_000, 100_000)
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%03d/%d", i%200, i)] = fmt.Sprintf("w%d tiny\n", i%1000)
	}
	r := newRig(t, files)
	ctx, cancel := context.WithTimeout(t.Context(), 5*limit)
	defer cancel()
	start := time.Now()
	sealed, err := r.run(ctx, plan.Options{})
	check.Must(t, err)
	r.check(sealed)
	t.Logf("%d files in %s: %s each", n, time.Since(start).Round(time.Millisecond), time.Since(start)/time.Duration(n))
	if sealed.Files != n || sealed.Splits > 1<<12 {
		t.Errorf("%d files, %d splits", sealed.Files, sealed.Splits)
	}
}

func TestFault50OneHugeFileIsManySplits(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		var b strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&b, "w%d\u3000%s\u00a0x%d\r\n", i%97, strings.Repeat("y", i%31), i%13)
		}
		r := newRig(t, map[string]string{"huge": b.String()})
		o.Split = full(int64(4099), 1009)
		if sealed := r.exact(o); sealed.Splits < b.Len()/int(o.Split) || sealed.Files != 1 {
			t.Errorf("%d splits of %d files", sealed.Splits, sealed.Files)
		}
	})
}

func TestFault51MillionsOfDistinctWordsInOneTask(t *testing.T) {
	t.Parallel()
	n := full(100_000, 3_000_000)
	r := newRig(t, map[string]string{"distinct": check.Words(n)})
	// The server notes every command, and of a long one how many arguments it had.
	r.setConfig("slowlog-max-len", "1000000")
	r.setConfig("slowlog-log-slower-than", "0")
	ctx, cancel := context.WithTimeout(t.Context(), 5*limit)
	defer cancel()
	sealed, err := r.run(ctx, plan.Options{})
	check.Must(t, err)
	r.setConfig("slowlog-log-slower-than", "-1")
	r.check(sealed)
	if sealed.Distinct != n || sealed.Splits != 1 {
		t.Errorf("%d distinct words in %d tasks", sealed.Distinct, sealed.Splits)
	}
	commands, err := r.probe.SlowLogGet(t.Context(), -1).Result()
	check.Must(t, err)
	size := func(c redis.SlowLog) int {
		more := 0
		fmt.Sscanf(c.Args[len(c.Args)-1], "... (%d more arguments)", &more)
		return len(c.Args) + more
	}
	longest := slices.MaxFunc(commands, func(a, b redis.SlowLog) int { return size(a) - size(b) })
	t.Logf("of %d commands the longest took %s: %.60q", len(commands), longest.Duration, longest.Args)
	const storeWords = 10_000 // in one call
	// A word has its count beside it; beyond the words there are keys and partitions.
	if most := size(longest); most < storeWords || most > 2*storeWords+100 {
		t.Errorf("a command had %d arguments; it may store %d words", most, storeWords)
	}
}

func TestFault51MillionsOfDistinctWordsInOneTaskWithoutReducersAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"distinct": check.Words(500_001), "fine": "some words"})
	r.prepare(plan.Options{Direct: true})
	r.finishFailing(protocol.ErrIncomplete, strconv.Quote(filepath.Join(r.input, "distinct")), "500000", "reducers or a split size")
	if st := r.status(); st.Mapped != 1 || st.Buried != 1 {
		t.Errorf("%d tasks were counted, %d buried", st.Mapped, st.Buried)
	}
}

func TestFault54FileListedTwiceIsCountedTwice(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o plan.Options) {
		r := newRig(t, map[string]string{"file": "a b a", "in/other": "c"})
		check.Must(t, os.Symlink("file", filepath.Join(r.input, "link")))
		check.Must(t, os.Link(filepath.Join(r.input, "file"), filepath.Join(r.input, "hard link")))
		sealed := r.exact(o)
		if sealed.Files != 4 || sealed.Tokens != 10 {
			t.Errorf("%+v", sealed)
		}
		verdict, err := r.verify(sealed)
		check.Must(t, err)
		if !verdict.Exact() || verdict.Distinct != 3 {
			t.Errorf("verify says %+v", verdict)
		}
	})
}

func TestTheStateFolderIsNoInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state := filepath.Join(dir, ".wordcount")
	check.Must(t, os.Mkdir(state, 0o700))
	check.Must(t, os.WriteFile(filepath.Join(state, "last"), []byte("x"), 0o600))
	check.Must(t, os.WriteFile(filepath.Join(dir, "input"), []byte("x"), 0o600))
	m, err := plan.Scan(t.Context(), []string{dir}, state, plan.Options{})
	check.Must(t, err)
	if len(m.Files) != 1 || len(m.Skipped) != 1 {
		t.Errorf("%d files, %d skipped", len(m.Files), len(m.Skipped))
	}
}
