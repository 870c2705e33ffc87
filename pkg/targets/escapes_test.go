package targets_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// harmless fails if a terminal would act upon some of a text.
func harmless(tb testing.TB, text string) {
	tb.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }); i >= 0 {
		tb.Errorf("there is %.20q in:\n%q", text[i:], text)
	}
}

func TestFault62WhatRedisSaysIsShownEscaped(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("data/a\x1b[2J.txt", "\x1b[31mred \x1b[31mred plain")
	f.exits(0, "run")
	job := f.job()
	about, err := json.Marshal(protocol.WorkerInfo{PID: 1, Host: "\x1b]0;host\a", State: "idle\nsealed"})
	check.Must(t, err)
	check.Must(t, f.rdb.HSet(t.Context(), job.Key("workers"), "\x1b[3mname", about).Err())
	check.Must(t, f.rdb.HSet(t.Context(), job.Key("dead"), "map 1", "\x1b[5mcause\nredis    yours").Err())

	r := f.exits(0, "status")
	harmless(t, r.out+r.err)
	contains(t, r.out, `1       \x1b]0;host\a  idle\nsealed `)
	contains(t, r.out, `\x1b[2J.txt" at 0: \x1b[5mcause\nredis    yours`+"\n")
	var s struct{ Buried []struct{ Error string } }
	check.Must(t, json.Unmarshal([]byte(f.exits(0, "status", "-json").out), &s))
	if len(s.Buried) != 1 || s.Buried[0].Error != "\x1b[5mcause\nredis    yours" {
		t.Errorf("programs are told %q", s)
	}
	r = f.exits(0, "top")
	harmless(t, r.out+r.err)
	contains(t, r.out, `2  "\x1b[31mred"`)

	// Redis's own errors hold what is in its keys.
	check.Must(t, f.rdb.HSet(t.Context(), job.Key("meta"), "schema", "\x1b[2J").Err())
	r = f.exits(4, "top")
	harmless(t, r.out+r.err)
	contains(t, r.err, `the job has schema \x1b[2J`)
}

func TestFault62AJobsNameLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(3)
	f.exits(0, "run")
	// On Redis there is such a job, and it isn't sealed.
	job := f.job()
	meta, err := f.rdb.HGetAll(t.Context(), job.Key("meta")).Result()
	check.Must(t, err)
	maps.DeleteFunc(meta, func(name, _ string) bool { return name == "dismissed" || name == "final" })
	const elsewhere = "../../../elsewhere" // from the folder of its jobs
	other := protocol.Job{ID: elsewhere}
	check.Must(t, f.rdb.HSet(t.Context(), other.Key("meta"), meta).Err())
	for _, stream := range []protocol.Stream{protocol.Maps, protocol.Reduces} {
		check.Must(t, f.rdb.XGroupCreateMkStream(t.Context(), other.StreamKey(stream), protocol.Group, "0").Err())
	}

	p := f.start("workers:join", "-job="+elsewhere)
	f.await("workers:join ends or begins", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			_, err := os.Stat(filepath.Join(f.dir, "..", "elsewhere"))
			return err == nil
		}
	})
	if _, err := os.Stat(filepath.Join(f.dir, "..", "elsewhere")); err == nil {
		t.Fatal("something was written outside the folder")
	}
	r := p.exits(2)
	contains(t, r.err, elsewhere)
	contains(t, r.err, "16 digits")
	for _, id := range []string{"x", "0123456789abcde", "0123456789ABCDEF", "0123456789abcdef0", "0123456789abcdef\n"} {
		f.exits(2, "workers:join", "-job="+id)
	}
}
