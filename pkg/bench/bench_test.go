package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/bench"
)

// awk is somebody else's program: it splits at the white space of ASCII.
const awk = `awk: tr -s '[:space:]' '\n' <{dir}/part-00000.txt >/dev/null; LC_ALL=C find {dir} -type f -exec cat {} + | ` +
	`LC_ALL=C tr '\v\f\r' '   ' | LC_ALL=C awk '{for(i=1;i<=NF;i++)c[$i]++} END{for(w in c)printf "%d\t%s\n",c[w],w}' >{out}`

func TestPairsMeasuresEveryContenderAndAllCountTheSame(t *testing.T) {
	b := small(t)
	var err error
	b.Against, err = bench.ParseOutsiders(awk)
	must(t, err)
	report := bench.NewReport(b)
	report.Pairs, err = b.Pairs(t.Context())
	must(t, err)
	want := map[string]string{
		bench.Ours: bench.Equal, "the kernel alone": bench.Equal, "the kernel, one thread": bench.Equal,
		"bufio.Scanner and a map": bench.Equal, "tr | sort | uniq -c": bench.EqualASCII, "awk": bench.EqualASCII,
	}
	if len(report.Pairs) != len(want) {
		t.Errorf("%d rows, want %d", len(report.Pairs), len(want))
	}
	for _, row := range report.Pairs {
		if row.Counts != want[row.Name] {
			t.Errorf("%s counts %q, want %q", row.Name, row.Counts, want[row.Name])
		}
		complete(t, row)
	}
	ours := report.Pairs[0]
	if u := ours.Redis; u == nil || u.CPU <= 0 || u.Received <= 0 || u.Sent <= 0 || u.Saves < 1 {
		t.Errorf("redis used %+v", u)
	}
	if ours.Memory.Redis <= 0 {
		t.Errorf("no memory of redis: %+v", ours.Memory)
	}
	if runtime.GOOS == "linux" && (ours.Memory.Supervisor <= 0 || len(ours.Memory.Workers) != 2) {
		t.Errorf("memory is %+v, want that of a supervisor and two workers", ours.Memory)
	}

	var table bytes.Buffer
	report.Print(&table)
	t.Logf("%s", &table)
	for name := range want {
		if !strings.Contains(table.String(), "\n"+name+" ") {
			t.Errorf("the table has no line for %s", name)
		}
	}
	path := filepath.Join(t.TempDir(), "report.json")
	must(t, report.Write(path))
	fields(t, path, "at", "machine.processors", "machine.load_before", "scale", "pairs.0.name", "pairs.0.corpus.bytes",
		"pairs.0.counts", "pairs.0.tokens", "pairs.0.distinct", "pairs.0.wall_seconds.median", "pairs.0.wall_seconds.min",
		"pairs.0.wall_seconds.max", "pairs.0.megabytes_per_second", "pairs.0.ratio", "pairs.0.cpu_seconds.median",
		"pairs.0.memory.largest_process", "pairs.0.memory.redis", "pairs.0.redis.cpu_seconds", "pairs.0.redis.received_bytes",
		"pairs.0.redis.sent_bytes", "pairs.0.redis.checkpoints", "pairs.0.runs.0.seconds", "pairs.5.runs.0.cpu_seconds")
}

