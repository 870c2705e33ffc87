package wordcount

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// scan lists a folder, and by the last names of their paths what isn't counted, with the reason.
func scan(t *testing.T, input string) (m Manifest, skipped map[string]string) {
	t.Helper()
	m, err := Scan(input, "", Selection{})
	must(t, err)
	return m, skips(m)
}

func skips(m Manifest) map[string]string {
	skipped := map[string]string{}
	for _, s := range m.Skipped {
		skipped[filepath.Base(s.Path)] = s.Why
	}
	return skipped
}

func TestFault39MissingInputIsNamed(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "no such folder")
	_, err := Scan(missing, "", Selection{})
	isError(t, err, ErrInput, strconv.Quote(missing), "exists")
}

func TestFault39InputThatBecomesUnreadableEndsTheRun(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, texts(5, 10))
		r.prepare(o)
		// A link that leads to itself can't be opened, whoever tries.
		path := r.plan.Manifest.Files[2].Path
		must(t, os.Remove(path))
		must(t, os.Symlink(path, path))
		r.finishFailing(ErrIncomplete, path)
		if st := r.status(); st.Buried == 0 || st.Mapped+st.Buried != st.Maps {
			t.Errorf("%d tasks of %d were done, %d buried", st.Mapped, st.Maps, st.Buried)
		}
	})
}

func TestFault39UnreadableFileIsNamedAmongThoseOfItsTask(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, map[string]string{"1": "lost", "2": "unreadable", "3": "lost too", "4": "kept", "5": "kept as well"})
		r.prepare(o)
		files := r.plan.Manifest.Files
		r.sup.splits = []Split{
			{File: files[0], Len: files[0].Size, More: files[1:3]},
			{File: files[3], Len: files[3].Size, More: files[4:]},
		}
		path := files[1].Path
		must(t, os.Remove(path))
		must(t, os.Symlink(path, path))
		r.finishFailing(ErrIncomplete, strconv.Quote(path))
		words, missing, err := Partial(t.Context(), r.rdb, r.plan.Job)
		must(t, err)
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
		if sealed := r.exact(Options{}); sealed.Files != 1 || sealed.Tokens != 3 {
			t.Errorf("%+v", sealed)
		}
	})
	t.Run("folders", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, map[string]string{"a": "x", "in/b": "y x", "in/it/c": "z", "in/it/too/d": "x"})
		if sealed := r.exact(Options{}); sealed.Files != 4 || sealed.Tokens != 5 {
			t.Errorf("%+v", sealed)
		}
	})
	t.Run("folder named through a link", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, map[string]string{"a": "x", "in/b": "y x"})
		link := filepath.Join(t.TempDir(), "link")
		must(t, os.Symlink(r.input, link))
		r.input = link
		if sealed := r.exact(Options{}); sealed.Files != 2 {
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
	must(t, os.Symlink(r.input, filepath.Join(r.input, "in", "up")))
	must(t, os.Symlink("itself", filepath.Join(r.input, "itself")))
	_, skipped := scan(t, r.input)
	if skipped["up"] != "a link to a folder" || skipped["itself"] == "" || len(skipped) != 2 {
		t.Errorf("skipped %q", skipped)
	}
	if sealed := r.exact(Options{}); sealed.Files != 2 {
		t.Errorf("%+v", sealed)
	}
}

func TestFault42WhatIsNoFileIsSaidAndNeverOpened(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"a": "x"})
	// Opening a FIFO waits for a writer for ever.
	must(t, syscall.Mkfifo(filepath.Join(r.input, "fifo"), 0o600))
	must(t, os.Symlink(os.DevNull, filepath.Join(r.input, "device")))
	must(t, os.Symlink("fifo", filepath.Join(r.input, "link to the fifo")))
	want := []string{"device", "fifo", "link to the fifo"}
	short, err := os.MkdirTemp("", "") // a socket's path must be short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(short) })
	socket, err := net.Listen("unix", filepath.Join(short, "socket"))
	must(t, err)
	t.Cleanup(func() { socket.Close() })
	must(t, os.Rename(filepath.Join(short, "socket"), filepath.Join(r.input, "socket")))
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
	if sealed := r.exact(Options{}); sealed.Files != 1 {
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
		inBothModes(t, func(t *testing.T, o Options) {
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
		"grows":      func(path string) error { return appendTo(path, "more") },
		"is touched": func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
		"vanishes":   os.Remove,
		"is replaced by a folder": func(path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		},
	}
	for what, change := range changes {
		t.Run("before it is read it "+what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, texts(5, 10))
			r.prepare(Options{Split: 100, Reducers: 3})
			path := r.plan.Manifest.Files[3].Path
			must(t, change(path))
			r.finishFailing(ErrIncomplete, strconv.Quote(path), "to count what it is now: mage requeue run")
			r.exact(Options{Split: 100, Reducers: 3}) // as the error advised
		})
		t.Run("after it was counted it "+what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, texts(5, 10))
			r.prepare(Options{Split: 100, Reducers: 3})
			path := r.plan.Manifest.Files[3].Path
			r.whenSeen(inPhase("done"), func(Status) { must(t, change(path)) })
			r.finishFailing(ErrIncomplete, strconv.Quote(path), "run again")
			r.exact(Options{Split: 100, Reducers: 3}) // as the error advised
		})
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func TestFault44FileThatChangesWhileItIsReadEndsTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, texts(3, 10))
	r.size = 0
	o := Options{Reducers: MapOnly}
	r.prepare(o)
	path := r.plan.Manifest.Files[1].Path
	// The second task is read while its file grows.
	r.startWorker("alone", answered("commit", 1, func() error { return appendTo(path, "more") }))
	r.finishFailing(ErrIncomplete, strconv.Quote(path), "size")
	if st := r.status(); st.Mapped != 2 || st.Buried != 1 {
		t.Errorf("%d tasks were counted, %d buried", st.Mapped, st.Buried)
	}
}

