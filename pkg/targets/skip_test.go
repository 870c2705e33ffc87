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

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAnOptionThatSelectsNothingKnownIsNamedAndExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	for option, says := range map[string]string{
		"WORDCOUNT_EXCLUDE=*.gz,[a":        `the pattern "[a" is malformed`,
		"WORDCOUNT_EXCLUDE=!keep":          `the pattern "!keep": patterns can't bring files back`,
		"WORDCOUNT_SKIP=unreadable,hidden": `"hidden": write unreadable, binary or both`,
		"WORDCOUNT_GROWING=yes":            "write planned",
	} {
		name, value, _ := strings.Cut(option, "=")
		f.set(name, value)
		r := f.exits(2, "run")
		contains(t, r.err, option+": "+says)
		lacks(t, r.err, "redis:start")
		delete(f.env, name)
	}
}

// told requires that this was skipped, and that every command that speaks of the result says so.
func (f *folder) told(want ...plan.SkippedFor) {
	f.Helper()
	first := f.exits(0, "run")
	again := f.exits(0, "run")
	contains(f, again.err, "up to date")
	status := f.exits(0, "status").out
	for _, s := range want {
		line := fmt.Sprintf("%d (%s): %s", s.Count, s.Why, strings.Join(s.First, ", "))
		for _, r := range []result{first, again} {
			contains(f, r.out, "\nskipped "+line)
			contains(f, r.err, "stream:seed      skipped "+line)
		}
		contains(f, status, "\nskipped  "+line)
	}
	var r struct {
		Skipped []plan.SkippedFor `json:"skipped"`
	}
	check.Must(f, json.Unmarshal([]byte(f.exits(0, "status", "-json").out), &r))
	sealed, ok, err := state.Folder{Dir: f.state()}.Sealed(f.job().ID)
	if !ok || err != nil {
		f.Fatalf("not sealed: %v", err)
	}
	if fmt.Sprint(r.Skipped) != fmt.Sprint(want) || fmt.Sprint(sealed.Skipped) != fmt.Sprint(want) {
		f.Errorf("status says %v, published is %v, want %v", r.Skipped, sealed.Skipped, want)
	}
	list := filepath.Join(".wordcount", "jobs", f.job().ID, "skipped")
	contains(f, status, "all of them: "+list)
	contains(f, first.err, "all that was skipped: "+list)
	text, err := os.ReadFile(filepath.Join(f.dir, list))
	check.Must(f, err)
	for _, s := range want {
		if n := strings.Count(string(text), " "+s.Why+"\n"); n != s.Count {
			f.Errorf("%d times %s in the list:\n%s", n, s.Why, text)
		}
		for _, path := range s.First {
			contains(f, string(text), path+" "+s.Why+"\n")
		}
	}
}

// named is a path of the folder as it is told.
func (f *folder) named(name string) string { return strconv.Quote(filepath.Join(f.dir, name)) }

func TestFault39UnreadableFilesAreSkippedAndToldIfAskedFor(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(2)
	f.write("data/secret.txt", "nobody may read this")
	f.write("data/closed/file.txt", "nor this")
	check.Must(t, os.Chmod(filepath.Join(f.dir, "data", "secret.txt"), 0))
	check.Must(t, os.Chmod(filepath.Join(f.dir, "data", "closed"), 0))
	t.Cleanup(func() { os.Chmod(filepath.Join(f.dir, "data", "closed"), 0o755) })
	if os.Getuid() == 0 { // who may read anything
		f.becomeNobody()
	}
	r := f.exits(2, "run")
	contains(t, r.err, `closed": permission denied: WORDCOUNT_SKIP=unreadable counts what you may read`)
	f.set("WORDCOUNT_SKIP", "unreadable")
	f.told(plan.SkippedFor{Why: "unreadable", Count: 2, First: []string{f.named("data/closed"), f.named("data/secret.txt")}})
	contains(t, f.exits(0, "run").out, "in 2 files")
	contains(t, f.exits(0, "verify").out, "0 missing, 0 surplus, 0 different")
}

func TestFault47BinaryFilesAreSkippedAndToldIfAskedFor(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(2)
	counted := f.counted()
	f.write("data/zeros", strings.Repeat("\x00", 2<<20))
	contains(t, f.exits(5, "run").err, "WORDCOUNT_SKIP=binary leaves out files with NUL bytes, WORDCOUNT_EXCLUDE any by name; then run again")
	f.set("WORDCOUNT_SKIP", "binary")
	f.told(plan.SkippedFor{Why: "binary", Count: 1, First: []string{f.named("data/zeros")}})
	if got := f.exits(0, "export").out; got != counted {
		t.Errorf("exported:\n%s", head(got))
	}
}

