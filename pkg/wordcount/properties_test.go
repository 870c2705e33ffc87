package wordcount

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

// What holds of the model holds on a real server: whatever happens between any two calls, every
// state of Redis keeps the invariants, and the real worker and supervisor bring the job to its
// exact end from there. Half of the jobs count records, some of which have no value. By default 25
// schedules are tried, with WORDCOUNT_PROPERTIES=full 200.
func TestAnyScheduleOnARealServerIsExact(t *testing.T) {
	n := 25
	if os.Getenv("WORDCOUNT_PROPERTIES") == "full" {
		n = 200
	}
	r := newRig(t, nil)
	check.AnySchedule(t, "./pkg/wordcount", n, func(t *rapid.T) {
		l := newLab(t, r)
		t.Repeat(map[string]func(*rapid.T){
			"":                  l.invariants,
			"seed":              l.seedSome,
			"read":              l.read,
			"read own":          l.readOwn,
			"steal":             l.steal,
			"commit":            l.commitSome,
			"commit repeatedly": l.commitRepeatedly,
			"merge":             l.merge,
			"put":               l.putSome,
			"revoke":            l.revokeSome,
			"lose an output":    l.loseOutput,
			"bury":              l.bury,
			"requeue":           l.requeueAll,
			"seal":              l.seal,
			"worker dies":       l.hire,
			"checkpoint":        l.checkpoint,
			"orphan":            l.orphanCheckpoint,
			"restore":           l.restore,
			"lose functions":    l.loseFunctions,
			"lose meta":         l.loseMeta,
			"change files":      l.changeFiles,
		})
		l.finish()
		allowed(t, l.history)
		os.RemoveAll(l.history)
	})
}

const labLease = 50 * time.Millisecond

// lab is a small job on a real server, with workers who sleep as long as they like. From time to
// time its files change behind equal sizes and times, and are counted anew by another run.
type lab struct {
	protocol.Client
	t          *rapid.T // of the action
	rig        *rig
	plan       plan.Plan
	folder     state.Folder
	splits     []plan.Split
	field      string // of the records that the files have; "": they have plain text
	generation int
	runs       map[string]int // run → generation
	run        string         // that the folder knows
	names      int
	workers    []*sleeper
	dumps      [][]byte // complete checkpoints; the first is nothing
	store      *shuffle.Store
	dir        string          // of the store
	written    []string        // map outputs, as paths in the store
	gone       map[string]bool // names of those that were lost
	history    string          // the folder of what all called
}

// sleeper is a worker whose calls are made by hand.
type sleeper struct {
	protocol.Client
	run      string // that it read first
	consumer string
	tasks    []int                // map tasks that it thinks are its own
	counts   map[int]counted      // what is in those that it has counted
	commits  []*protocol.Commit   // that it has not heard of yet
	merged   map[int]*count.Table // partitions
	puts     []*putting           // that it has begun
	lost     []string             // map outputs that it couldn't read
}

// counted is what is in a task: its words, and what became of its records.
type counted struct {
	words []string
	tally protocol.Tally
}

// putting is an attempt to store totals of partitions, in as many calls as it likes.
type putting struct {
	protocol.Totals
	words []any // count, word, ...
	at    int   // how many words it thinks are stored
}

func newLab(t *rapid.T, r *rig) *lab {
	l := &lab{t: t, rig: r, folder: r.folder, runs: map[string]int{}, dumps: [][]byte{nil}, dir: r.tb.TempDir(), gone: map[string]bool{}}
	var err error
	l.store, err = shuffle.Open(context.Background(), l.dir)
	l.must(err)
	l.history = filepath.Join(l.dir, "history")
	r.recordIn(l.history)
	l.field = rapid.SampledFrom([]string{"", "jsonl:word"}).Draw(t, "field")
	l.write(rapid.IntRange(1, 4).Draw(t, "files"))
	m, err := plan.Scan(t.Context(), []string{r.input}, "", plan.Options{})
	l.must(err)
	reducers := rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "reducers")
	l.plan = plan.New(m, plan.Options{WholeFiles: true, Reducers: reducers, Direct: reducers == 0, Field: l.field, Words: "fields"})
	l.plan.Job.ID = fmt.Sprintf("%016x", rand.Uint64()) // a schedule must not meet the job of the last one
	l.splits = l.plan.Splits()
	l.Client = protocol.Client{Redis: r.rdb, Job: l.plan.Job}
	l.newRun()
	for range 3 {
		l.workers = append(l.workers, l.sleeper())
	}
	return l
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// fates are records without a value, one of each kind, and of the same size.
var fates = [...]string{`{"word":null}`, `{"else":null}`, `{"word":{  }}`, `{"word":null]`}

