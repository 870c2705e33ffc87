package wordcount

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// aLog is a server that somebody gave us, with an append-only file, in one life after the other.
type aLog struct {
	base *redistest.Server
	dir  string
	node *redistest.Node

	port     atomic.Value          // of the node, a string
	lifelong redis.UniversalClient // of whichever node lives
}

func newLog(t *testing.T, base *redistest.Server) *aLog {
	l := &aLog{base: base, dir: t.TempDir()}
	l.lifelong = redis.NewClient(&redis.Options{Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+l.port.Load().(string))
	}})
	t.Cleanup(func() { l.lifelong.Close() })
	l.live(t)
	return l
}

// live starts the server with what its file has.
func (l *aLog) live(t *testing.T) {
	t.Helper()
	l.node = l.base.StartNode(t, "--dir", l.dir, "--appendonly", "yes", "--appendfsync", "always")
	l.port.Store(l.node.Port)
}

// lead leads a job's own clients to the server that lives. Its supervisor has found it already.
func (l *aLog) lead(h *byHand) { h.rdb, h.probe, h.Client.Redis = l.node, l.node, l.node }

func (l *aLog) die(h *byHand) {
	h.tb.Helper()
	check.Must(h.tb, syscall.Kill(l.node.PID, syscall.SIGKILL))
	check.Await(h.tb, "the server is dead", func() bool { return !alive(l.node.PID) })
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

// transaction finds the last transaction of a log, and returns where it begins, and where its commands
// end, MULTI's and EXEC's too.
func (l *aLog) transaction(h *byHand) (begin int, ends []int) {
	h.tb.Helper()
	text, err := os.ReadFile(l.file(h))
	check.Must(h.tb, err)
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
	begin = at
	for at < len(text) {
		for range line('*') {
			at += line('$') + len("\r\n")
		}
		ends = append(ends, at)
	}
	return begin, ends
}

func TestFault55ALogThatIsTornInACallIsNeverSealedWithOtherCounts(t *testing.T) {
	t.Parallel()
	type call struct {
		reducers int
		before   func(*byHand)
		do       func(*byHand) (again func()) // again is the same, sent once more
	}
	calls := map[string]call{
		"a partition": {2, func(h *byHand) {
			h.Take("map", "w", wordcounttest.Tasks)
			h.MustCommit(1, 2, 3)
			h.Take("reduce", "w", 2)
		},
			func(h *byHand) func() { h.Store(0); return func() { h.Store(0) } }},
	}
	for _, reducers := range []int{2, 0} {
		for what, tasks := range map[string][]int{"a commit": {1, 2}, "the last commit": {2, 3}} {
			calls[fmt.Sprintf("%s, %d reducers", what, reducers)] = call{reducers,
				func(h *byHand) {
					h.Take("map", "w", wordcounttest.Tasks)
					if !slices.Contains(tasks, 1) {
						h.MustCommit(1)
					}
				},
				func(h *byHand) func() {
					s := h.Counted(tasks...)
					bring := func() {
						if standings, err := h.Send(s); err != nil || standings != nil {
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
			exact, refused, mended := 0, 0, 0
			for behind, commands := 0, 1; behind < commands; behind++ {
				for _, then := range []string{"sent again", "done by somebody else", "not done yet"} {
					l := newLog(t, base)
					h := newByHandOn(t, base, c.reducers, withoutCheckpoints, func(c *supervisor.Config) { c.Redis = l.lifelong })
					h.reviveBy = func(ctx context.Context) error { _, err := protocol.Library.Load(ctx, h.rdb); return err }
					l.lead(h)
					c.before(h)
					again := c.do(h)
					begin, ends := l.transaction(h)
					commands = len(ends) - 1 // behind EXEC nothing is torn
					l.die(h)
					check.Must(t, os.Truncate(l.file(h), int64(ends[behind]+1)))
					l.live(t) // what is torn is taken back, but stays in the file of most servers
					l.lead(h)
					if log, err := os.Stat(l.file(h)); err != nil {
						t.Fatal(err)
					} else if log.Size() == int64(begin) { // Valkey 9 cuts it off
						mended++
					}
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
					check.Must(t, err)
					l.die(h)
					l.live(t)
					l.lead(h)
					err = h.ends()
					t.Logf("behind command %d of %d, %s: %v", behind, commands, then, err)
					if c.reducers > 0 && then == "sent again" {
						check.Must(t, err)
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
			if exact == 0 || refused == 0 && mended < exact {
				t.Errorf("%d jobs were exact, %d refused, %d logs were mended: was anything torn?", exact, refused, mended)
			}
		})
	}
}
