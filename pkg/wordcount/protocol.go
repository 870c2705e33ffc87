package wordcount

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/lua"
	"github.com/magereduce/magereduce/pkg/redisfn"
)

// Library is the protocol: lua/wordcount.lua, where each function and each of its guards is explained.
var Library = redisfn.MustParse(lua.Wordcount)

// schema is the version of keys and functions; it is in the name of the library and of each function.
const schema = "2"

// protocol calls the library's functions for one job: one typed method a function.
type protocol struct {
	rdb redis.UniversalClient
	job Job
}

// function is the full name of one of the library's functions.
func function(name string) string { return "wordcount_" + schema + "_" + name }

func (p protocol) call(ctx context.Context, name string, keys []string, args ...any) *redis.Cmd {
	cmd := Library.Call(ctx, p.rdb, function(name), keys, args...)
	if err := cmd.Err(); err != nil {
		cmd.SetErr(classify(err))
	}
	return cmd
}

func (p protocol) read(ctx context.Context, name string, keys []string, args ...any) *redis.Cmd {
	cmd := Library.CallRO(ctx, p.rdb, function(name), keys, args...)
	if err := cmd.Err(); err != nil {
		cmd.SetErr(classify(err))
	}
	return cmd
}

// classify gives an error of Redis the meaning that it has here.
func classify(err error) error {
	var conflict *redisfn.ConflictError
	if errors.As(err, &conflict) {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	switch redisfn.Code(err) {
	case "WCRUN":
		return fmt.Errorf("%w: %w", errOtherRun, err)
	case "WCNOJOB":
		return fmt.Errorf("%w: %w", errNoJob, err)
	case "WCFINAL":
		return fmt.Errorf("%w: %w", ErrNoResult, err)
	case "WCPHASE":
		return fmt.Errorf("%w: %w", errPhase, err)
	case "WCTYPE", "WCSTATE", "WCARG", "WRONGTYPE":
		return fmt.Errorf("%w: %w: look at the keys, or delete the job with clean", ErrState, err)
	case "OOM":
		return fmt.Errorf("%w: %w: give the server more memory, then run again to resume", ErrRedis, err)
	case "MISCONF":
		return fmt.Errorf("%w: %w", ErrRedis, err)
	}
	switch code, text := redisfn.Code(err), err.Error(); {
	case redis.IsAuthError(err), code == "NOPERM", code == "WRONGPASS",
		code == "ERR" && strings.Contains(text, "user executing the script can't "), // within a function, in Redis 7.0
		code == "ERR" && strings.Contains(text, "ACL failure in script: "),          // and in all others
		code == "EXECABORT" && strings.Contains(text, "because of: NOPERM "):        // EXEC itself
		return fmt.Errorf("%w: %w: check user, password and permissions", ErrRedis, err)
	}
	return err
}

// passing tells whether an error may be gone at the next try: a lost connection, a server that is loading or was
// just restarted.
func passing(err error) bool {
	if err == nil {
		return false
	}
	var file *fs.PathError
	var link *os.LinkError
	if errors.As(err, &file) || errors.As(err, &link) { // of a disk, which no server mends
		return false
	}
	for _, final := range []error{ErrInput, ErrRedis, ErrState, ErrIncomplete, errOtherRun, errNoJob, ErrNoResult, errPhase,
		context.Canceled} {
		if errors.Is(err, final) {
			return false
		}
	}
	// MOVED and ASK come through to us when a client follows a cluster in turmoil more often than it likes to.
	switch redisfn.Code(err) {
	case "", "LOADING", "BUSY", "READONLY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "MOVED", "ASK", "NOGROUP", "UNKILLABLE", "UNBLOCKED":
		return true
	}
	return false
}

// seed appends the tasks [first, first+len(splits)) where they aren't there yet, creating the job if need be. It
// returns the run that the job belongs to and the number of its last task.
func (p protocol) seed(ctx context.Context, run string, maps, first int, splits []Split) (owner string, top int, err error) {
	args := make([]any, 0, 4+2*len(splits))
	args = append(args, run, maps, p.job.Reducers, first)
	for _, s := range splits {
		paths, numbers := s.entry()
		args = append(args, paths, numbers)
	}
	reply, err := p.call(ctx, "seed", p.job.Keys(), args...).Slice()
	if err != nil {
		return "", 0, err
	}
	return reply[0].(string), int(reply[1].(int64)), nil
}

// What a task's standing may be when it is refused.
const (
	pending     = "pending"     // somebody holds it
	settled     = "settled"     // it was acknowledged, by us or by somebody else
	undelivered = "undelivered" // a rollback took its delivery back
)

// progress is where an attempt stands that takes several calls.
type progress struct {
	at        int      // how far it has come
	done      bool     // all the way, and the tasks are acknowledged
	standings []string // if not nil, of each task: one of them isn't pending, nothing was done
}

// effect is what a commit adds to a job.
type effect struct {
	attempt  string   // a nonce
	words    []any    // without reducers: word, count, word, count, …
	partials [][]byte // with them: what is appended to each partition's list: the attempt and a frame, or nothing
}

// commit acknowledges tasks and applies their effect if all of them are pending. Otherwise nothing happens. With reducers
// the effect may be brought in several calls, each of which brings the partials of the partitions [from, to).
func (p protocol) commit(ctx context.Context, run string, tasks []int, tokens uint64, bytes int64, e effect, from, to int) (progress, error) {
	args := make([]any, 0, 6+len(tasks)+len(e.words)+to-from)
	args = append(args, run, len(tasks))
	for _, n := range tasks {
		args = append(args, n)
	}
	args = append(append(args, tokens, bytes, e.attempt), e.words...)
	if p.job.Reducers > 0 {
		args = append(args, from)
		for _, partial := range e.partials[from:to] {
			args = append(args, partial)
		}
	}
	return parseProgress(p.call(ctx, "commit", p.job.Keys(), args...))
}

// parseProgress reads where an attempt stands.
func parseProgress(cmd *redis.Cmd) (progress, error) {
	reply, err := cmd.Slice()
	if err != nil {
		return progress{}, err
	}
	switch reply[0] {
	case "committed":
		return progress{done: true}, nil
	case "at":
		if at := int(reply[1].(int64)); at >= 0 {
			return progress{at: at}, nil
		}
		return progress{}, fmt.Errorf("%w: an attempt has come to %d", ErrState, reply[1])
	}
	refused := progress{}
	for _, standing := range reply[1:] {
		refused.standings = append(refused.standings, standing.(string))
	}
	return refused, nil
}

// partition returns the frames of a partition whose task is pending: all its partial counts. The function tells whether
// they are all there; commands of their own in the same transaction read which of them count, and them, for a function's reply
// is copied three times more.
func (p protocol) partition(ctx context.Context, run string, part int) (frames []string, err error) {
	key := p.job.part(part)
	var maps *redis.Cmd
	var commits *redis.MapStringStringCmd
	var partials *redis.StringSliceCmd
	err = Library.Have(ctx, p.rdb, func() error {
		return transaction(p.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			maps = pipe.FCallRO(ctx, function("partition"), append(p.job.fixed(), key), run, part)
			commits = pipe.HGetAll(ctx, p.job.Key("commits"))
			partials = pipe.LRange(ctx, key, 0, -1)
			return nil
		}))
	})
	if err != nil {
		return nil, classify(err)
	}
	all, err := maps.Int()
	if err != nil {
		return nil, err
	}
	committed := committedOf(commits.Val())
	if err := covered(committed, all); err != nil {
		return nil, err
	}
	frames, err = framesOf(committed, partials.Val())
	if err != nil {
		return nil, fmt.Errorf("%w: partition %d: %w", ErrState, part, err)
	}
	return frames, nil
}