func TestFault45InvalidUTF8AndNULAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		o.Split = 7
		r := newRig(t, map[string]string{
			"nul":                  "a\x00b a\x00b \x00 \x00\x00 a",
			"invalid":              "\xff\xfe \xc2 \xc2\x20\xe2\x80 x\xe2\x80y \xf0\x9f \xed\xa0\x80 \xc0\x80",
			"truncated at the end": "word \xe2\x80",
		})
		sealed := r.exact(o)
		for e, err := range (Result{r.rdb, r.plan.Job, sealed.Fence}).Entries(t.Context()) {
			must(t, err)
			if e.Word == "a\x00b" {
				return
			}
		}
		t.Error("a word with a NUL in it is not in the result")
	})
}

func TestFault45AllPairsOfBytes(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
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
		for _, reducers := range []int{2, MapOnly} {
			r.prepare(Options{Split: split, Reducers: reducers})
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

func TestFault47OneLongLineTakesBoundedMemory(t *testing.T) {
	t.Parallel()
	size := full(128<<20, 1<<30)
	const bound = 96 << 20 // some 25 MiB are taken, and twice that under the race detector
	r := newRig(t, nil)
	// Words of a kilobyte and no end of a line, written a bit at a time.
	f, err := os.Create(filepath.Join(r.input, "line"))
	must(t, err)
	for i := range size >> 10 {
		_, err := f.WriteString(strings.Repeat(string(rune('a'+i%26)), 1023) + " ")
		must(t, err)
	}
	must(t, f.Close())
	r.size = 1
	r.prepare(Options{Split: int64(size), Reducers: 2})
	peaks := map[int]int{}
	r.whenSeen(inPhase("done"), func(Status) { // while the workers still live: after them, a parent's peak counts as theirs
		for _, pid := range r.team.PIDs() {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if runtime.GOOS != "linux" {
				return // only there it is told
			}
			must(t, err)
			_, after, _ := strings.Cut(string(status), "VmHWM:")
			var kilobytes int
			_, err = fmt.Sscan(after, &kilobytes)
			must(t, err)
			peaks[pid] = kilobytes << 10
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*limit)
	defer cancel()
	sealed, err := r.runPrepared(ctx)
	must(t, err)
	if sealed.Distinct != 26 || sealed.Tokens != uint64(size>>10) {
		t.Errorf("sealed %d words, %d distinct", sealed.Tokens, sealed.Distinct)
	}
	if len(peaks) == 0 && runtime.GOOS == "linux" {
		t.Error("no worker was looked at")
	}
	for _, most := range peaks {
		if most > bound {
			t.Errorf("a worker took %d MiB for a line of %d MiB", most>>20, size>>20)
		}
	}
}

func TestFault47WordBeyondTheLimitEndsTheRunNamingFileAndOffset(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, map[string]string{
			"fine": "some words " + strings.Repeat("x", count.MaxWord),
			"long": "some words " + strings.Repeat("x", count.MaxWord+1),
		})
		o.Split = 1 << 19
		r.prepare(o)
		r.finishFailing(ErrIncomplete, strconv.Quote(filepath.Join(r.input, "long")), "offset 11", "WORDCOUNT_EXCLUDE", "WORDCOUNT_SKIP=binary")
		if st := r.status(); st.Buried != 1 {
			t.Errorf("%d tasks were buried", st.Buried)
		}
	})
}

var strangeNames = []string{"with space", "with\nnewline", "with\ttab", "invalid\xff\xfeutf8", "\"quoted\"", "-flag", "ünïcödé", "\\n"}

func TestFault48FileNamesMayHoldAnything(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		files := map[string]string{}
		for i, name := range strangeNames {
			files[name] = fmt.Sprintf("word%d common", i)
			files["folder "+name+"/file"] = "deep"
		}
		r := newRig(t, files)
		if sealed := r.exact(o); sealed.Files != 2*len(strangeNames) {
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
			r.prepare(Options{})
			path := filepath.Join(r.input, name)
			r.whenSeen(inPhase("done"), func(Status) { must(t, appendTo(path, "more")) })
			r.finishFailing(ErrIncomplete, strconv.Quote(path))
			must(t, os.Remove(path))
			r.prepare(Options{})
			must(t, os.Remove(filepath.Join(r.input, "other")))
			r.finishFailing(ErrIncomplete, strconv.Quote(filepath.Join(r.input, "other")))
		})
	}
}

