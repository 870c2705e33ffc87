package check_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/history"
	checker "github.com/magereduce/magereduce/pkg/wordcount/history/check"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

// The histories of a real server are allowed. Any worker may make any call, any answer may be lost,
// and the server may go back to an earlier checkpoint at any time. Nobody here works, and nothing is
// counted: the history is the only judge. The mutation test with -judge asks it about each guard of
// the library.
func TestWhateverTheLibraryAnswersIsAllowed(t *testing.T) {
	s := &stage{server: redistest.Start(t), tb: t, record: &history.Recorder{}}
	s.rdb = s.server.Client(t)
	s.record.Attach(s.rdb)
	s.rdb.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if s.lose {
			return wordcounttest.LoseReply(ctx, cmd, next)
		}
		return next(ctx, cmd)
	}))
	_, err := protocol.Library.Load(t.Context(), s.rdb)
	check.Must(t, err)
	check.AnySchedule(t, "./pkg/wordcount/history/check", 40, func(t *rapid.T) {
		p := newPlay(t, s)
		actions := map[string]func(){
			"seed": p.seed, "read": p.read, "steal": p.steal, "look": p.look, "commit": p.commit, "repeat": p.repeat,
			"outputs": p.outputs, "revoke": p.revoke, "put": p.put, "fill": p.fill, "fail": p.fail, "requeue": p.requeue,
			"renew": p.renew, "release": p.release, "begin": p.begin, "final": p.final, "fenced": p.fenced, "clean": p.clean,
			"checkpoint": p.checkpoint, "restore": p.restore, "get on": p.getOn, "get far": p.getFar,
		}
		repeated := map[string]func(*rapid.T){}
		for name, do := range actions {
			repeated[name] = func(t *rapid.T) {
				p.t = t
				s.lose = p.oneIn(8)
				do()
				s.lose = false
			}
		}
		t.Repeat(repeated)
		verdict, err := checker.Folder(p.dir, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(verdict.Undecided) > 0 {
			t.Fatal(verdict)
		}
		os.RemoveAll(p.dir)
	})
}

// stage is what all plays have in common.
type stage struct {
	tb     testing.TB
	server *redistest.Server
	rdb    redis.UniversalClient
	record *history.Recorder
	lose   bool // the next answers
}

// play is a job that callers play with.
type play struct {
	*stage
	protocol.Client
	t       *rapid.T
	dir     string // of the history
	maps    int
	runs    []string // the last one is the job's, or will be
	fences  []string
	commits []protocol.Commit
	puts    []string // attempts
	dumps   [][]byte // the first is nothing
}

func newPlay(t *rapid.T, s *stage) *play {
	p := &play{stage: s, t: t, dir: filepath.Join(s.tb.TempDir(), "history"), maps: p3(t, "maps"), dumps: [][]byte{nil}}
	job := protocol.Job{ID: fmt.Sprintf("%016x", rand.Uint64()), Reducers: p3(t, "reducers") - 1}
	if job.Reducers > 0 && rapid.Bool().Draw(t, "keep") {
		job.Keep = 3
	}
	p.Client = protocol.Client{Redis: s.rdb, Job: job}
	p.runs = []string{protocol.NewNonce()}
	check.Must(s.tb, s.record.Turn(p.dir))
	return p
}

func p3(t *rapid.T, what string) int { return rapid.IntRange(1, 3).Draw(t, what) }

func (p *play) oneIn(n int) bool { return rapid.IntRange(1, n).Draw(p.t, "luck") == n }

// run is the job's, or sometimes an earlier one.
func (p *play) run() string {
	if p.oneIn(10) {
		return rapid.SampledFrom(p.runs).Draw(p.t, "run")
	}
	return p.runs[len(p.runs)-1]
}

func (p *play) who() string { return fmt.Sprint("worker ", p3(p.t, "worker")) }

func (p *play) stream() protocol.Stream {
	return rapid.SampledFrom([]protocol.Stream{protocol.Maps, protocol.Maps, protocol.Reduces}).Draw(p.t, "stream")
}

// some are some numbers of so many, from first on; sometimes one twice, or one too much.
func (p *play) some(first, many int) (numbers []int) {
	for n := first; n < first+many; n++ {
		if rapid.Bool().Draw(p.t, "in") {
			numbers = append(numbers, n)
		}
	}
	if p.oneIn(12) {
		numbers = append(numbers, first+many)
	}
	if len(numbers) == 0 {
		numbers = []int{first}
	}
	if p.oneIn(6) {
		numbers = append(numbers, numbers[len(numbers)-1])
	}
	return numbers
}

// wordsEach is how many words a map task has.
const wordsEach = 10

