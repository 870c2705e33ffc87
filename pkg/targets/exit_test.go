package targets_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAnOptionThatMakesNoSenseIsNamedAndExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	for name, value := range map[string]string{
		"WORDCOUNT_WORKERS": "0", "WORDCOUNT_REDUCERS": "-1", "WORDCOUNT_KEEP": "0", "WORDCOUNT_SPLIT": "much", "WORDCOUNT_LEASE": "soon",
		"WORDCOUNT_CHECKPOINT": "1ms", "WORDCOUNT_FAULTS": "crash@noon:1", "WORDCOUNT_DURABILITY": "perhaps",
		"WORDCOUNT_REDIS_MEMORY": "-1", "WORDCOUNT_REDIS_KIND": "fridge", "WORDCOUNT_REDIS_PORT": "70000",
	} {
		before, was := f.env[name]
		f.set(name, value)
		says := name + "=" + value + ": "
		if strings.HasPrefix(name, "WORDCOUNT_REDIS_") { // it may be a password in the wrong place
			says = name + ": "
		}
		contains(t, f.exits(2, "run").err, says)
		if delete(f.env, name); was {
			f.set(name, before)
		}
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"input: -workers=0: ", []string{"run", "-workers=0"}},
		{"input: -reducers=5000: ", []string{"run", "-reducers=5000"}},
		{"-bytes=much: ", []string{"data:generate", "-bytes=much"}},
		{"-zipf=steep: ", []string{"data:generate", "-zipf=steep"}},
		{"-bytes=0: ", []string{"data:generate", "-bytes=0"}},
		{" don't fit on the disk of ", []string{"data:generate", "-bytes=8000TB"}},
		{"-files=0: ", []string{"data:generate", "-files=0"}},
		{"-words=0: ", []string{"data:generate", "-words=0"}},
		{"-zipf=0: ", []string{"data:generate", "-zipf=0"}},
		{" isn't empty: ", []string{"data:generate", "-out=."}},
		{"-time=0s ", []string{"chaos:storm", "-time=0s"}},
		{"-every=-1s: ", []string{"chaos:storm", "-every=-1s"}},
		{"-bytes=0: ", []string{"chaos:storm", "-bytes=0"}},
		{" don't fit on the disk of ", []string{"chaos:storm", "-bytes=8000TB"}},
		{"no job was run in this folder yet", []string{"verify"}},
		{"no job was run in this folder yet", []string{"status"}},
	} {
		contains(t, f.exits(2, c.args...).err, c.says)
	}
	f.texts(1)
	f.exits(0, "run")
	contains(t, f.exits(2, "top", "-n=0").err, "-n=0: ")
}

func TestAVariableThatIsNoOptionExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.set("WORDCOUNT_WORKER", "3")
	for _, target := range []string{"run", "stream:seed", "status", "redis:stop"} {
		r := f.exits(2, target)
		contains(t, r.err, "there is no option WORDCOUNT_WORKER: did you mean WORDCOUNT_WORKERS?")
		lacks(t, r.err, "redis:start")
	}
	delete(f.env, "WORDCOUNT_WORKER")
	f.set("WORDCOUNT_SYMLINKS", "yes")
	contains(t, f.exits(2, "run").err, "there is no option WORDCOUNT_SYMLINKS: "+f.program+" env shows all")
	contains(t, f.exits(2, "env").out, "\nWORDCOUNT_WORKERS ") // as was advised
}

func TestAnAddressThatMakesNoSenseExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	delete(f.env, "WORDCOUNT_REDIS_KIND")
	const secret = "pass word"
	for _, c := range []struct{ url, passwordFile, ca string }{
		{url: "redis://user:" + secret + "@localhost:1"},
		{url: "redis://localhost:1?foo=bar"},
		{url: "redis://localhost:1", passwordFile: "nowhere"},
		{url: "redis://localhost:1", ca: "only for rediss.pem"},
	} {
		f.use(c.url, c.passwordFile)
		f.set("WORDCOUNT_REDIS_CA", c.ca)
		p := f.start("run")
		<-p.ended
		if code := p.cmd.ProcessState.ExitCode(); code != 2 || strings.Contains(p.err.String(), secret) {
			t.Errorf("%+v: exit %d: %s", c, code, &p.err)
		}
	}
}

func TestFault39MissingInputIsNamedAndExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	for missing, args := range map[string][]string{"no such folder": {"run", "-input=no such folder"}, "data": {"run"}} {
		r := f.exits(2, args...)
		contains(t, r.err, missing+`": no such file or directory`)
		lacks(t, r.err, "redis:start")
	}
}

func TestFault39UnreadableFileIsNamedAndExits2(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(2)
	f.write("data/secret.txt", "nobody may read this")
	check.Must(t, os.Chmod(filepath.Join(f.dir, "data", "secret.txt"), 0))
	if os.Getuid() == 0 { // who may read anything
		f.becomeNobody()
	}
	r := f.exits(2, "run")
	contains(t, r.err, `secret.txt": permission denied`)
	lacks(t, r.err, "workers:spawn")
}

// becomeNobody gives everything in the folder to another user, who from now on uses it, with a server of that user.
func (f *folder) becomeNobody() {
	f.Helper()
	const nobody = 65534
	f.server.Kill(f)
	top := filepath.Dir(f.dir)
	give := func(user int) {
		check.Must(f, filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, user, user))
		}))
	}
	check.Must(f, os.Chmod(filepath.Dir(top), 0o755))
	give(nobody)
	f.as = &syscall.Credential{Uid: nobody, Gid: nobody}
	f.Cleanup(func() {
		f.exits(0, "redis:stop")
		give(0)
	})
}

func TestFault23WrongPasswordExits3AtOnceAndIsNeverPrinted(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	rdb := f.rdb
	const secret = "hunter2-wrong"
	for what, use := range map[string]func(){
		"in the address": func() { f.use("redis://:"+secret+"@"+f.server.Addr, "") },
		"in a file": func() {
			f.write("secret", secret+"\n")
			f.use("redis://"+f.server.Addr, "secret")
		},
	} {
		check.Must(t, rdb.ConfigResetStat(t.Context()).Err())
		use()
		r := f.exits(3, "run")
		contains(t, r.err, "check the user and the password")
		lacks(t, r.String(), secret)
		stats, err := rdb.Info(t.Context(), "stats").Result()
		check.Must(t, err)
		if !strings.Contains(stats, "total_connections_received:1\r\n") {
			t.Errorf("%s: more than one try: %s", what, stats)
		}
	}
}

func TestFault23MissingPermissionExits3(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	check.Must(t, f.rdb.Do(t.Context(), "acl", "setuser", "guest", "on", ">word", "~*", "+@all", "-fcall").Err())
	f.use("redis://guest:word@"+f.server.Addr, "")
	r := f.exits(3, "run")
	contains(t, r.err, "'fcall'")
	if n := lines(r.err); n > 5 {
		t.Errorf("%d lines:\n%s", n, r.err)
	}
}

func TestFault24OldServerExits3(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.use("redis://"+oldServer(t), "")
	contains(t, f.exits(3, "run").err, "needs Redis 7.0 or newer, found 6.2.0")
}