func TestFault48NamesOfUnreadableFilesAreQuotedToo(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"with\nnewline": "words"})
	r.prepare(Options{})
	path := r.plan.Manifest.Files[0].Path
	must(t, os.Remove(path))
	must(t, os.Symlink(path, path))
	r.finishFailing(ErrIncomplete, strconv.Quote(path))
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
	sealed, err := r.run(ctx, Options{})
	must(t, err)
	r.check(sealed)
	t.Logf("%d files in %s: %s each", n, time.Since(start).Round(time.Millisecond), time.Since(start)/time.Duration(n))
	if sealed.Files != n || sealed.Splits > manySplits {
		t.Errorf("%d files, %d splits", sealed.Files, sealed.Splits)
	}
}

func TestFault50OneHugeFileIsManySplits(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
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
	r := newRig(t, map[string]string{"distinct": words(n)})
	// The server notes every command, and of a long one how many arguments it had.
	r.setConfig("slowlog-max-len", "1000000")
	r.setConfig("slowlog-log-slower-than", "0")
	ctx, cancel := context.WithTimeout(t.Context(), 5*limit)
	defer cancel()
	sealed, err := r.run(ctx, Options{})
	must(t, err)
	r.setConfig("slowlog-log-slower-than", "-1")
	r.check(sealed)
	if sealed.Distinct != n || sealed.Splits != 1 {
		t.Errorf("%d distinct words in %d tasks", sealed.Distinct, sealed.Splits)
	}
	commands, err := r.probe.SlowLogGet(t.Context(), -1).Result()
	must(t, err)
	size := func(c redis.SlowLog) int {
		more := 0
		fmt.Sscanf(c.Args[len(c.Args)-1], "... (%d more arguments)", &more)
		return len(c.Args) + more
	}
	longest := slices.MaxFunc(commands, func(a, b redis.SlowLog) int { return size(a) - size(b) })
	t.Logf("of %d commands the longest took %s: %.60q", len(commands), longest.Duration, longest.Args)
	// A word has its count beside it; beyond the words there are keys and partitions.
	if most := size(longest); most < putMax || most > 2*putMax+100 {
		t.Errorf("a command had %d arguments; it may store %d words", most, putMax)
	}
}

func TestFault51PartitionsGrowWithTheInput(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]int{
		0: 1, 1: 1, partitionBytes: 1, partitionBytes + 1: 2, 1 << 30: 128, 1 << 40: maxPartitions,
	} {
		if got := NewPlan(Manifest{Bytes: size}, Options{}).Job.Reducers; got != want {
			t.Errorf("%d partitions for %d bytes, want %d", got, size, want)
		}
	}
}

func TestFault51MillionsOfDistinctWordsInOneTaskWithoutReducersAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"distinct": words(MaxLiveWords + 1), "fine": "some words"})
	r.prepare(Options{Reducers: MapOnly})
	r.finishFailing(ErrIncomplete, strconv.Quote(filepath.Join(r.input, "distinct")), strconv.Itoa(MaxLiveWords), "reducers or a split size")
	if st := r.status(); st.Mapped != 1 || st.Buried != 1 {
		t.Errorf("%d tasks were counted, %d buried", st.Mapped, st.Buried)
	}
}

func TestFault54FileListedTwiceIsCountedTwice(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, o Options) {
		r := newRig(t, map[string]string{"file": "a b a", "in/other": "c"})
		must(t, os.Symlink("file", filepath.Join(r.input, "link")))
		must(t, os.Link(filepath.Join(r.input, "file"), filepath.Join(r.input, "hard link")))
		sealed := r.exact(o)
		if sealed.Files != 4 || sealed.Tokens != 10 {
			t.Errorf("%+v", sealed)
		}
		verdict, err := verify(t.Context(), r.plan.Manifest, Result{r.rdb, r.plan.Job, sealed.Fence}, Part{}, func(int64) {})
		must(t, err)
		if !verdict.Exact() || verdict.Distinct != 3 {
			t.Errorf("verify says %+v", verdict)
		}
	})
}

func TestTheStateFolderIsNoInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state := filepath.Join(dir, ".wordcount")
	must(t, os.Mkdir(state, 0o700))
	must(t, os.WriteFile(filepath.Join(state, "last"), []byte("x"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "input"), []byte("x"), 0o600))
	m, err := Scan(dir, state, Selection{})
	must(t, err)
	if len(m.Files) != 1 || len(m.Skipped) != 1 {
		t.Errorf("%d files, %d skipped", len(m.Files), len(m.Skipped))
	}
}