func (p *play) seed() {
	maps, store := p.maps, "here"
	if _, err := p.Status(p.t.Context()); err == nil && p.oneIn(8) {
		maps++ // of a job that is there
	}
	if p.oneIn(8) {
		store = "elsewhere"
	}
	first := rapid.IntRange(1, p.maps).Draw(p.t, "first")
	n := rapid.IntRange(0, p.maps+1-first).Draw(p.t, "tasks")
	c := p.Client
	if c.Job.Reducers == 0 && p.oneIn(4) {
		c.Job.Keep = 1
	}
	c.Seed(p.t.Context(), p.run(), store, maps, first, make([]protocol.Entry, n))
}

func (p *play) read() {
	from := rapid.SampledFrom([]string{">", ">", "0"}).Draw(p.t, "from")
	wordcounttest.ReadGroup(p.t.Context(), p.Client, p.stream(), p.who(), from, p3(p.t, "n"))
}

func (p *play) steal() {
	key := p.Job.StreamKey(p.stream())
	if rapid.Bool().Draw(p.t, "one") {
		p.rdb.XClaim(p.t.Context(), &redis.XClaimArgs{
			Stream: key, Group: protocol.Group, Consumer: p.who(), Messages: []string{fmt.Sprint(p3(p.t, "task"), "-0")},
		})
		return
	}
	p.rdb.XAutoClaim(p.t.Context(), &redis.XAutoClaimArgs{Stream: key, Group: protocol.Group, Consumer: p.who(), Start: "0", Count: 2})
}

func (p *play) look() {
	ctx := p.t.Context()
	p.Status(ctx)
	p.ReadPhase(ctx)
	p.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: p.Job.StreamKey(p.stream()), Group: protocol.Group, Start: "-", End: "+", Count: 100,
	})
	p.Results(ctx, p.run())
}

func (p *play) commit() { p.commitOf(p.some(1, p.maps)) }

func (p *play) commitOf(tasks []int) {
	c := protocol.Commit{Tasks: tasks, Output: protocol.NewNonce(), Host: "host"}
	for _, n := range tasks {
		c.Tokens, c.Bytes = c.Tokens+wordsEach, c.Bytes+int64(100*n)
	}
	if p.Job.Reducers == 0 {
		c.Words = []any{"word", c.Tokens}
	}
	p.commits = append(p.commits, c)
	p.Commit(p.t.Context(), p.run(), c)
}

func (p *play) repeat() {
	if len(p.commits) > 0 {
		p.Commit(p.t.Context(), p.run(), rapid.SampledFrom(p.commits).Draw(p.t, "commit"))
	}
}

func (p *play) outputs() { p.Outputs(p.t.Context(), p.run()) }

func (p *play) revoke() {
	if len(p.commits) > 0 {
		recent := p.commits[max(0, len(p.commits)-3):]
		name := rapid.SampledFrom(recent).Draw(p.t, "output").Output
		protocol.Library.Call(p.t.Context(), p.rdb, protocol.Function("revoke"), p.Job.Keys(), p.run(), name, "host", "why", p3(p.t, "limit"))
	}
}

func (p *play) put() {
	if p.Job.Reducers > 0 {
		p.putOf(p.some(0, p.Job.Reducers))
	}
}

// putOf stores totals, or sends a put that doesn't join on.
func (p *play) putOf(parts []int) {
	ctx, run := p.t.Context(), p.run()
	tokens := 0
	for _, part := range parts {
		if tokens++; part == 0 {
			tokens += wordsEach*p.maps - p.Job.Reducers
		}
	}
	if p.Job.Keep > 0 != p.oneIn(12) {
		files := []protocol.ResultFile{}
		for i, part := range parts {
			f := protocol.ResultFile{Partition: part, Name: protocol.NewNonce(), Words: 1}
			if i == 0 {
				f.Tokens = uint64(tokens)
			}
			files = append(files, f)
		}
		p.StoreFiles(ctx, run, files)
		return
	}
	if len(p.puts) == 0 || rapid.Bool().Draw(p.t, "new") {
		p.puts = append(p.puts, protocol.NewNonce())
	}
	nonce := rapid.SampledFrom(p.puts).Draw(p.t, "attempt")
	last := rapid.Bool().Draw(p.t, "last")
	from := rapid.IntRange(0, 2).Draw(p.t, "from")
	if rapid.Bool().Draw(p.t, "with words") {
		p.Store(ctx, run, protocol.Totals{Nonce: nonce, Partitions: parts, Tokens: uint64(tokens)}, from, []any{1, "word"}, last)
		return
	}
	args := []any{run, nonce, len(parts)}
	for _, part := range parts {
		args = append(args, part)
	}
	protocol.Library.Call(ctx, p.rdb, protocol.Function("put"), p.Job.Keys(), append(args, from, 1, last, tokens)...)
}

func (p *play) fill() {
	words := make([]any, 0, 4)
	for i := range rapid.IntRange(0, 2).Draw(p.t, "words") {
		words = append(words, 1, strconv.Itoa(i))
	}
	p.Fill(p.t.Context(), p.run(), rapid.IntRange(0, 3).Draw(p.t, "from"), words, rapid.Bool().Draw(p.t, "last"))
}

