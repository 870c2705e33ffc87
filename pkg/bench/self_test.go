package bench

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/s3/s3test"
)

// awk is a program that splits at the white space of ASCII.
const awk = `awk: find {dir} -type f -exec cat {} + | LC_ALL=C tr '\v\f\r' '   ' | ` +
	`LC_ALL=C awk '{for(i=1;i<=NF;i++)c[$i]++} END{for(w in c)printf "%d\t%s\n",c[w],w}' >{out}`

func TestEveryContenderIsMeasuredAndCountsTheSame(t *testing.T) {
	b := small(t)
	c := smallCorpus(t, b)
	outsiders, err := parseOutsiders(awk)
	must(t, err)
	rows, err := b.measure(t.Context(), "Pairs", append(append(b.ours(c), b.shell(c)...), b.outside(c, outsiders)...))
	must(t, err)
	want := map[string]string{
		theJob: equal, "the kernel alone": equal, "the kernel, one thread": equal, "bufio.Scanner and a map": equal,
		"tr | sort | uniq -c": equalASCII, "awk": equalASCII,
	}
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
	for _, r := range rows {
		if r.counts != want[r.name] {
			t.Errorf("%s counts %q, want %q", r.name, r.counts, want[r.name])
		}
		complete(t, r)
	}
	for _, unit := range []string{redisCPU, redisMemory, received, sent, checkpoints} {
		if rows[0].spent(unit) <= 0 {
			t.Errorf("the job's %s is %v", unit, rows[0].spent(unit))
		}
	}
	if runtime.GOOS == "linux" && rows[0].memory < 3*(4<<20) {
		t.Errorf("memory is %v, want that of a supervisor and two workers", rows[0].memory)
	}

	var table bytes.Buffer
	printPairs(&table, rows)
	t.Logf("%s", &table)
	path := filepath.Join(t.TempDir(), "out")
	must(t, b.log.append(path))
	log, err := os.ReadFile(path)
	must(t, err)
	for name := range want {
		if !strings.Contains(table.String(), "\n"+name+" ") {
			t.Errorf("the table has no line for %s", name)
		}
		line := "\nBenchmarkPairs/contender=" + strings.ReplaceAll(name, " ", "_") + " 1 "
		if strings.Count(string(log), line) != b.rounds {
			t.Errorf("the log doesn't have %d lines for %s:\n%s", b.rounds, name, log)
		}
	}
}

func TestWrongCountsAreAnErrorAndTheOthersAreMeasured(t *testing.T) {
	b := small(t)
	c := smallCorpus(t, b)
	outsiders, err := parseOutsiders("liar: echo '3 {dir}' >{out} ;; mute: echo no {dir} >{out} ;; broken: echo {dir} {out} has gone >&2; exit 3")
	must(t, err)
	rows, err := b.measure(t.Context(), "Pairs", append(b.ours(c)[:2], b.outside(c, outsiders)...))
	if err == nil {
		t.Fatal("no error")
	}
	for _, say := range []string{"liar: wrong counts: 3 words, 1 distinct", "mute: ", "not a count and a word", "broken: exit status 3", "has gone"} {
		if !strings.Contains(err.Error(), say) {
			t.Errorf("the error doesn't say %q: %v", say, err)
		}
	}
	for i, r := range rows {
		if failed := i >= 2; failed != (r.err != nil) {
			t.Errorf("%s: error %v", r.name, r.err)
		} else if !failed {
			complete(t, r)
		}
	}
}

func TestGoalsMeasuresEachThingWithAndWithoutIt(t *testing.T) {
	b := small(t)
	for _, name := range goalNames {
		g, err := b.goal(t.Context(), name)
		must(t, err)
		if name == "s3" && s3test.Build() != nil {
			continue // the benchmark skips its row, and says so
		}
		least := 2
		if name == "jsonl" || name == "csv" { // without DuckDB
			least = 1
		}
		if len(g.rows) < least && (name != "dying" || runtime.GOOS == "linux") {
			t.Errorf("%s has %d rows", name, len(g.rows))
		}
		for _, r := range g.rows {
			complete(t, r)
		}
		if r := g.rows; name == "small-files" && (r[0].corpus.files != 1 || r[1].corpus.files != 100 || r[0].corpus.bytes != r[1].corpus.bytes) {
			t.Errorf("corpora %+v and %+v, want the same bytes in 1 and 100 files", r[0].corpus, r[1].corpus)
		}
		var table bytes.Buffer
		printGoal(&table, g)
		t.Logf("%s", &table)
	}
}

func TestAJobWhoseWorkersAreKilledCountsTheSame(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the benchmark skips its row, and says so
	}
	b := small(t)
	c := smallCorpus(t, b)
	j := b.job("killed", "WORDCOUNT_WORKERS=4", "WORDCOUNT_SPLIT=4KiB", "WORDCOUNT_FAULTS=slow=100ms:4")
	j.kill = 300 * time.Millisecond
	defer func() { must(t, j.close(context.WithoutCancel(t.Context()))) }()
	must(t, j.open(t.Context()))
	s, err := j.count(t.Context(), c, false)
	must(t, err)
	want, err := b.inRole("kernel").count(t.Context(), c, false)
	must(t, err)
	if s.spent[kills] == 0 || s.tally != want.tally {
		t.Errorf("%+v, want kills, and %+v", s, want.tally)
	}
	must(t, os.Remove(filepath.Join(b.dir, "out")))
}