// transaction returns the error of a transaction: where a command could not be queued that is its own, for EXECABORT
// doesn't say why.
func transaction(cmds []redis.Cmder, err error) error {
	if redisfn.Code(err) != "EXECABORT" {
		return err
	}
	for _, cmd := range cmds {
		if code := redisfn.Code(cmd.Err()); code != "" && code != "EXECABORT" {
			return cmd.Err()
		}
	}
	return err
}

// totals are those of some partitions, as one attempt stores them.
type totals struct {
	attempt string // a nonce
	parts   []int  // ascending
	tokens  uint64 // words, all of them
}

// put stores totals, given as count, word, count, word, …: those from the rank on that the attempt has come to. The last
// call acknowledges the partitions' tasks, and drops their partial counts.
//
// The words are a command of their own, in a transaction with the function that notes them, for Redis takes twice as long
// over words that come through Lua. What that command can't ask, whether the job is still of our run, is asked before, and
// the transaction watches the stream of maps, which another run would have to write anew and nobody touches otherwise: all
// maps are done by then.
func (p protocol) put(ctx context.Context, run string, of totals, from int, words []any, last bool) (now progress, err error) {
	attempt, lists := []any{run, of.attempt, len(of.parts)}, p.job.fixed()
	for _, part := range of.parts {
		attempt, lists = append(attempt, part), append(lists, p.job.part(part))
	}
	err = p.rdb.Watch(ctx, func(tx *redis.Tx) error {
		now, err = parseProgress(Library.CallRO(ctx, p.rdb, function("place"), p.job.fixed(), attempt...))
		if err != nil || now.standings != nil || now.at != from {
			return err
		}
		var put *redis.Cmd
		err := transaction(tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			if len(words) > 0 {
				pipe.Do(ctx, append([]any{"zadd", p.job.Key("counts")}, words...)...)
			}
			put = pipe.FCall(ctx, function("put"), lists, append(attempt, from, len(words)/2, last, of.tokens)...)
			return nil
		}))
		if err == nil {
			now, err = parseProgress(put)
		}
		return err
	}, p.job.Key("map"))
	if err != nil {
		return progress{}, classify(err)
	}
	return now, nil
}

