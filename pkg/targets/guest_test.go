package targets_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"

	"github.com/redis/go-redis/v9"
)

// notForGuests are the commands that a job must never need on a server that was given.
var notForGuests = []string{"FLUSHALL", "FLUSHDB", "KEYS", "CONFIG", "SHUTDOWN", "BGSAVE", "SAVE", "BGREWRITEAOF", "DEBUG",
	"REPLICAOF", "SWAPDB"}

func TestAGivenServerIsAskedForNothingThatAGuestDoesNotDo(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.set("WORDCOUNT_REDUCERS", "3")
	var conf string
	for _, command := range notForGuests {
		conf += "rename-command " + command + " \"\"\n"
	}
	f.private(conf, "word")
	rdb := f.rdb
	check.Must(t, rdb.Set(t.Context(), "theirs", "untouched", 0).Err())

	p := f.heldUp()
	const day = 24 * time.Hour
	for key, ttl := range ttls(t, rdb) {
		if ttl != -1 && ttl <= 6*day { // a key that is new gets its time soon
			t.Errorf("before the seal %s expires in %v", key, ttl)
		}
	}
	p.letGo()
	r := p.exits(0)
	contains(t, r.out, "; durability: none\n")
	contains(t, r.err, "checkpoint:loop  none: durability is none")
	sealed := ttls(t, rdb)
	if len(sealed) < 2 || sealed["theirs"] != -1 {
		t.Errorf("keys %v", sealed)
	}
	delete(sealed, "theirs")
	for key, ttl := range sealed {
		if ttl <= 6*day || ttl > 7*day {
			t.Errorf("after the seal %s expires in %v", key, ttl)
		}
	}
	f.exact()
	contains(t, f.exits(3, "redis:stop").err, "never started, stopped or killed from here")
	f.exits(0, "clean")
	if left := ttls(t, rdb); len(left) != 1 || rdb.Get(t.Context(), "theirs").Val() != "untouched" {
		t.Errorf("after clean: %v", left)
	}
}

// ttls are the keys of a server with the time that they have, -1 if for ever.
func ttls(t *testing.T, rdb redis.UniversalClient) map[string]time.Duration {
	t.Helper()
	left := map[string]time.Duration{}
	for keys := rdb.Scan(t.Context(), 0, "*", 1000).Iterator(); keys.Next(t.Context()); {
		left[keys.Val()] = rdb.PTTL(t.Context(), keys.Val()).Val()
	}
	return left
}

func TestAGivenServerIsNeverKilledByChaos(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	guest := f.guest()
	guest.slowTexts(30)
	guest.live()
	p := guest.begun()
	guest.until("enough is done for chaos", func(s protocol.Status) bool { return 4*s.Mapped >= s.Maps })
	p.team(syscall.SIGSTOP)
	if s := guest.status(); s.Redis.Kind != "given" || s.Redis.PID != 0 {
		t.Errorf("%+v", s.Redis)
	}
	contains(t, guest.exits(3, "chaos:restartRedis").err, "never started, stopped or killed from here")
	p.letGo()
	p.exits(0)
	if !alive(f.server.Pid) {
		t.Error("the server is dead")
	}
	guest.exact()
}

func TestAGivenServerThatSomebodyRestartsIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	guest := f.guest()
	guest.slowTexts(30)
	guest.live()
	p := guest.heldUp()
	f.server.Kill(t) // without any snapshot
	f.server.Start(t)
	p.says("! redis is back: ")
	p.letGo()
	p.exits(0)
	guest.exact()
}

func TestTheMemoryBudgetOnAGivenServerIsKept(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	guest := f.guest()
	guest.slowTexts(20)
	guest.set("WORDCOUNT_REDIS_MEMORY", "1KiB")
	for range 2 { // the next run doesn't pass over it
		contains(t, guest.exits(3, "run").err, "its budget is 1.0 KiB: raise WORDCOUNT_REDIS_MEMORY and run again to resume")
	}
	job := guest.status().Job
	guest.set("WORDCOUNT_REDIS_MEMORY", "64MiB")
	guest.exits(0, "run")
	if now := guest.status().Job; now != job {
		t.Errorf("job %s went on as %s", job, now)
	}
	guest.exact()
}

