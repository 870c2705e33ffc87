package wordcount

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

// aLog is a server that somebody gave us, with an append-only file, in one life after the other.
type aLog struct {
	base *redistest.Server
	dir  string
	node *redistest.Node
}

// live starts the server with what its file has.
func (l *aLog) live(h *byHand) {
	h.tb.Helper()
	l.node = l.base.StartNode(h.tb, "--dir", l.dir, "--appendonly", "yes", "--appendfsync", "always")
	h.rdb, h.probe, h.lib.rdb, h.sup.Redis = l.node, l.node, l.node, l.node
	h.sup.Prepare()
}

func (l *aLog) die(h *byHand) {
	h.tb.Helper()
	must(h.tb, syscall.Kill(l.node.PID, syscall.SIGKILL))
	await(h.tb, "the server is dead", func() bool { return !alive(l.node.PID) })
}

// file is the part of the append-only file that grows.
func (l *aLog) file(h *byHand) string {
	h.tb.Helper()
	files, err := filepath.Glob(filepath.Join(l.dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) != 1 {
		h.tb.Fatalf("the append-only files are %v, %v", files, err)
	}
	return files[0]
}

// transaction finds the last transaction of a log, and returns where its commands end, MULTI's and EXEC's too.
func (l *aLog) transaction(h *byHand) (ends []int) {
	h.tb.Helper()
	text, err := os.ReadFile(l.file(h))
	must(h.tb, err)
	at := bytes.LastIndex(text, []byte("*1\r\n$5\r\nMULTI\r\n"))
	if at < 0 {
		h.tb.Fatal("there is no transaction")
	}
	line := func(prefix byte) (n int) {
		end := at + bytes.IndexByte(text[at:], '\n')
		n, err := strconv.Atoi(string(text[at+1 : end-1]))
		if text[at] != prefix || err != nil {
			h.tb.Fatalf("%q is not the length of something", text[at:end])
		}
		at = end + 1
		return n
	}
	for at < len(text) {
		for range line('*') {
			at += line('$') + len("\r\n")
		}
		ends = append(ends, at)
	}
	return ends
}

func TestFault55ALogThatIsTornInACallIsNeverSealedWithOtherCounts(t *testing.T) {
	t.Parallel()
	type call struct {
		reducers int
		before   func(*byHand)
		do       func(*byHand) (again func()) // again is the same, sent once more
	}
	calls := map[string]call{
		"a partition": {2, func(h *byHand) { h.take("map", "w", handTasks); h.mustCommit(1, 2, 3); h.take("reduce", "w", 2) },
			func(h *byHand) func() { h.store(0); return func() { h.store(0) } }},
	}
	for _, reducers := range []int{2, MapOnly} {
		for what, tasks := range map[string][]int{"a commit": {1, 2}, "the last commit": {2, 3}} {
			calls[fmt.Sprintf("%s, %d reducers", what, reducers)] = call{reducers,
				func(h *byHand) {
					h.take("map", "w", handTasks)
					if !slices.Contains(tasks, 1) {
						h.mustCommit(1)
					}
				},
				func(h *byHand) func() {
					s := h.brings(tasks...)
					bring := func() {
						if standings, err := h.bring(s, tasks...); err != nil || standings != nil {
							h.tb.Fatalf("commit of %v: %v, %v", tasks, standings, err)
						}
					}
					bring()
					return bring
				}}
		}
	}
	base := redistest.Start(t)
	for what, c := range calls {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			exact, refused := 0, 0
			for behind, commands := 0, 1; behind < commands; behind++ {
				for _, then := range []string{"sent again", "done by somebody else", "not done yet"} {
					h := newByHandOn(t, base, c.reducers)
					h.sup.Revive = func(ctx context.Context) error { _, err := Library.Load(ctx, h.rdb); return err }
					l := &aLog{base: base, dir: t.TempDir()}
					l.live(h)
					must(t, h.sup.Seed(t.Context()))
					c.before(h)
					again := c.do(h)
					ends := l.transaction(h)
					commands = len(ends) - 1 // behind EXEC nothing is torn
					l.die(h)
					must(t, os.Truncate(l.file(h), int64(ends[behind]+1)))
					l.live(h) // what is torn is taken back, but stays in the file
					switch then {
					case "sent again":
						again()
					case "done by somebody else":
						c.do(h)
					}
					// The end of anybody's transaction ends what was torn, too.
					_, err := l.node.TxPipelined(t.Context(), func(pipe redis.Pipeliner) error {
						pipe.Set(t.Context(), "somebody else's", "1", 0)
						pipe.Set(t.Context(), "somebody else's", "2", 0)
						return nil
					})
					must(t, err)
					l.die(h)
					l.live(h)
					err = h.ends()
					t.Logf("behind command %d of %d, %s: %v", behind, commands, then, err)
					if c.reducers > 0 && then == "sent again" {
						must(t, err)
					}
					if err == nil {
						exact++
					} else {
						refused++
						h.endsAnew()
					}
					l.die(h)
				}
			}
			if exact == 0 || refused == 0 {
				t.Errorf("%d jobs were exact, %d refused: was anything torn?", exact, refused)
			}
		})
	}
}
