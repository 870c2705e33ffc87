package wordcount

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// folderJob is a job of a working folder, with workers in this process.
func folderJob(t *testing.T, dir string, change ...func(*Config)) *Job {
	t.Helper()
	c := Config{
		Dir: filepath.Join(dir, "state"), Inputs: []string{filepath.Join(dir, "texts")}, InProcess: true, Workers: 2,
		Options: plan.Options{Split: 100, Reducers: 3},
	}
	for _, change := range change {
		change(&c)
	}
	job, err := Open(t.Context(), c)
	check.Must(t, err)
	t.Cleanup(func() { check.Must(t, job.Close()) })
	return job
}

// on makes a job one on a given server.
func on(server *redistest.Server) func(*Config) {
	return func(c *Config) {
		c.Redis, c.Server = server.Given().URL, redisd.Config{PasswordFile: server.Given().PasswordFile}
	}
}

// hasRun is a working folder, the server that it is given, and a job of both that has run.
func hasRun(t *testing.T) (dir string, server *redistest.Server, job *Job) {
	t.Helper()
	dir, server = folderOf(t, check.Texts(3, 10)), redistest.Start(t)
	job = folderJob(t, dir, on(server))
	_, err := job.Run(t.Context())
	check.Must(t, err)
	return dir, server, job
}

// folderOf makes a working folder with an input.
func folderOf(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	check.Must(t, os.Mkdir(filepath.Join(dir, "texts"), 0o755))
	for name, text := range files {
		check.Must(t, os.WriteFile(filepath.Join(dir, "texts", name), []byte(text), 0o600))
	}
	return dir
}

func keysOn(t *testing.T, server *redistest.Server) int {
	t.Helper()
	n, err := server.Client(t).DBSize(t.Context()).Result()
	check.Must(t, err)
	return int(n)
}

func TestFault69AJobIsNotCleanedWhileAProcessWorksOnIt(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	dir := folderOf(t, check.Texts(5, 10))
	job, cleaner := folderJob(t, dir, on(server)), folderJob(t, dir, on(server))
	refuses := func(when string) {
		t.Helper()
		err := cleaner.Clean(t.Context(), func(string, int) { t.Errorf("%s: it was cleaned", when) })
		check.IsError(t, err, ErrIncomplete, job.ID(), "end it first")
	}
	for _, step := range []struct {
		when string
		do   func(context.Context) error
	}{
		{"before it is seeded", func(ctx context.Context) error {
			return errors.Join(job.Connect(ctx), job.Load(ctx), job.Seed(ctx))
		}},
		{"once it is seeded", job.Spawn},
		{"while workers work", job.Checkpoints},
	} {
		check.Must(t, step.do(t.Context()))
		refuses("after the step " + step.when)
	}
	result, err := job.Seal(t.Context())
	check.Must(t, err)
	for _, err := range result.All(t.Context()) {
		check.Must(t, err)
	}
	check.Must(t, cleaner.Clean(t.Context(), func(string, int) {}))
	if n := keysOn(t, server); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

func TestFault69AFolderThatBeginsAJobAnewEndsTheRunOfTheOther(t *testing.T) {
	t.Parallel()
	r := newRig(t, check.Texts(20, 30))
	r.faults = "slow=50ms:2"
	r.prepare(bothModes[0])
	first := r.start()
	first.until("the first run works", func() bool { return r.status().Pending() > 0 })
	s := r.second(state.Folder{Dir: t.TempDir()})
	s.prepare(bothModes[0])
	check.Must(t, s.folder.SetRun(s.plan.Job.ID, protocol.NewNonce()))
	second := s.start()
	<-first.ended
	first.refused(first.err, protocol.ErrState, "another folder has begun job", "let that run end")
	second.exactly()
	if n := r.said("wiped") + s.said("wiped"); n != 1 {
		t.Errorf("runs were wiped %d times", n)
	}
}

func TestFault69CleanFindsWhatAFolderLeftOnAnyServer(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, check.Texts(3, 10))
	own := redistest.StartIn(t, filepath.Join(dir, "state"))
	one, other := redistest.Start(t), redistest.Start(t)
	// For the address that it isn't given, Clean has no password.
	check.Must(t, other.Client(t).Do(t.Context(), "ACL", "SETUSER", "default", "nopass").Err())
	all := []*redistest.Server{own, one, other}
	for _, c := range []func(*Config){func(*Config) {}, on(one), on(other)} {
		_, err := folderJob(t, dir, c).Run(t.Context())
		check.Must(t, err)
	}
	for i, server := range all {
		if keysOn(t, server) == 0 {
			t.Fatalf("server %d has no keys", i)
		}
	}
	cleaned := 0
	check.Must(t, folderJob(t, dir, on(one)).Clean(t.Context(), func(job string, keys int) { cleaned += keys }))
	for i, server := range all {
		if n := keysOn(t, server); n != 0 {
			t.Errorf("server %d has %d keys", i, n)
		}
	}
	if cleaned == 0 {
		t.Error("no keys were reported")
	}
	own.Kill(t)
	own.Start(t)
	if n := keysOn(t, own); n != 0 {
		t.Errorf("a crash has brought %d keys back", n)
	}
}