// ending is a finished job: its fence, and what its counters say.
type ending struct {
	fence           string
	mapped, reduced int64
	tokens, bytes   int64 // of committed tasks
	put             int64 // tokens of stored partitions
}

// final fences the result of a finished job under a nonce, or returns the fence that stands already.
func (p protocol) final(ctx context.Context, run, nonce string) (e ending, err error) {
	reply, err := p.call(ctx, "final", p.job.fixed(), run, nonce).Slice()
	if err != nil {
		return e, err
	}
	e.fence = reply[0].(string)
	for i, n := range []*int64{&e.mapped, &e.reduced, &e.tokens, &e.bytes, &e.put} {
		*n = reply[i+1].(int64)
	}
	return e, nil
}

// commits returns the commits of a finished job, under its fence.
func (p protocol) commits(ctx context.Context, fence string) (map[string]string, error) {
	var commits *redis.MapStringStringCmd
	err := Library.Have(ctx, p.rdb, func() error {
		return transaction(p.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.FCallRO(ctx, function("result"), p.job.fixed(), fence, 0, 1)
			commits = pipe.HGetAll(ctx, p.job.Key("commits"))
			return nil
		}))
	})
	if err != nil {
		return nil, classify(err)
	}
	return commits.Val(), nil
}

// result returns n words from a rank on, by descending count, as word, count, word, count, …
func (p protocol) result(ctx context.Context, fence string, rank, n int) ([]string, error) {
	return p.read(ctx, "result", p.job.fixed(), fence, rank, n).StringSlice()
}

// sum adds up the counts of the words from a rank on, so many different counts at most, and returns how many words that
// were.
func (p protocol) sum(ctx context.Context, fence string, rank, different int) (words int, tokens uint64, err error) {
	reply, err := p.read(ctx, "sum", p.job.fixed(), fence, rank, different).Slice()
	if err != nil {
		return 0, 0, err
	}
	return int(reply[0].(int64)), uint64(number(reply[1].(string))), nil
}

func (p protocol) release(ctx context.Context, fence string) error {
	return p.call(ctx, "release", p.job.fixed(), fence).Err()
}

// discard drops the partial counts; with ttl (seconds) above 0 it lets the job expire.
func (p protocol) discard(ctx context.Context, fence string, ttl int) error {
	return p.call(ctx, "discard", p.job.Keys(), fence, ttl).Err()
}

func (p protocol) renew(ctx context.Context, run, consumer, about, stream string, tasks []int) error {
	args := []any{run, consumer, about, stream}
	for _, n := range tasks {
		args = append(args, n)
	}
	return p.call(ctx, "renew", p.job.fixed(), args...).Err()
}

// giveUp lets a consumer's leases run out at once, and returns how many it held. If it died, that is counted against the
// tasks that may be why.
func (p protocol) giveUp(ctx context.Context, run, consumer string, died bool) (int, error) {
	alone := 0
	if died {
		alone = aloneFrom
	}
	return p.call(ctx, "give_up", p.job.fixed(), run, consumer, alone).Int()
}

// attempt says that we begin with a task that we took over, and returns how many workers died that had it.
func (p protocol) attempt(ctx context.Context, run string, task taskID, consumer string) (deaths int, err error) {
	return p.call(ctx, "attempt", p.job.fixed(), run, task.stream, task.n, consumer).Int()
}

func (p protocol) fail(ctx context.Context, run, stream string, task int, token string, limit int, cause string) (standing string, err error) {
	return p.call(ctx, "fail", p.job.fixed(), run, stream, task, token, limit, cause).Text()
}

// requeue gives buried tasks another life, and returns how many there were.
func (p protocol) requeue(ctx context.Context, run string) (int, error) {
	return p.call(ctx, "requeue", p.job.fixed(), run).Int()
}