func TestCompressedFilesAreUnpackedAndTold(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("data/plain", "one two two three")
	f.write("data/some.log", string(check.Gzip(t, "one two", " two three")))
	f.write("data/more.log", string(check.Zstd(t, "three three")))
	r := f.exits(0, "run")
	contains(t, r.err, ": 3 files, ")
	contains(t, r.out, " of compressed files had ")
	if got := f.exits(0, "export").out; got != "4\tthree\n4\ttwo\n2\tone\n" {
		t.Errorf("exported %q", got)
	}
	contains(t, f.exits(0, "verify").out, "exact: 3 distinct, 0 missing, 0 surplus, 0 different")
}

func TestFault76ADamagedFileIsNamedWithTheOffsetAndExits5(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(2)
	counted := f.counted()
	whole := check.Gzip(t, "one two")
	f.write("data/some.log", string(whole[:len(whole)-3]))
	place := fmt.Sprintf("%s: its gzip data is damaged at byte %d of %[2]d: unexpected EOF", f.named("data/some.log"), len(whole)-3)
	r := f.exits(5, "run")
	contains(t, r.err, place)
	contains(t, r.err, " requeue run; or leave the file out with WORDCOUNT_EXCLUDE, and run again\n")
	f.write("data/some.log", string(whole))
	f.set("WORDCOUNT_EXCLUDE", "*.log")
	f.exits(0, "run")
	if got := f.exits(0, "export").out; got != counted {
		t.Errorf("exported:\n%s", head(got))
	}
}

func TestExcludedFilesAreToldByThePatternThatExcludesThem(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(2)
	counted := f.counted()
	for _, name := range []string{"1.gz", "2.gz", "in/3.gz", "in/4.gz", ".git/config", "a, b"} {
		f.write("data/"+name, "not this")
	}
	check.Must(t, os.Symlink("nowhere", filepath.Join(f.dir, "data", "link")))
	f.set("WORDCOUNT_EXCLUDE", "*.gz, .git/\na\\, b")
	f.told(
		plan.SkippedFor{Why: `excluded by "*.gz"`, Count: 4, First: []string{f.named("data/1.gz"), f.named("data/2.gz"), f.named("data/in/3.gz")}},
		plan.SkippedFor{Why: "a link that leads nowhere", Count: 1, First: []string{f.named("data/link")}},
		plan.SkippedFor{Why: `excluded by ".git/"`, Count: 1, First: []string{f.named("data/.git")}},
		plan.SkippedFor{Why: `excluded by "a\\, b"`, Count: 1, First: []string{f.named("data/a, b")}},
	)
	contains(t, f.exits(0, "status").out, " and 1 more\n")
	if got := f.exits(0, "export").out; got != counted {
		t.Errorf("exported:\n%s", head(got))
	}
	f.set("WORDCOUNT_EXCLUDE", "**")
	f.told(
		plan.SkippedFor{Why: `excluded by "**"`, Count: 8, First: []string{f.named("data/.git"), f.named("data/1.gz"), f.named("data/2.gz")}},
	)
}

func TestFault43WhenEverythingIsSkippedTheResultIsExactEmptyAndSaysSo(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("data/zeros", "\x00")
	f.set("WORDCOUNT_SKIP", "binary")
	f.told(plan.SkippedFor{Why: "binary", Count: 1, First: []string{f.named("data/zeros")}})
	contains(t, f.exits(0, "run").out, "sealed  0 words, 0 distinct, in 0 files")
	if r := f.exits(0, "export"); r.out != "" {
		t.Errorf("exported: %s", r.out)
	}
}

func TestAnotherFoldersStateIsNotCounted(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	other := f.guest()
	other.texts(1)
	other.exits(0, "run")
	check.Must(t, os.CopyFS(filepath.Join(f.dir, "data", "other", ".wordcount"), os.DirFS(other.state())))
	check.Must(t, os.CopyFS(filepath.Join(f.dir, "data", "ours"), os.DirFS(f.state())))
	f.told(plan.SkippedFor{Why: "the state of wordcount's jobs", Count: 2,
		First: []string{f.named("data/other/.wordcount"), f.named("data/ours")}})
	contains(t, f.exits(0, "run").out, "in 1 file; ")
}

// appended appends to an input file.
func (f *folder) appended(name, text string) {
	f.Helper()
	file, err := os.OpenFile(filepath.Join(f.dir, name), os.O_APPEND|os.O_WRONLY, 0)
	check.Must(f, err)
	_, err = file.WriteString(text)
	check.Must(f, err)
	check.Must(f, file.Close())
}