func TestFault69CleanKeepsAJobWhoseServerItCannotUse(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, check.Texts(3, 10))
	one, other := redistest.Start(t), redistest.Start(t)
	password, err := os.ReadFile(one.Given().PasswordFile)
	check.Must(t, err)
	secret := strings.TrimSpace(string(password))
	withPassword := func(c *Config) { // in the address, where nothing records it
		c.Redis, c.Server = "redis://:"+secret+"@"+one.Addr+"/0", redisd.Config{}
	}
	job := folderJob(t, dir, withPassword)
	_, err = job.Run(t.Context())
	check.Must(t, err)
	servers, err := job.folder.Servers(job.ID())
	check.Must(t, err)
	address := "redis://" + one.Addr + "/0"
	if !slices.Equal(servers, []string{address}) {
		t.Errorf("recorded are %q", servers)
	}
	err = folderJob(t, dir, on(other)).Clean(t.Context(), func(string, int) { t.Error("it was cleaned") })
	if !redisd.IsServer(err) || !strings.Contains(err.Error(), "keys of job "+job.ID()+" are left on \""+address+"\"") {
		t.Errorf("without the password: %v", err)
	}
	if keysOn(t, one) == 0 {
		t.Error("the keys are gone")
	}
	check.Must(t, folderJob(t, dir, on(one)).Clean(t.Context(), func(string, int) {})) // the same address, with the password's file
	if n := keysOn(t, one); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

func TestFault69CleanKeepsAJobWhoseServerHasNoSocketAnyMore(t *testing.T) {
	t.Parallel()
	dir, server, job := hasRun(t)
	check.Must(t, job.folder.AddServer(job.ID(), "unix://"+filepath.Join(dir, "gone.sock")))
	err := folderJob(t, dir, on(server)).Clean(t.Context(), func(string, int) { t.Error("it was cleaned") })
	check.IsError(t, err, redisd.ErrUnreachable, "keys of job "+job.ID()+" are left on", "gone.sock")
	if known, err := job.folder.Jobs(); err != nil || !slices.Contains(known, job.ID()) {
		t.Errorf("known are %q, %v", known, err)
	}
}

func TestFault28AFullServerIsFreedByClean(t *testing.T) {
	t.Parallel()
	dir, server, _ := hasRun(t)
	rdb := server.Client(t)
	check.Must(t, rdb.FunctionFlush(t.Context()).Err()) // a full server takes no library
	check.Must(t, rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	if err := rdb.Set(t.Context(), "key", "value", 0).Err(); !protocol.IsOutOfMemory(err) {
		t.Fatalf("the server is not full: %v", err)
	}
	check.Must(t, folderJob(t, dir, on(server)).Clean(t.Context(), func(string, int) {}))
	if n := keysOn(t, server); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

func TestFault69CleanSendsNoPasswordToAnAddressThatAFolderNames(t *testing.T) {
	t.Parallel()
	_, server, job := hasRun(t)
	password, err := os.ReadFile(server.Given().PasswordFile)
	check.Must(t, err)
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	check.Must(t, err)
	var heard bytes.Buffer
	var listening sync.WaitGroup
	listening.Go(func() {
		for {
			conn, err := stranger.Accept()
			if err != nil {
				return
			}
			chunk := make([]byte, 4096)
			for n, err := conn.Read(chunk); err == nil; n, err = conn.Read(chunk) {
				heard.Write(chunk[:n])
				conn.Write([]byte("-NOAUTH Authentication required.\r\n"))
			}
			conn.Close()
		}
	})
	check.Must(t, job.folder.AddServer(job.ID(), "redis://"+stranger.Addr().String()))
	err = job.Clean(t.Context(), func(string, int) { t.Error("it was cleaned") })
	stranger.Close()
	listening.Wait()
	if !redisd.IsServer(err) || heard.Len() == 0 || bytes.Contains(heard.Bytes(), bytes.TrimSpace(password)) {
		t.Errorf("%v, and the stranger has heard %q", err, heard.String())
	}
	if n := keysOn(t, server); n != 0 {
		t.Errorf("%d keys are left where it has the password", n)
	}
}