// oldServer answers as a Redis does that is older than functions. It is pretended, for the systems that we are built on have
// no such package any more.
func oldServer(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check.Must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					args, err := request(in)
					if err != nil {
						return
					}
					reply := "+OK\r\n"
					switch strings.ToLower(args[0]) {
					case "hello":
						reply = "-ERR unknown command\r\n"
					case "ping":
						reply = "+PONG\r\n"
					case "info":
						reply = "$19\r\nredis_version:6.2.0\r\n"
					}
					fmt.Fprint(conn, reply)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// request reads one command.
func request(in *bufio.Reader) (args []string, err error) {
	line := func() string {
		text, readErr := in.ReadString('\n')
		err = errors.Join(err, readErr)
		return strings.TrimSpace(text)
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(line(), "*"))
	for range n {
		line() // the length
		args = append(args, line())
	}
	if err == nil && n == 0 {
		err = errors.New("not a command")
	}
	return args, err
}

func TestFault29EvictionPolicyThatCouldDropOurKeysExits3(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.private("maxmemory-policy allkeys-lru", "word")
	r := f.exits(3, "run")
	contains(t, r.err, "maxmemory-policy allkeys-lru may drop keys")
	lacks(t, r.err, "stream:seed")
}

func TestAServerThatNobodyListensOnExits3(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	free, err := redisd.FreePort()
	check.Must(t, err)
	addr := "127.0.0.1:" + strconv.Itoa(free)
	f.use("redis://:not-to-be-told@"+addr, "")
	r := f.exits(3, "run")
	contains(t, r.err, "is there a server at "+addr)
	lacks(t, r.err, "not-to-be-told")
}

func TestFault22LibraryOfAnotherVersionOnAGivenServerExits4AndOnOursMakesWay(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	guest := f.guest()
	f.texts(1)
	guest.texts(1)
	theirs := redisfn.MustParse("#!lua name=" + protocol.Library.Name + "\nredis.register_function('something', function() return 1 end)\n")
	check.Must(t, f.rdb.FunctionLoad(t.Context(), theirs.Source).Err())
	r := guest.exits(4, "run")
	contains(t, r.err, protocol.Library.String())
	contains(t, r.err, theirs.String())
	f.exits(0, "run")
	f.exact()
}

func TestFault25ForeignKeyInOurPlaceExits4AndStays(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")
	job, rdb := f.job(), f.rdb
	f.exits(0, "clean")
	check.Must(t, rdb.Set(t.Context(), job.Key("counts"), "theirs", 0).Err())
	contains(t, f.exits(4, "run").err, job.Key("counts"))
	keys, err := rdb.Keys(t.Context(), "*").Result()
	check.Must(t, err)
	if len(keys) != 1 || rdb.Get(t.Context(), keys[0]).Val() != "theirs" {
		t.Errorf("the keys are now %q", keys)
	}
}

func TestAJobThatIsNotThereExits4(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	contains(t, f.exits(4, "workers:join", "-job=0123456789abcdef").err, "job 0123456789abcdef is not on this server")
}

func TestFault44FileThatChangesDuringTheRunIsNamedAndExits5(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(20)
	f.live()
	p := f.heldUp()
	f.write("data/text 019.txt", "shorter")
	p.letGo()
	r := p.exits(5)
	contains(t, r.err, `text 019.txt": its size was `)
	if r.out != "" {
		t.Errorf("published: %s", r.out)
	}
	f.exits(5, "verify")
	f.set("WORDCOUNT_FAULTS", "")
	f.exits(0, "run") // another job: what the file is now
	f.exact()
}

func TestATamperedResultExits6AndTheFirstDifferencesAreShown(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(4)
	f.exits(0, "run")
	counts, rdb := f.job().Key("counts"), f.rdb
	right := rdb.ZScore(t.Context(), counts, "common3").Val()
	check.Must(t, rdb.ZIncrBy(t.Context(), counts, 2, "common3").Err())
	check.Must(t, rdb.ZIncrBy(t.Context(), counts, 1, "surplus").Err())
	check.Must(t, rdb.ZRem(t.Context(), counts, "common4").Err())
	r := f.exits(6, "verify")
	contains(t, r.out, fmt.Sprintf("  common3: %.0f by a serial count, %.0f in the result\n", right, right+2))
	contains(t, r.out, "  surplus: 0 by a serial count, 1 in the result\n")
	contains(t, r.out, "  common4: ")
	contains(t, r.err, "1 missing, 1 surplus, 1 different")
}