// write writes the files of the present generation: other words and other records, of the same size and
// time.
func (l *lab) write(files int) {
	l.must(os.RemoveAll(l.rig.input))
	l.must(os.MkdirAll(l.rig.input, 0o755))
	for i := range files {
		path := filepath.Join(l.rig.input, strconv.Itoa(i))
		lines := []string{fmt.Sprintf("all task%d generation%04d all", i, l.generation), fmt.Sprintf("all of task%d", i)}
		if l.field != "" {
			for n, value := range lines {
				lines[n] = fmt.Sprintf(`{"word":%q}`, value)
			}
			for n := range i + 2 {
				lines = append(lines, fates[(n*i+l.generation)%len(fates)])
			}
		}
		l.must(os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
		l.must(os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
	}
}

// count counts a task, as its file is now.
func (l *lab) count(task int) (c counted) {
	text, err := os.ReadFile(l.splits[task-1].Path)
	l.must(err)
	for line := range bytes.Lines(text) {
		if l.field != "" {
			line = l.value(line, &c.tally)
		}
		for _, w := range bytes.Fields(line) {
			c.words = append(c.words, string(w))
		}
	}
	return c
}

// value is that of a record, and nil if it has none.
func (l *lab) value(line []byte, tally *protocol.Tally) (value []byte) {
	var record struct{ Word json.RawMessage }
	tally.Records++
	switch err := json.Unmarshal(line, &record); {
	case err != nil:
		tally.Malformed++
	case record.Word == nil:
		tally.Missing++
	case string(record.Word) == "null":
		tally.Null++
	case record.Word[0] == '{':
		tally.Nested++
	default:
		var text string
		l.must(json.Unmarshal(record.Word, &text))
		return []byte(text)
	}
	return nil
}

func (l *lab) newRun() {
	l.run = protocol.NewNonce()
	l.runs[l.run] = l.generation
	l.must(l.folder.SetRun(l.plan.Job.ID, l.run))
	l.must(l.outputs(l.run).Prepare())
}

// outputs is where a run has its map outputs.
func (l *lab) outputs(run string) shuffle.Run {
	l.t.Helper()
	outputs, err := l.store.Run(l.plan.Job.ID, run)
	l.must(err)
	return outputs
}

func (l *lab) sleeper() *sleeper {
	l.names++
	return &sleeper{
		Client: l.Client, consumer: fmt.Sprint("sleeper ", l.names), counts: map[int]counted{}, merged: map[int]*count.Table{},
	}
}

// worker draws one that has looked at the job, and so knows its run. One whose run is gone is
// replaced, as the team does, some time or other.
func (l *lab) worker(t *rapid.T) *sleeper {
	l.t = t
	i := rapid.IntRange(0, len(l.workers)-1).Draw(t, "worker")
	if l.workers[i].run == "" {
		now, err := l.ReadPhase(t.Context())
		if err != nil {
			t.Skip("no job")
		}
		l.workers[i].run = now.Run
	}
	return l.workers[i]
}

func (l *lab) hire(t *rapid.T) {
	l.workers[rapid.IntRange(0, len(l.workers)-1).Draw(t, "worker")] = l.sleeper()
}

// take keeps map tasks, unless the reply that brings them is lost.
func (s *sleeper) take(t *rapid.T, stream protocol.Stream, tasks []int) {
	if rapid.IntRange(0, 3).Draw(t, "reply") == 0 {
		return
	}
	for _, n := range tasks {
		if stream == "map" && !slices.Contains(s.tasks, n) {
			s.tasks = append(s.tasks, n)
		}
	}
}

func (l *lab) read(t *rapid.T) {
	w := l.worker(t)
	stream := rapid.SampledFrom([]protocol.Stream{"map", "map", "reduce"}).Draw(t, "stream")
	tasks, err := wordcounttest.Take(t.Context(), w.Client, stream, w.consumer, rapid.IntRange(1, 2).Draw(t, "n"))
	if err == nil {
		w.take(t, stream, tasks)
	}
}

func (l *lab) readOwn(t *rapid.T) {
	w := l.worker(t)
	stream := rapid.SampledFrom([]protocol.Stream{"map", "reduce"}).Draw(t, "stream")
	tasks, err := wordcounttest.ReadGroup(t.Context(), w.Client, stream, w.consumer, "0", 100)
	if err == nil {
		w.take(t, stream, tasks)
	}
}

// steal takes a task whatever its lease: clocks may say anything.
func (l *lab) steal(t *rapid.T) {
	w := l.worker(t)
	stream := rapid.SampledFrom([]protocol.Stream{"map", "reduce"}).Draw(t, "stream")
	entries, _, err := l.Redis.XAutoClaim(t.Context(), &redis.XAutoClaimArgs{
		Stream: l.plan.Job.StreamKey(stream), Group: "workers", Consumer: w.consumer, Count: 1,
		Start: fmt.Sprintf("%d-0", rapid.IntRange(0, 4).Draw(t, "from")),
	}).Result()
	if err != nil {
		return
	}
	tasks, err := wordcounttest.Numbers(entries)
	l.must(err)
	w.take(t, stream, tasks)
}

// some draws tasks that the worker thinks are its own, and counts them if it hasn't. It may have
// done so long ago.
func (l *lab) some(t *rapid.T, w *sleeper) (batch []int) {
	if len(w.tasks) == 0 {
		t.Skip("nothing to do")
	}
	batch = slices.Clone(w.tasks)
	for range rapid.IntRange(0, len(batch)-1).Draw(t, "left out") {
		i := rapid.IntRange(0, len(batch)-1).Draw(t, "which")
		batch = slices.Delete(batch, i, i+1)
	}
	for _, n := range w.tasks {
		if _, done := w.counts[n]; !done {
			w.counts[n] = l.count(n)
		}
	}
	slices.Sort(batch)
	return batch
}

// combine counts the words of a batch, and writes the map output.
func (l *lab) combine(s *sleeper, batch []int) *protocol.Commit {
	table, c := count.New(), &protocol.Commit{Tasks: batch, Output: protocol.NewNonce(), Host: s.consumer}
	for _, n := range batch {
		c.Bytes += l.splits[n-1].Bytes()
		c.Tally.Add(s.counts[n].tally)
		for _, word := range s.counts[n].words {
			table.Add([]byte(word), 1)
		}
	}
	c.Tokens = table.Tokens()
	if s.Job.Reducers == 0 {
		for word, n := range table.All() {
			c.Words = append(c.Words, string(word), n)
		}
		return c
	}
	out, err := l.outputs(s.run).Create(c.Output, s.Job.Reducers)
	l.must(err)
	l.must(out.Add(table))
	_, err = out.Finish()
	l.must(err)
	l.written = append(l.written, filepath.Join(s.Job.ID, s.run, "map", c.Output))
	return c
}

// commitSome commits what the worker counted, perhaps long ago.
func (l *lab) commitSome(t *rapid.T) {
	w := l.worker(t)
	if len(w.commits) == 0 || rapid.IntRange(0, 3).Draw(t, "new commit") == 0 {
		w.commits = append(w.commits, l.combine(w, l.some(t, w)))
	}
	c := w.commits[rapid.IntRange(0, len(w.commits)-1).Draw(t, "commit")]
	standings, err := w.Commit(t.Context(), w.run, *c)
	if rapid.IntRange(0, 3).Draw(t, "reply") == 0 {
		return // lost; the same commit is sent again, some time or other
	}
	switch {
	case err == nil:
		w.commits = slices.DeleteFunc(w.commits, func(o *protocol.Commit) bool { return o == c })
		for i, n := range c.Tasks {
			if standings == nil || standings[i] != protocol.Pending {
				w.tasks = slices.DeleteFunc(w.tasks, func(m int) bool { return m == n })
				delete(w.counts, n)
			}
		}
	case protocol.Transient(err):
		t.Logf("commit: %v", err)
	default:
		*w = *l.sleeper()
	}
}

// commitRepeatedly names one task of a batch twice, which no worker does.
func (l *lab) commitRepeatedly(t *rapid.T) {
	w := l.worker(t)
	batch := l.some(t, w)
	c := l.combine(w, append(batch, batch[len(batch)-1]))
	if _, err := w.Commit(t.Context(), w.run, *c); err == nil {
		t.Errorf("a batch of the tasks %v was not refused", c.Tasks)
	}
}

// loseOutput deletes a map output, or damages it, whether it counts or not.
func (l *lab) loseOutput(t *rapid.T) {
	if len(l.written) == 0 || len(l.gone) == 2 || rapid.IntRange(0, 3).Draw(t, "luck") > 0 {
		t.Skip("the disk is fine") // an output that is lost three times is buried
	}
	path := rapid.SampledFrom(l.written).Draw(t, "output")
	l.gone[filepath.Base(path)] = true
	path = filepath.Join(l.dir, path)
	if rapid.Bool().Draw(t, "delete") {
		os.Remove(path) // it may be gone
		return
	}
	os.Truncate(path, 100)
}

func (l *lab) partitionOf(t *rapid.T) int {
	if l.plan.Job.Reducers == 0 {
		t.Skip("map only")
	}
	return rapid.IntRange(0, l.plan.Job.Reducers-1).Draw(t, "partition")
}

// merge reads a partition of all map outputs, whichever worker has its task.
func (l *lab) merge(t *rapid.T) {
	w, part := l.worker(t), l.partitionOf(t)
	outputs, err := w.Outputs(t.Context(), w.run)
	if err != nil {
		return
	}
	table := count.New()
	for _, o := range outputs {
		if err := l.readOutput(w.run, o.Name, part, table); err != nil {
			if !errors.Is(err, shuffle.ErrLost) || !l.gone[o.Name] {
				t.Fatal(err)
			}
			w.lost = append(w.lost, o.Name)
			return
		}
	}
	w.merged[part] = table
}

// readOutput adds a partition of one map output to a table.
func (l *lab) readOutput(run, name string, part int, table *count.Table) error {
	out, err := l.outputs(run).Open(name, l.plan.Job.Reducers)
	if err != nil {
		return err
	}
	defer out.Close()
	var reader shuffle.Reader
	for step, err := range reader.Partition(out, part) {
		if err != nil {
			return err
		}
		table.MergeStep(step)
	}
	return nil
}

// revokeSome reports a map output that the worker could not read, perhaps long ago.
func (l *lab) revokeSome(t *rapid.T) {
	w := l.worker(t)
	if len(w.lost) == 0 {
		t.Skip("nothing is lost")
	}
	name := rapid.SampledFrom(w.lost).Draw(t, "output")
	w.Revoke(t.Context(), w.run, name, w.consumer, errors.New("it is not there"))
}

// putSome makes one call of an attempt to store what the worker merged, perhaps long ago.
func (l *lab) putSome(t *rapid.T) {
	w := l.worker(t)
	if len(w.merged) > 0 && (len(w.puts) == 0 || rapid.IntRange(0, 3).Draw(t, "new attempt") == 0) {
		p := &putting{Totals: protocol.Totals{Nonce: protocol.NewNonce(), Partitions: slices.Sorted(maps.Keys(w.merged))}}
		if len(p.Partitions) > 1 && rapid.Bool().Draw(t, "one") {
			p.Partitions = p.Partitions[:1]
		}
		all := count.New()
		for _, part := range p.Partitions {
			for word, n := range w.merged[part].All() {
				all.Add(word, n)
			}
		}
		p.Tokens = all.Tokens()
		for _, e := range all.Descending() {
			p.words = append(p.words, e.N, e.Word)
		}
		w.puts = append(w.puts, p)
	}
	if len(w.puts) == 0 {
		t.Skip("nothing merged")
	}
	p := w.puts[rapid.IntRange(0, len(w.puts)-1).Draw(t, "attempt")]
	end := min(p.at+rapid.IntRange(1, 4).Draw(t, "words"), len(p.words)/2)
	now, err := w.Store(t.Context(), w.run, p.Totals, p.at, p.words[2*p.at:2*end], 2*end == len(p.words))
	switch {
	case rapid.IntRange(0, 3).Draw(t, "reply") == 0: // lost
	case err == nil && !now.Done && now.Standings == nil:
		p.at = now.Offset
	default:
		w.puts = slices.DeleteFunc(w.puts, func(o *putting) bool { return o == p })
		for _, part := range p.Partitions {
			delete(w.merged, part)
		}
	}
}

func (l *lab) bury(t *rapid.T) {
	w := l.worker(t)
	if len(w.tasks) == 0 || rapid.IntRange(0, 3).Draw(t, "mercy") > 0 {
		t.Skip("no reason")
	}
	w.Fail(t.Context(), w.run, protocol.TaskID{Stream: protocol.Maps, Number: w.tasks[0]}, protocol.NewNonce(), 1, protocol.Cause{})
}

func (l *lab) requeueAll(t *rapid.T) {
	w := l.worker(t)
	w.Requeue(t.Context(), w.run)
}

// seedSome appends any chunk, as a supervisor might whose last reply is any time old.
func (l *lab) seedSome(t *rapid.T) {
	l.t = t
	first := rapid.IntRange(1, len(l.splits)).Draw(t, "first")
	chunk := l.splits[first-1 : min(len(l.splits), first-1+rapid.IntRange(0, 2).Draw(t, "n"))]
	now, err := l.Seed(t.Context(), l.run, l.dir, len(l.splits), first, plan.Entries(chunk))
	l.must(err)
	if now.Run != l.run {
		_, err := l.Clean(t.Context(), now.Run)
		l.must(err)
	}
}

// seal fences the result if there is one, reads it, and tidies up, as far as another rollback lets
// it.
func (l *lab) seal(t *rapid.T) {
	l.t = t
	end, err := l.Fence(t.Context(), l.run, protocol.NewNonce())
	if err != nil {
		return
	}
	page, err := l.Page(t.Context(), end.Fence, 0, 1000) // more than there are
	l.must(err)
	got, sum := map[string]int{}, 0
	for i := 0; i < len(page); i += 2 {
		got[page[i]] = protocol.Number(page[i+1])
		sum += got[page[i]]
	}
	if want := l.total(l.all()); !maps.Equal(got, want) || sum != int(end.Tokens) {
		t.Fatalf("the result is %v with %d words, not %v", got, end.Tokens, want)
	}
	outputs, left, err := l.Fenced(t.Context(), end.Fence)
	l.must(err)
	tally := tallyOf(outputs)
	if left != nil && l.plan.Job.Reducers > 0 {
		tally = *left
	}
	if want := l.tally(l.all()); tally != want {
		t.Fatalf("of its records the result says %v, not %v", tally, want)
	}
	if rapid.Bool().Draw(t, "tidy up") {
		l.must(l.Dismiss(t.Context(), end.Fence))
		l.must(l.Discard(t.Context(), end.Fence, 0, tally))
	}
	l.Discard(t.Context(), protocol.NewNonce(), 0, protocol.Tally{Records: 1}) // somebody else's, which comes late
}

// tallyOf is what became of the records of some outputs.
func tallyOf(outputs []protocol.Output) (all protocol.Tally) {
	for _, o := range outputs {
		all.Add(o.Tally)
	}
	return all
}

func (l *lab) checkpoint(*rapid.T) {
	l.dumps = append(l.dumps, l.rig.server.Checkpoint(l.rig.tb))
}

func (l *lab) restore(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "luck") > 0 { // a restart takes as long as all the rest
		t.Skip("redis lives on")
	}
	dump := rapid.SampledFrom(l.dumps).Draw(t, "checkpoint")
	l.restarts(func() { l.rig.server.Restore(l.rig.tb, dump) })
}

// restarts records that the server is started again.
func (l *lab) restarts(start func()) {
	check.Must(l.rig.tb, l.rig.record.Restart(func() (bool, error) {
		start()
		return true, nil
	}))
}

// orphanCheckpoint kills the server alone, while its child writes a checkpoint: that one must not
// end some time later, in the place of a newer one, but be killed before the server is there again.
func (l *lab) orphanCheckpoint(t *rapid.T) {
	l.t = t
	if rapid.IntRange(0, 2).Draw(t, "luck") > 0 { // see restore
		t.Skip("redis lives on")
	}
	server := l.rig.server
	l.must(l.Redis.ConfigSet(t.Context(), "rdb-key-save-delay", "10000000").Err()) // microseconds a key
	l.must(l.Redis.Set(t.Context(), "somebody else's", "so that there is a key", 0).Err())
	l.must(l.Redis.BgSave(t.Context()).Err())
	child := 0
	check.Await(l.rig.tb, "the checkpoint is being written", func() bool {
		temp, _ := filepath.Glob(filepath.Join(server.DataDir, "temp-*.rdb"))
		if len(temp) == 1 {
			fmt.Sscanf(filepath.Base(temp[0]), "temp-%d.rdb", &child)
		}
		return child != 0
	})
	l.must(syscall.Kill(server.Pid, syscall.SIGKILL))
	if !alive(child) {
		t.Fatal("the child did not outlive its server")
	}
	l.restarts(func() { server.Start(l.rig.tb) })
	if alive(child) {
		t.Fatalf("the orphan %d still writes its checkpoint", child)
	}
}

func (l *lab) loseFunctions(t *rapid.T) {
	l.t = t
	l.must(l.Redis.FunctionFlush(t.Context()).Err())
}

func (l *lab) loseMeta(t *rapid.T) {
	l.t = t
	if rapid.IntRange(0, 3).Draw(t, "luck") > 0 {
		t.Skip("nobody does that")
	}
	l.must(l.Redis.Del(t.Context(), l.plan.Job.Key("meta")).Err())
}

// changeFiles cleans the job, changes the files behind its back, and lets another run count them.
// Workers may have slept through it.
func (l *lab) changeFiles(t *rapid.T) {
	l.t = t
	if rapid.IntRange(0, 3).Draw(t, "luck") > 0 {
		t.Skip("nobody does that")
	}
	_, err := l.Clean(t.Context(), "")
	l.must(err)
	l.generation++
	l.write(len(l.splits))
	l.newRun()
}

func (l *lab) all() (tasks []int) {
	for i := range l.splits {
		tasks = append(tasks, i+1)
	}
	return tasks
}

// total is a serial count of tasks, as their files are now.
func (l *lab) total(tasks []int) map[string]int {
	counts := map[string]int{}
	for _, n := range tasks {
		for _, word := range l.count(n).words {
			counts[word]++
		}
	}
	return counts
}

// tally is what becomes of the records of tasks, as their files are now.
func (l *lab) tally(tasks []int) (all protocol.Tally) {
	for _, n := range tasks {
		all.Add(l.count(n).tally)
	}
	return all
}

// invariants hold in every state of Redis.
func (l *lab) invariants(t *rapid.T) {
	l.t = t
	ctx, key := t.Context(), l.plan.Job.Key
	meta, err := l.Redis.HGetAll(ctx, key("meta")).Result()
	l.must(err)
	if len(meta) == 0 || l.runs[meta["run"]] != l.generation {
		return // no job, or one of a run that will be wiped: anything may be there
	}
	entries, err := l.Redis.XRange(ctx, key("map"), "-", "+").Result()
	l.must(err)
	for i, e := range entries {
		if e.ID != fmt.Sprintf("%d-0", i+1) {
			t.Fatalf("entry %d of the map stream is %s: no prefix of the manifest", i+1, e.ID)
		}
	}
	acknowledged, pending := l.acknowledged("map")
	_, undelivered := slices.BinarySearch(acknowledged, len(entries)+1)
	if undelivered || len(acknowledged)+pending > len(entries) {
		t.Fatalf("%v acknowledged, %d pending of %d entries", acknowledged, pending, len(entries))
	}
	dead, err := l.Redis.HKeys(ctx, key("dead")).Result()
	l.must(err)
	counted := slices.DeleteFunc(acknowledged, func(n int) bool { return slices.Contains(dead, fmt.Sprint("map ", n)) })
	want, tokens := l.total(counted), 0
	for _, n := range want {
		tokens += n
	}
	if protocol.Number(meta["tokens"]) != tokens || protocol.Number(meta["mapped"]) != len(counted) {
		t.Fatalf("%v are counted, with %d words; meta has %v", counted, tokens, meta)
	}
	outputs, _, err := protocol.OutputsSoFar(ctx, l.Redis, l.plan.Job)
	l.must(err)
	if reducers := l.plan.Job.Reducers; reducers == 0 || meta["phase"] != "done" { // then they may be discarded
		whole := slices.Clone(outputs)
		for _, n := range l.all() {
			if !slices.Contains(counted, n) {
				whole = append(whole, protocol.Output{Tasks: strconv.Itoa(n)})
			}
		}
		if err := protocol.Covered(whole, len(l.splits)); err != nil {
			t.Fatalf("%v are counted, and the outputs are %v: %v", counted, outputs, err)
		}
		if is, want := tallyOf(outputs), l.tally(counted); is != want {
			t.Fatalf("%v are counted, and of their records the outputs say %v, not %v", counted, is, want)
		}
	}
	if st, err := l.Status(ctx); err == nil && len(entries) == len(l.splits) && st.Stuck() {
		t.Fatalf("it can't go on: %+v", st)
	}
	if done := len(counted) == len(l.splits); (meta["phase"] != "map") != done {
		t.Fatalf("phase %s with %v of %d counted", meta["phase"], counted, len(l.splits))
	}
	stored := map[string]int{}
	scores, err := l.Redis.ZRangeWithScores(ctx, key("counts"), 0, -1).Result()
	l.must(err)
	for _, z := range scores {
		stored[z.Member.(string)] = int(z.Score)
	}
	reducers := l.plan.Job.Reducers
	if reducers == 0 {
		if !maps.Equal(stored, want) {
			t.Fatalf("%v are counted as %v, not as %v", counted, stored, want)
		}
		return
	}
	reduced, _ := l.acknowledged("reduce")
	if all := len(reduced) == reducers && len(counted) == len(l.splits); (meta["phase"] == "done") != all {
		t.Fatalf("phase %s with the partitions %v stored of %d, and %v mapped", meta["phase"], reduced, reducers, counted)
	}
	partitioner := count.NewPartitioner(meta["run"], reducers)
	for p := range reducers {
		mine := func(m map[string]int) map[string]int {
			m = maps.Clone(m)
			maps.DeleteFunc(m, func(word string, _ int) bool { return partitioner.Of([]byte(word)) != p })
			return m
		}
		// A stored total has all tasks, whatever was lost since.
		if slices.Contains(reduced, p+1) {
			if want := mine(l.total(l.all())); !maps.Equal(mine(stored), want) {
				t.Fatalf("partition %d is stored as %v, not as %v", p, mine(stored), want)
			}
			continue
		}
		partial := count.New()
		lost := false
		for _, o := range outputs {
			if lost = lost || l.gone[o.Name]; !lost {
				l.must(l.readOutput(meta["run"], o.Name, p, partial))
			}
		}
		is := map[string]int{}
		for word, n := range partial.All() {
			is[string(word)] = int(n)
		}
		if !lost && !maps.Equal(is, mine(want)) {
			t.Fatalf("%v are counted, partition %d has %v, not %v", counted, p, is, mine(want))
		}
	}
}

// acknowledged are the entries of a stream that were delivered and are not pending any more, and
// how many still are.
func (l *lab) acknowledged(stream string) (tasks []int, pending int) {
	ctx, key := l.t.Context(), l.plan.Job.Key(stream)
	groups, err := l.Redis.XInfoGroups(ctx, key).Result()
	l.must(err)
	var last int
	fmt.Sscanf(groups[0].LastDeliveredID, "%d-0", &last)
	open, err := l.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: key, Group: "workers", Start: "-", End: "+", Count: 100}).Result()
	l.must(err)
	for n := 1; n <= last; n++ {
		if !slices.ContainsFunc(open, func(p redis.XPendingExt) bool { return p.ID == fmt.Sprintf("%d-0", n) }) {
			tasks = append(tasks, n)
		}
	}
	return tasks, len(open)
}