func TestFault28ServerWithoutMemoryExits3AndTheJobResumes(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	guest := f.guest()
	guest.slowTexts(30)
	guest.live()
	p := guest.heldUp()
	check.Must(t, f.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
	p.letGo()
	contains(t, p.exits(3).err, "memory")
	check.Must(t, f.rdb.ConfigSet(t.Context(), "maxmemory", "0").Err())
	guest.set("WORDCOUNT_FAULTS", "")
	guest.exits(0, "run")
	guest.exact()
}

func TestTheUserInTheREADMESuffices(t *testing.T) {
	t.Parallel()
	for _, reducers := range []string{"3", "0"} {
		t.Run(reducers+" reducers", func(t *testing.T) {
			f := newFolder(t)
			user, password := admitted(t, f.rdb)
			guest := f.guest()
			guest.use("redis://"+user+":"+password+"@"+f.server.Addr, "")
			guest.set("WORDCOUNT_REDUCERS", reducers)
			guest.set("WORDCOUNT_FAULTS", "crash@after-read:1,crash@before-commit:1") // theft and release need rights too
			guest.texts(20)
			guest.exits(0, "run")
			guest.exact()
			guest.exits(0, "status")
			guest.exits(0, "top", "-partial")
			guest.exits(0, "requeue")
			guest.exits(0, "clean")
			refusals, err := f.rdb.Do(t.Context(), "ACL", "LOG").Slice()
			check.Must(t, err)
			if len(refusals) != 0 {
				t.Errorf("refused: %v", refusals)
			}
		})
	}
}

// admitted gives each of the servers the user of the README, and the first one the library, as the README tells an
// administrator to.
func admitted(t *testing.T, servers ...redis.UniversalClient) (user, password string) {
	t.Helper()
	set := []any{"ACL", "SETUSER", "wordcount", "on", ">sesame"}
	for _, rule := range strings.Fields(protocol.SupervisorRules) {
		set = append(set, rule)
	}
	for _, s := range servers {
		check.Must(t, s.Do(t.Context(), set...).Err())
	}
	load(t, servers[0])
	return "wordcount", "sesame"
}

// load loads the library as its administrator does.
func load(t *testing.T, server redis.UniversalClient) {
	t.Helper()
	_, err := protocol.Library.Load(t.Context(), server)
	check.Must(t, err)
}

// sufficed drives a folder through what people do, and checks that its user was refused nothing.
func (f *folder) sufficed(servers ...redis.UniversalClient) {
	f.Helper()
	f.set("WORDCOUNT_FAULTS", "crash@after-read:1,crash@before-commit:1")
	f.texts(20)
	r := f.exits(0, "run", "verify", "status", "clean")
	contains(f, r.out, "0 missing, 0 surplus, 0 different")
	for _, s := range servers {
		refusals, err := s.Do(f.Context(), "ACL", "LOG").Slice()
		check.Must(f, err)
		if len(refusals) != 0 {
			f.Errorf("refused: %v", refusals)
		}
		if keys := s.DBSize(f.Context()).Val(); keys != 0 {
			f.Errorf("%d keys are left", keys)
		}
	}
}

func TestTheUserInTheREADMESufficesBehindASentinel(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	sentinel := f.server.StartSentinel(t)
	f.use(sentinel.URL(admitted(t, sentinel.Master, sentinel.Replica)), "")
	f.sufficed(sentinel.Master)
}

func TestTheUserInTheREADMESufficesOnACluster(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	cluster := f.server.StartCluster(t)
	var servers []redis.UniversalClient
	for _, n := range cluster.Nodes {
		servers = append(servers, n)
	}
	f.use(cluster.URL(admitted(t, servers...)), "")
	admin := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:" + cluster.Nodes[0].Port}})
	defer admin.Close()
	load(t, admin) // on the masters; replicas take nothing
	f.sufficed(servers...)
}

func TestFault66TheUserInTheREADMEReplacesNobodysFunctions(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	user, password := admitted(t, f.rdb)
	guest := f.guest()
	guest.use("redis://"+user+":"+password+"@"+f.server.Addr, "")
	ctx := t.Context()
	const theirs = "#!lua name=theirs\nredis.register_function('%s', function(keys, args) return redis.call(args[1], keys[1] or args[2], unpack(args, 3)) end)"
	check.Must(t, f.rdb.FunctionLoad(ctx, fmt.Sprintf(theirs, "theirs")).Err())
	check.Must(t, f.rdb.Set(ctx, "somebody else's", "secret", 0).Err())
	rdb := redis.NewClient(&redis.Options{Addr: f.server.Addr, Username: user, Password: password})
	t.Cleanup(func() { rdb.Close() })
	for what, try := range map[string]func() error{
		"replaces a library":               func() error { return rdb.FunctionLoadReplace(ctx, fmt.Sprintf(theirs, "ours")).Err() },
		"replaces the library of all jobs": func() error { return rdb.FunctionLoadReplace(ctx, protocol.Library.Source+"\n").Err() },
		"loads a library": func() error {
			return rdb.FunctionLoad(ctx, "#!lua name=new\nredis.register_function('new', function() end)").Err()
		},
		"deletes a library":               func() error { return rdb.FunctionDelete(ctx, "theirs").Err() },
		"deletes all libraries":           func() error { return rdb.FunctionFlush(ctx).Err() },
		"restores libraries":              func() error { return rdb.FunctionRestore(ctx, "").Err() },
		"runs a script":                   func() error { return rdb.Eval(ctx, "return 1", nil).Err() },
		"reads a key that is not a job's": func() error { return rdb.HGetAll(ctx, "somebody else's").Err() },
		"gives such a key to a function":  func() error { return rdb.FCall(ctx, "theirs", []string{"somebody else's"}, "get").Err() },
		"has a function read such a key":  func() error { return rdb.FCall(ctx, "theirs", nil, "get", "somebody else's").Err() },
		"has a function write such a key": func() error { return rdb.FCall(ctx, "theirs", nil, "zadd", "somebody else's set", 1, "a").Err() },
		"has a function empty the server": func() error { return rdb.FCall(ctx, "theirs", nil, "flushall", "sync").Err() },
	} {
		// Within a function Redis says it in other words, which differ from version to version.
		if err := try(); err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "can't ") && !strings.Contains(err.Error(), "ACL failure") {
			t.Errorf("the user %s: %v", what, err)
		}
	}
	guest.texts(5)
	guest.exits(0, "run")
	guest.exact()
	libraries := map[string]bool{}
	list, err := f.rdb.FunctionList(ctx, redis.FunctionListQuery{WithCode: true}).Result()
	check.Must(t, err)
	for _, l := range list {
		libraries[l.Code] = true
	}
	if len(libraries) != 2 || !libraries[fmt.Sprintf(theirs, "theirs")] || !libraries[protocol.Library.Source] {
		t.Errorf("the libraries are %v", list)
	}
}