func (p *play) task() protocol.TaskID {
	return protocol.TaskID{Stream: p.stream(), Number: p3(p.t, "task")}
}

func (p *play) fail() {
	token := fmt.Sprint("attempt ", p3(p.t, "token"))
	p.Fail(p.t.Context(), p.run(), p.task(), token, p3(p.t, "limit"), protocol.Cause{Code: protocol.Failed})
}

func (p *play) requeue() { p.Requeue(p.t.Context(), p.run()) }

func (p *play) renew() {
	stream, tasks := p.stream(), p.some(1, p.maps)
	p.Renew(p.t.Context(), p.run(), p.who(), protocol.WorkerInfo{}, stream, slices.Compact(tasks))
}

func (p *play) release() { p.Release(p.t.Context(), p.run(), p.who(), rapid.Bool().Draw(p.t, "died")) }

func (p *play) begin() { p.BeginTask(p.t.Context(), p.run(), p.task(), p.who()) }

func (p *play) final() {
	fence := protocol.NewNonce()
	p.fences = append(p.fences, fence)
	p.Fence(p.t.Context(), p.run(), fence)
}

// fenced does something under a fence that stands, or doesn't.
func (p *play) fenced() {
	if len(p.fences) == 0 {
		return
	}
	ctx, fence := p.t.Context(), rapid.SampledFrom(p.fences[max(0, len(p.fences)-3):]).Draw(p.t, "fence")
	switch rapid.IntRange(1, 4).Draw(p.t, "what") {
	case 1:
		p.Page(ctx, fence, 0, 10)
	case 2:
		p.Sum(ctx, fence, 0, 10)
	case 3:
		p.Dismiss(ctx, fence)
	case 4:
		p.Discard(ctx, fence, 0, protocol.Tally{})
	}
}

func (p *play) clean() {
	switch rapid.IntRange(1, 12).Draw(p.t, "how") {
	case 1:
		p.Client.Clean(p.t.Context(), "")
	case 2, 3, 4, 5: // perhaps somebody else's
		if _, err := p.Client.Clean(p.t.Context(), rapid.SampledFrom(p.runs).Draw(p.t, "run")); err != nil {
			return
		}
	case 6:
		protocol.Clean(p.t.Context(), p.rdb, p.Job)
	default:
		return
	}
	p.runs = append(p.runs, protocol.NewNonce())
}

func (p *play) checkpoint() {
	if p.oneIn(3) {
		p.dumps = append(p.dumps, p.server.Checkpoint(p.tb))
	}
}

func (p *play) restore() {
	if !p.oneIn(6) { // a restart takes as long as all the rest
		return
	}
	dump := rapid.SampledFrom(p.dumps).Draw(p.t, "checkpoint")
	check.Must(p.tb, p.record.Restart(func() (bool, error) {
		p.server.Restore(p.tb, dump)
		return true, nil
	}))
	p.lose = false
	check.Await(p.tb, "the server answers", func() bool { return p.rdb.Ping(p.t.Context()).Err() == nil })
	_, err := protocol.Library.Load(p.t.Context(), p.rdb)
	check.Must(p.tb, err)
}

// getFar gets on some times.
func (p *play) getFar() {
	for range p3(p.t, "times") + 2 {
		p.getOn()
	}
}

// getOn does what the job needs next, as a worker or a supervisor would.
func (p *play) getOn() {
	ctx, run := p.t.Context(), p.runs[len(p.runs)-1]
	st, err := p.Status(ctx)
	if err != nil || st.Seeded < p.maps {
		p.Seed(ctx, run, "here", p.maps, st.Seeded+1, make([]protocol.Entry, p.maps-st.Seeded))
		return
	}
	who, stream := p.who(), st.Phase.Stream()
	if st.Phase == protocol.Done {
		if p.Job.Keep > 0 {
			p.Fill(ctx, run, 0, []any{1, "word"}, true)
		}
		p.final()
		if p.oneIn(4) {
			p.Client.Clean(ctx, run)
			p.runs = append(p.runs, protocol.NewNonce())
		}
		return
	}
	mine := map[int]bool{}
	for _, from := range []string{"0", ">"} {
		tasks, _ := wordcounttest.ReadGroup(ctx, p.Client, stream, who, from, 2)
		for _, n := range tasks {
			mine[n] = true
		}
	}
	if len(mine) == 0 {
		p.rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: p.Job.StreamKey(stream), Group: protocol.Group, Consumer: who, Start: "0", Count: 2})
		return
	}
	tasks := slices.Sorted(maps.Keys(mine))
	if stream == protocol.Maps {
		p.commitOf(tasks)
		return
	}
	for i := range tasks {
		tasks[i]--
	}
	p.putOf(tasks)
}