// As README's /var/log is for an ordinary user.
func TestTheLogsOfARunningSystemAreCountedByAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(20)
	counted := f.counted()
	f.write("data/wtmp", "\x00binary")
	f.write("data/private/secret.log", "nobody may read this")
	check.Must(t, os.Chmod(filepath.Join(f.dir, "data", "private"), 0))
	t.Cleanup(func() { os.Chmod(filepath.Join(f.dir, "data", "private"), 0o755) })
	if os.Getuid() == 0 {
		f.becomeNobody()
	}
	f.live()
	f.set("WORDCOUNT_SKIP", "unreadable,binary")
	f.set("WORDCOUNT_GROWING", "planned")
	p := f.start("run", "verify")
	p.says("workers:spawn ")
	f.await("the run has begun", func() bool { return f.status().Tasks.Done > 0 })
	f.appended("data/text 019.txt", "more")
	r := p.exits(0)
	contains(t, r.out, "skipped 1 (unreadable): "+f.named("data/private")+"\n")
	contains(t, r.out, "skipped 1 (binary): "+f.named("data/wtmp")+"\n")
	contains(t, r.out, "0 missing, 0 surplus, 0 different")
	if got := f.exits(0, "export").out; got != counted {
		t.Errorf("exported:\n%s", head(got))
	}
}

func TestChaosResumesAJobWithTheFilesThatItWasGiven(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(60)
	counted := f.counted()
	f.write("data/more.gz", "not this")
	f.write("data/zeros", "\x00")
	f.live()
	f.set("WORDCOUNT_EXCLUDE", "*.gz")
	f.set("WORDCOUNT_SKIP", "binary")
	f.set("WORDCOUNT_GROWING", "planned")
	p := f.begun()
	job := f.job()
	for _, name := range []string{"WORDCOUNT_EXCLUDE", "WORDCOUNT_SKIP", "WORDCOUNT_GROWING"} { // as in another terminal
		delete(f.env, name)
	}
	attack := f.start("chaos:killSupervisor")
	attack.says("killed supervisor ")
	p.exits(-1)
	f.set("WORDCOUNT_FAULTS", "")
	attack.exits(0)
	if got := f.exits(0, "export").out; got != counted || f.job() != job {
		t.Errorf("job %v became %v, exported:\n%s", job, f.job(), head(got))
	}
}

func TestFault44AFileThatGrowsExits5AndTheOptionIsNamed(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(20)
	f.live()
	p := f.heldUp()
	f.appended("data/text 019.txt", "more")
	p.letGo()
	contains(t, p.exits(5).err, "WORDCOUNT_GROWING=planned")
}

func TestFault44AFileThatMayGrowIsCountedUpToItsPlannedSize(t *testing.T) {
	for name, reducers := range map[string]string{"map and reduce": "3", "map only": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.slowTexts(20)
			f.set("WORDCOUNT_REDUCERS", reducers)
			f.set("WORDCOUNT_GROWING", "planned")
			f.appended("data/text 019.txt", "half a wo") // so is a word where it ends
			counted := f.counted()
			p := f.heldUp()
			f.appended("data/text 019.txt", "rd, and more")
			// Workers that join know no more of the job than what is in Redis.
			joined := f.start("workers:join")
			joined.team()
			p.letGo()
			p.exits(0)
			joined.exits(0)
			if got := f.exits(0, "export").out; got != counted {
				t.Errorf("exported:\n%s", head(got))
			}
			f.appended("data/text 018.txt", "and more yet")
			contains(t, f.exits(0, "verify").out, "0 missing, 0 surplus, 0 different")
		})
	}
}

func TestAnInterruptedRunOfGrowingFilesGoesOnAsItWasPlanned(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(20)
	f.live()
	f.set("WORDCOUNT_GROWING", "planned")
	counted := f.counted()
	p := f.heldUp()
	job := f.job()
	f.appended("data/text 019.txt", "more")
	p.signal(os.Kill)
	<-p.ended
	p.team(syscall.SIGKILL)
	f.set("WORDCOUNT_FAULTS", "")
	f.set("WORDCOUNT_LEASE", "500ms")
	contains(t, f.exits(0, "run").err, "files have grown since job "+job.ID+" was planned: it goes on as planned")
	if now := f.job(); now != job {
		t.Errorf("job %v became %v", job, now)
	}
	if got := f.exits(0, "export").out; got != counted {
		t.Errorf("exported:\n%s", head(got))
	}
	// It is finished, so the next run counts what there is by then.
	lacks(t, f.exits(0, "run").err, "goes on")
	if now := f.job(); now == job {
		t.Error("a file that grew is the same job")
	}
	f.exact()
}