func TestWrongCountsAreAnErrorAndTheOthersAreMeasured(t *testing.T) {
	b := small(t)
	var err error
	b.Against, err = bench.ParseOutsiders("liar: echo '3 {dir}' >{out} ;; mute: echo no {dir} >{out} ;; broken: echo {dir} {out} has gone >&2; exit 3")
	must(t, err)
	rows, err := b.Pairs(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	for _, say := range []string{"liar: wrong counts: 3 words, 1 distinct", "mute: ", "not a count and a word", "broken: exit status 3", "has gone"} {
		if !strings.Contains(err.Error(), say) {
			t.Errorf("the error doesn't say %q: %v", say, err)
		}
	}
	for i, row := range rows {
		if failed := i >= len(rows)-3; failed != (row.Error != "") {
			t.Errorf("%s: error %q", row.Name, row.Error)
		} else if !failed {
			complete(t, row)
		}
	}
}

func TestGoalsMeasuresEachThingWithAndWithoutIt(t *testing.T) {
	b := small(t)
	// A job that lasts for some kills.
	t.Setenv("WORDCOUNT_FAULTS", "slow=20ms:4")
	t.Setenv("WORDCOUNT_LEASE", "300ms") // workers introduce themselves with their heartbeats
	b.KillEvery = 50 * time.Millisecond
	goals, err := b.Goals(t.Context())
	must(t, err)
	if len(goals) != 3 {
		t.Fatalf("%d goals, want 3", len(goals))
	}
	for _, g := range goals {
		for _, row := range g.Rows {
			complete(t, row)
		}
		if g.Ratio != g.Rows[1].Ratio || g.Met != (g.Ratio <= g.Limit) {
			t.Errorf("%s: ratio %v, limit %v, met %v", g.Name, g.Ratio, g.Limit, g.Met)
		}
	}
	if files := goals[1].Rows; files[0].Corpus.Files != 1 || files[1].Corpus.Files != 100 || files[0].Corpus.Bytes != files[1].Corpus.Bytes {
		t.Errorf("corpora %+v and %+v, want the same bytes in 1 and 100 files", files[0].Corpus, files[1].Corpus)
	}
	if kills := goals[2].Rows[1].Runs[0].Kills; kills == 0 {
		t.Error("no worker was killed")
	}
	var table bytes.Buffer
	report := bench.NewReport(b)
	report.Goals = goals
	report.Print(&table)
	t.Logf("%s", &table)
}

func TestSweepsDrawAPointForEachMeasurement(t *testing.T) {
	b := small(t)
	sweeps, err := b.Sweeps(t.Context())
	must(t, err)
	for _, want := range []struct {
		name   string
		points int
	}{{"workers", 8}, {"files", 5}, {"words", 4}, {"bytes", 8}} {
		if len(sweeps) == 0 {
			t.Fatalf("no sweep by %s", want.name)
		}
		s := sweeps[0]
		sweeps = sweeps[1:]
		if s.Name != want.name || len(s.Points) != want.points {
			t.Errorf("sweep by %s has %d points, want %s and %d", s.Name, len(s.Points), want.name, want.points)
		}
		for i, p := range s.Points {
			if i > 0 && p.X <= s.Points[i-1].X {
				t.Errorf("%s: %v after %v", s.Name, p.X, s.Points[i-1].X)
			}
			for _, row := range p.Rows {
				complete(t, row)
			}
		}
		if drawn := circles(t, s.Picture); drawn != 2*want.points {
			t.Errorf("%s has %d points, want %d", s.Picture, drawn, 2*want.points)
		}
	}
}

func TestAnInterruptedBenchLeavesNothing(t *testing.T) {
	b := small(t)
	t.Setenv("WORDCOUNT_FAULTS", "slow=1m:2")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, func() {
		for ctx.Err() == nil { // until the job is at work
			if found, _ := filepath.Glob(filepath.Join(b.Dir, "jobs", "*", ".wordcount", "jobs", "*", "workers.log")); len(found) > 0 {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	if _, err := b.Pairs(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestOutsidersHaveNamesAndPlacesForFolderAndFile(t *testing.T) {
	got, err := bench.ParseOutsiders(" a b: x -o {out} {dir} ;; /usr/bin/y {dir} {out};; ")
	must(t, err)
	if len(got) != 2 || got[0] != (bench.Outsider{"a b", "x -o {out} {dir}"}) || got[1] != (bench.Outsider{"y", "/usr/bin/y {dir} {out}"}) {
		t.Errorf("%+v", got)
	}
	if _, err := bench.ParseOutsiders("x {dir}"); err == nil {
		t.Error("no {out}, and no error")
	}
}

// complete checks that a row has all its figures.
func complete(t *testing.T, r bench.Row) {
	t.Helper()
	if r.Tokens == 0 || r.Distinct == 0 || r.Digest == 0 || len(r.Runs) == 0 || r.Wall.Median <= 0 || r.Wall.Min > r.Wall.Median ||
		r.Wall.Median > r.Wall.Max || r.Speed <= 0 || r.Ratio <= 0 || r.CPU.Max <= 0 || r.Memory.Largest <= 0 || r.Corpus.Bytes == 0 {
		t.Errorf("incomplete: %+v", r)
	}
}

// fields checks that JSON has something at each of these paths.
func fields(t *testing.T, path string, names ...string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	var report any
	must(t, json.Unmarshal(text, &report))
	for _, name := range names {
		at := report
		for key := range strings.SplitSeq(name, ".") {
			switch v := at.(type) {
			case map[string]any:
				at = v[key]
			case []any:
				at = nil
				if i := int(key[0] - '0'); i < len(v) {
					at = v[i]
				}
			}
		}
		if at == nil {
			t.Errorf("the report has no %s", name)
		}
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
		if err == io.EOF {
			return n
		}
		must(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "circle" {
			n++
		}
	}
}
