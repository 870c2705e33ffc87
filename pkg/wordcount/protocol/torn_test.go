package protocol_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

// A server that comes back with a torn log forgets the call that was torn. But what the log has of
// it is done when the log is read once more, before the same call that was sent again.
func TestACallThatATornLogBringsBackInPartAndThenWholeCountsOnce(t *testing.T) {
	t.Parallel()
	revoke := func(h *wordcounttest.Job) {
		outputs, _, err := protocol.OutputsSoFar(t.Context(), h.Client.Redis, h.Client.Job)
		check.Must(t, err)
		check.Must(t, h.Client.Revoke(t.Context(), h.Run, outputs[0].Name, "host", errors.New("it is gone")))
	}
	take := func(h *wordcounttest.Job) { h.Take("map", "w", wordcounttest.Tasks) }
	commit := func(tasks ...int) func(*wordcounttest.Job) {
		return func(h *wordcounttest.Job) { h.MustCommit(tasks...) }
	}
	takeReduce := func(h *wordcounttest.Job) { h.Take("reduce", "w", 1) }
	store := func(h *wordcounttest.Job) { h.Store(0) }
	for what, calls := range map[string][]func(*wordcounttest.Job){ // the last of them is torn
		"a commit":        {take, commit(1, 2)},
		"the last commit": {take, commit(1, 2), commit(3)},
		"a revoke":        {take, commit(1, 2), revoke},
		"a revoke of all": {take, commit(1, 2, 3), revoke},
		"a partition":     {take, commit(1, 2, 3), takeReduce, store},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := wordcounttest.New(t, 1)
			rdb, keys := h.Client.Redis, h.Client.Job.Keys()
			log := keepLog(t, h)
			last := len(calls) - 1
			for _, do := range calls[:last] {
				do(h)
			}
			before := map[string]string{}
			for _, key := range keys {
				text, err := rdb.Dump(t.Context(), key).Result()
				if !errors.Is(err, redis.Nil) {
					check.Must(t, err)
					before[key] = text
				}
			}
			calls[last](h)
			want, whole := whatItHasComeTo(t, h), lastTransaction(t, log)
			if len(whole) < 3 {
				t.Fatalf("the call is no more than %q", whole)
			}
			for n := range whole {
				check.Must(t, rdb.Del(t.Context(), keys...).Err())
				for key, text := range before {
					check.Must(t, rdb.RestoreReplace(t.Context(), key, 0, text).Err())
				}
				for _, part := range [][][]any{whole[:n], whole} {
					for _, command := range part {
						rdb.Do(t.Context(), command...) // a server that reads its log ignores errors, too
					}
				}
				if got := whatItHasComeTo(t, h); got != want {
					t.Errorf("behind %d of %d commands:\n%s\nis not\n%s", n, len(whole), got, want)
				}
			}
		})
	}
}

// whatItHasComeTo is what the job has of numbers, outputs and losses.
func whatItHasComeTo(t *testing.T, h *wordcounttest.Job) string {
	t.Helper()
	st := h.Status()
	all := fmt.Sprintf("%d pending, %d buried, counts %s\n", st.Pending(), st.Buried, h.Counts())
	for _, name := range []string{"meta", "outputs", "attempts"} {
		of, err := h.Client.Redis.HGetAll(t.Context(), h.Client.Job.Key(name)).Result()
		check.Must(t, err)
		all += fmt.Sprintln(name, of)
	}
	return all
}

// keepLog lets the server keep an append-only file, and returns the part of it that grows.
func keepLog(t *testing.T, h *wordcounttest.Job) (path string) {
	t.Helper()
	rdb := h.Client.Redis
	check.Must(t, rdb.ConfigSet(t.Context(), "appendfsync", "always").Err())
	check.Must(t, rdb.ConfigSet(t.Context(), "appendonly", "yes").Err())
	check.Await(t, "the server keeps a log", func() bool {
		info := rdb.InfoMap(t.Context(), "persistence").Item("Persistence", "aof_rewrite_in_progress")
		paths, err := filepath.Glob(filepath.Join(h.Server.DataDir, "appendonlydir", "*.incr.aof"))
		check.Must(t, err)
		if len(paths) == 1 {
			path = paths[0]
		}
		return info == "0" && path != ""
	})
	return path
}

// lastTransaction returns the commands of the last transaction of a log.
func lastTransaction(t *testing.T, path string) (commands [][]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	check.Must(t, err)
	at := bytes.LastIndex(text, []byte("*1\r\n$5\r\nMULTI\r\n"))
	if at < 0 {
		t.Fatal("there is no transaction")
	}
	in := bufio.NewReader(bytes.NewReader(text[at:]))
	length := func() int { // of what follows: "*3" or "$17"
		line, err := in.ReadString('\n')
		check.Must(t, err)
		n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
		check.Must(t, err)
		return n
	}
	for {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return commands[1 : len(commands)-1] // without MULTI and EXEC
		}
		command := make([]any, length())
		for i := range command {
			word := make([]byte, length()+len("\r\n"))
			_, err := io.ReadFull(in, word)
			check.Must(t, err)
			command[i] = string(bytes.TrimSuffix(word, []byte("\r\n")))
		}
		commands = append(commands, command)
	}
}