func TestFault66AUserWhoMayNotLoadTheLibraryIsToldWhoLoadsIt(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	user, password := admitted(t, f.rdb)
	check.Must(t, f.rdb.FunctionFlush(t.Context()).Err())
	guest := f.guest()
	guest.use("redis://"+user+":"+password+"@"+f.server.Addr, "")
	guest.texts(5)
	r := guest.exits(3, "run")
	contains(t, r.err, "this user may not load library "+protocol.Library.Name)
	contains(t, r.err, "let an administrator do it, once: REDIS_URL=redis://ADMIN:PASSWORD@HOST:PORT "+guest.program+" functions:load")
	f.guest().exits(0, "functions:load") // as the default user
	guest.exits(0, "run")
	guest.exact()
}

func TestFault55ItIsSaidWhatAnAppendOnlyFileRisks(t *testing.T) {
	t.Parallel()
	const risk = "redis:start      ! the server has an append-only file"
	f := newFolder(t)
	guest := f.guest()
	if r := guest.exits(0, "redis:start"); strings.Contains(r.err, risk) {
		t.Errorf("without one it says %s", r.err)
	}
	check.Must(t, f.rdb.ConfigSet(t.Context(), "appendonly", "yes").Err())
	contains(t, guest.exits(0, "redis:start").err, risk)
}