func TestASweepDrawsAPointForEachMeasurement(t *testing.T) {
	b := small(t)
	s, err := b.sweep(t.Context(), "words")
	must(t, err)
	if len(s.points) != 4 {
		t.Errorf("%d points, want 4", len(s.points))
	}
	for i, p := range s.points {
		if i > 0 && p.x <= s.points[i-1].x {
			t.Errorf("%v after %v", p.x, s.points[i-1].x)
		}
		for _, r := range p.rows {
			complete(t, r)
		}
	}
	if drawn := circles(t, s.picture); drawn != 2*len(s.points) {
		t.Errorf("%s has %d points, want %d", s.picture, drawn, 2*len(s.points))
	}
	var table bytes.Buffer
	printSweep(&table, s)
	t.Logf("%s", &table)
}

func TestEverySweepHasPointsThatGrow(t *testing.T) {
	b := bench{dir: t.TempDir(), scale: 0.001}
	for _, name := range sweepNames {
		s := b.axis(name)
		if len(s.points) < 4 || s.title == "" || s.x == "" {
			t.Errorf("%s is %+v", name, s)
		}
		for i := 1; i < len(s.points); i++ {
			if name != "words" && s.points[i].x <= s.points[i-1].x {
				t.Errorf("%s: %v after %v", name, s.points[i].x, s.points[i-1].x)
			}
		}
	}
}

func TestTheCProgramCountsWhatTheKernelCounts(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil || runtime.GOARCH != "amd64" {
		return // the benchmark skips its row, and says so
	}
	b := small(t)
	c := smallCorpus(t, b)
	p, ok := b.buildC(t.Context())
	if !ok {
		t.Fatal("it can't be built")
	}
	inC, err := b.program(withThreads(p, 2)).count(t.Context(), c, false)
	must(t, err)
	want, err := b.recount(t.Context(), c)
	must(t, err)
	if inC.tally != want {
		t.Errorf("it counts %+v, want %+v", inC.tally, want)
	}
	must(t, os.Remove(filepath.Join(b.dir, "out")))
}

func TestAPeerThatCannotBeBuiltIsSkippedWithOneLine(t *testing.T) {
	for _, c := range []struct {
		command []string
		line    string
	}{
		{[]string{"no-such-tool"}, "skipped x: no-such-tool is not installed"},
		{[]string{"sh", "-c", "echo one; echo two >&2; exit 1"}, "skipped x: sh: exit status 1 its last lines: one two"},
	} {
		var said []string
		b := bench{dir: t.TempDir(), say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
		if _, ok := b.build(t.Context(), "x", c.command...); ok || len(said) != 1 || said[0] != c.line {
			t.Errorf("%q: built is %v, said %q, want %q", c.command, ok, said, c.line)
		}
	}
}

func TestWhatTakesMoreThanAMinuteIsMeasuredOnce(t *testing.T) {
	for seconds, want := range map[float64]int{59: 0, 61: 1} {
		var r row
		r.learn(sample{seconds: seconds}, true)
		if len(r.samples) != want || r.slow != (want == 1) {
			t.Errorf("a first round of %v s makes %+v", seconds, r)
		}
	}
}

func TestAnInterruptedBenchLeavesNothing(t *testing.T) {
	b := small(t)
	c := smallCorpus(t, b)
	b.env = append(b.env, "WORDCOUNT_FAULTS=slow=1m:2")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, func() {
		for ctx.Err() == nil { // until the job is at work
			if found, _ := filepath.Glob(filepath.Join(b.dir, "jobs", "*", ".wordcount", "jobs", "*", "workers.log")); len(found) > 0 {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	if _, err := b.measure(ctx, "Pairs", b.ours(c)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestOutsidersHaveNamesAndPlacesForFolderAndFile(t *testing.T) {
	got, err := parseOutsiders(" a b: x -o {out} {dir} ;; /usr/bin/y {dir} {out};; ")
	must(t, err)
	if len(got) != 2 || got[0] != (outsider{"a b", "x -o {out} {dir}"}) || got[1] != (outsider{"y", "/usr/bin/y {dir} {out}"}) {
		t.Errorf("%+v", got)
	}
	if _, err := parseOutsiders("x {dir}"); err == nil {
		t.Error("no {out}, and no error")
	}
}

// complete checks that a row has all its figures.
func complete(t *testing.T, r row) {
	t.Helper()
	s := r.seconds()
	if counted := r.tally.tokens > 0 && r.tally.distinct > 0 && r.tally.digest > 0; counted == (r.counts == uncounted) || len(r.samples) == 0 || s.median <= 0 || s.min > s.median ||
		s.median > s.max || r.ratio(r) != 1 || r.spent(cpu) <= 0 || r.memory <= 0 || r.corpus.bytes == 0 {
		t.Errorf("incomplete: %+v", r)
	}
}

// circles counts the points of a picture, which must be sound XML.
func circles(t *testing.T, path string) (n int) {
	t.Helper()
	file, err := os.Open(path)
	must(t, err)
	defer file.Close()
	for d := xml.NewDecoder(file); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		must(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "circle" {
			n++
		}
	}
}

func TestTheMagefileNamesEveryGoalAndSweep(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "magefile.go"))
	must(t, err)
	for _, names := range [][]string{goalNames, sweepNames} {
		if list := `{"` + strings.Join(names, `", "`) + `"}`; !strings.Contains(string(text), list) {
			t.Errorf("magefile.go has no %s", list)
		}
	}
}