// finish lets a real supervisor and a real worker take over, from whatever state this is: nothing
// goes wrong any more.
func (l *lab) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sup := supervisor.New(supervisor.Config{
		Redis: l.Redis, Plan: l.plan, Folder: l.folder, Store: place.Store{Dir: l.dir}, Durability: checkpoint.BGSave,
		Revive: func(ctx context.Context) error { return nil },
	})
	l.must(sup.Seed(ctx))
	_, err := l.Requeue(ctx, l.run)
	l.must(err)
	for _, w := range l.workers { // they are dead now; waiting for their leases would prove nothing
		_, err := l.Release(ctx, l.run, w.consumer, false)
		l.must(err)
	}
	left := make(chan error, 1)
	go func() {
		w := newWorkerOf(l.rig.tb, l.Redis, worker.Spec{Job: l.plan.Job, Consumer: "the last one", Lease: labLease, StoreWords: 2, Store: l.dir})
		left <- w.Run(ctx)
	}()
	defer func() { cancel(); <-left }()
	sealed, err := sup.Seal(ctx)
	l.must(err)
	got := map[string]int{}
	for e, err := range (result.Result{Redis: l.Redis, Job: l.plan.Job, Fence: sealed.Fence}).Entries(ctx) {
		l.must(err)
		got[e.Word] = int(e.N)
	}
	if want := l.total(l.all()); !maps.Equal(got, want) {
		l.t.Fatalf("published %v, not %v", got, want)
	}
	if want := l.tally(l.all()); sealed.Tally != want {
		l.t.Fatalf("of its records the result says %v, not %v", sealed.Tally, want)
	}
}