// clean deletes the job if it belongs to run ("": whoever it belongs to), and returns how many keys it had.
func (p protocol) clean(ctx context.Context, run string) (int, error) {
	return p.call(ctx, "clean", p.job.Keys(), run).Int()
}

// glance reads, for a worker with nothing to do, what it needs to know of the job.
func (p protocol) glance(ctx context.Context) (run, phase string, released bool, err error) {
	reply, err := p.rdb.HMGet(ctx, p.job.Key("meta"), "run", "phase", "released").Result()
	if err != nil {
		return "", "", false, classify(err)
	}
	if reply[0] == nil || reply[1] == nil {
		return "", "", false, errNoJob
	}
	return reply[0].(string), reply[1].(string), reply[2] != nil, nil
}

// Status is where a job stands.
type Status struct {
	Run, Phase     string // phase: map, reduce, done
	Maps, Mapped   int    // tasks in total, and committed
	Seeded         int    // tasks in the stream
	Reducers       int
	Reduced        int
	Tokens         uint64         // words in committed tasks
	Bytes          int64          // input bytes in committed tasks
	Final          string         // the fence
	Released       bool           // sealed: workers may leave
	PendingMaps    map[string]int // XPENDING: tasks by consumer
	PendingReduces map[string]int
	Buried         int
	WaitingMaps    bool              // some tasks were given to nobody yet
	WaitingReduces bool              //
	Troubles       int               // how often a task was taken from a worker, or failed, so far
	Taken          int               // tasks that were taken from a worker
	Workers        map[string]string // what each worker says of itself (JSON)
}

// done is the number of tasks that are done.
func (s Status) done() int { return s.Mapped + s.Reduced }

// Pending is the number of tasks that somebody holds.
func (s Status) Pending() int {
	n := 0
	for _, consumers := range []map[string]int{s.PendingMaps, s.PendingReduces} {
		for _, tasks := range consumers {
			n += tasks
		}
	}
	return n
}

func (p protocol) status(ctx context.Context) (Status, error) {
	reply, err := p.read(ctx, "status", p.job.fixed()).Slice()
	if err != nil {
		return Status{}, err
	}
	meta := pairs(reply[0])
	s := Status{
		Run: meta["run"], Phase: meta["phase"], Final: meta["final"],
		Released: meta["released"] != "", Buried: int(reply[3].(int64)), Workers: pairs(reply[4]),
		Seeded: int(reply[5].(int64)), WaitingMaps: reply[6] == int64(1), WaitingReduces: reply[7] == int64(1),
		PendingMaps: map[string]int{}, PendingReduces: map[string]int{},
	}
	var tokens, bytes int
	for _, number := range []struct {
		name string
		of   *int
		most int
	}{
		{"maps", &s.Maps, maxMaps}, {"mapped", &s.Mapped, maxMaps}, {"reducers", &s.Reducers, MaxReducers},
		{"reduced", &s.Reduced, MaxReducers}, {"tokens", &tokens, maxCount}, {"bytes", &bytes, maxCount},
		{"troubles", &s.Troubles, maxCount}, {"taken", &s.Taken, maxCount},
	} {
		if *number.of, err = bounded(meta[number.name], number.most); err != nil {
			return Status{}, fmt.Errorf("%w: job %s: %s: %w: somebody else wrote it: delete the job with clean", ErrState, p.job.ID, number.name, err)
		}
	}
	s.Tokens, s.Bytes = uint64(tokens), int64(bytes)
	for consumer, n := range pairs(reply[1]) {
		s.PendingMaps[consumer] = number(n)
	}
	for consumer, n := range pairs(reply[2]) {
		s.PendingReduces[consumer] = number(n)
	}
	return s, nil
}

// pairs makes a map of a flat list, as Redis returns hashes from a function.
func pairs(list any) map[string]string {
	flat := list.([]any)
	m := make(map[string]string, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		m[flat[i].(string)] = fmt.Sprint(flat[i+1])
	}
	return m
}

// Bounds of the numbers of a job. Redis may say anything, and what is made for so many things must not be larger than
// any job needs.
const (
	maxMaps  = 1 << 26 // their stream takes more memory than servers have
	maxCount = 1 << 53 // more than that the library can't count to
)

// bounded reads a number from 0 to most; one that isn't there is 0.
func bounded(s string, most int) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%q is no number from 0 to %d", s, most)
	}
	return n, nil
}

// number reads a number that the library wrote; 0 if it isn't one.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
