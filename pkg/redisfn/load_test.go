package redisfn

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

var (
	counter = MustParse(`#!lua name=counter
-- counter 1
redis.register_function('add', function(keys, args)
	return redis.call('INCRBY', keys[1], args[1])
end)
redis.register_function{
	function_name = 'value',
	callback = function(keys) return redis.call('GET', keys[1]) end,
	flags = { 'no-writes' },
}
redis.register_function('fail', function(keys, args) return redis.error_reply(args[1]) end)
redis.register_function('stumble', function() error('oops') end)
`)

	// The same name, other code.
	counter2 = MustParse(strings.Replace(counter.Source, "counter 1", "counter 2", 1))
)

func TestAMissingLibraryIsLoadedAndThenPresent(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for _, want := range []Outcome{Loaded, Present, Present} {
		if got, err := counter.Load(t.Context(), client); err != nil || got != want {
			t.Fatalf("Load = %v, %v; want %v", got, err, want)
		}
	}
	wantSource(t, client, counter)
}

func TestOtherCodeUnderTheNameIsRefusedAndBothAreShown(t *testing.T) {
	client := redistest.Start(t).Client(t)
	mustLoad(t, client, counter)

	_, err := counter2.Load(t.Context(), client)

	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("Load = %v, want a ConflictError", err)
	}
	if conflict.Ours != counter2 || conflict.Theirs != counter {
		t.Errorf("ours is %v, theirs is %v", conflict.Ours, conflict.Theirs)
	}
	for _, part := range []string{"counter 1", "counter 2", counter.Digest(), counter2.Digest()} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q doesn't mention %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	wantSource(t, client, counter)
}

func TestReplaceLoadsReplacesOrLeavesWhatIsThere(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for _, step := range []struct {
		library Library
		want    Outcome
	}{{counter, Loaded}, {counter, Present}, {counter2, Replaced}, {counter2, Present}} {
		if got, err := step.library.Replace(t.Context(), client); err != nil || got != step.want {
			t.Fatalf("Replace by %v = %v, %v; want %v", step.library, got, err, step.want)
		}
		wantSource(t, client, step.library)
	}
}

func TestANameThatDiffersInCaseIsAnotherLibrary(t *testing.T) {
	client := redistest.Start(t).Client(t)
	mustLoad(t, client, MustParse("#!lua name=COUNTER\n"+body))
	if got, err := counter.Load(t.Context(), client); err != nil || got != Loaded {
		t.Fatalf("Load = %v, %v; want loaded", got, err)
	}
}

func TestAFunctionThatAnotherLibraryHasIsTheServersRefusal(t *testing.T) {
	client := redistest.Start(t).Client(t)
	mustLoad(t, client, counter)
	rival := MustParse(strings.Replace(counter.Source, "name=counter", "name=rival", 1))
	for name, load := range map[string]func() (Outcome, error){
		"Load":    func() (Outcome, error) { return rival.Load(t.Context(), client) },
		"Replace": func() (Outcome, error) { return rival.Replace(t.Context(), client) },
	} {
		if _, err := load(); Code(err) != "ERR" || !strings.Contains(err.Error(), "already exists") {
			t.Errorf("%s = %v", name, err)
		}
	}
}

func TestOfManyClientsAtOnceOneLoads(t *testing.T) {
	server := redistest.Start(t)
	const clients = 16
	outcomes := make([]Outcome, clients)
	var wg sync.WaitGroup
	for i := range clients {
		client := server.Client(t)
		wg.Go(func() {
			var err error
			if outcomes[i], err = counter.Load(t.Context(), client); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()

	loaded := 0
	for _, outcome := range outcomes {
		if outcome == Loaded {
			loaded++
		}
	}
	if loaded != 1 {
		t.Errorf("%d clients loaded it: %v", loaded, outcomes)
	}
}

func TestFourPermissionsSuffice(t *testing.T) {
	admin := redistest.Start(t).Client(t)
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "app", "on", ">secret", "~visits",
		"+fcall", "+fcall_ro", "+function|load", "+function|list", "+incrby", "+get").Err(); err != nil {
		t.Fatal(err)
	}
	app := as(t, admin, "app", "secret")

	mustLoad(t, app, counter)
	if n, err := counter.Call(t.Context(), app, "add", []string{"visits"}, 2).Int(); err != nil || n != 2 {
		t.Errorf("add = %d, %v", n, err)
	}
	if n, err := counter.CallRO(t.Context(), app, "value", []string{"visits"}).Int(); err != nil || n != 2 {
		t.Errorf("value = %d, %v", n, err)
	}
	if _, err := counter2.Replace(t.Context(), app); err != nil {
		t.Error(err)
	}
}

func TestALackOfPermissionIsSaidAsSuch(t *testing.T) {
	admin := redistest.Start(t).Client(t)
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "app", "on", ">secret", "+fcall", "+function|list").Err(); err != nil {
		t.Fatal(err)
	}
	app := as(t, admin, "app", "secret")
	if _, err := counter.Load(t.Context(), app); !redis.IsPermissionError(err) || Code(err) != "NOPERM" {
		t.Errorf("Load = %v", err)
	}
	if err := counter.Call(t.Context(), app, "add", nil, 1).Err(); !redis.IsPermissionError(err) {
		t.Errorf("Call = %v", err)
	}
}

// The client may be told to treat single servers as the masters of a cluster.
func TestEveryMasterOfAClusterGetsTheLibrary(t *testing.T) {
	nodes := map[string]*redis.Client{}
	var slots []redis.ClusterSlot
	for i, addr := range []string{"a:1", "b:2", "c:3"} {
		nodes[addr] = single(t, redistest.Start(t).Client(t))
		slots = append(slots, redis.ClusterSlot{
			Start: i * 5461,
			End:   i*5461 + 5460,
			Nodes: []redis.ClusterNode{{Addr: addr}},
		})
	}
	slots[2].End = 16383
	cluster := redis.NewClusterClient(&redis.ClusterOptions{
		ClusterSlots: func(ctx context.Context) ([]redis.ClusterSlot, error) { return slots, nil },
		NewClient: func(o *redis.Options) *redis.Client {
			return redis.NewClient(address(nodes[o.Addr]))
		},
	})
	defer cluster.Close()

	mustLoad(t, nodes["b:2"], counter)
	for _, want := range []Outcome{Loaded, Present} {
		if got, err := counter.Load(t.Context(), cluster); err != nil || got != want {
			t.Fatalf("Load = %v, %v; want %v", got, err, want)
		}
	}
	if got, err := counter2.Replace(t.Context(), cluster); err != nil || got != Replaced {
		t.Fatalf("Replace = %v, %v; want replaced", got, err)
	}
	for _, node := range nodes {
		wantSource(t, node, counter2)
	}

	// One master forgets: whichever it is, the call comes through.
	for addr, node := range nodes {
		if err := node.FunctionFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"x", "y", "z", "{tide}", "{post}", "{ink}"} {
			if err := counter2.Call(t.Context(), cluster, "add", []string{key}, 1).Err(); err != nil {
				t.Errorf("after %s forgot: %v", addr, err)
			}
		}
	}
}

func TestEveryShardOfARingGetsTheLibrary(t *testing.T) {
	nodes := map[string]*redis.Client{"a": single(t, redistest.Start(t).Client(t)), "b": single(t, redistest.Start(t).Client(t))}
	ring := redis.NewRing(&redis.RingOptions{
		Addrs: map[string]string{"a": "a", "b": "b"},
		NewClient: func(o *redis.Options) *redis.Client {
			return redis.NewClient(address(nodes[o.Addr]))
		},
	})
	defer ring.Close()

	mustLoad(t, ring, counter)
	for _, node := range nodes {
		wantSource(t, node, counter)
	}
}

func mustLoad(t *testing.T, client redis.UniversalClient, library Library) {
	t.Helper()
	if _, err := library.Load(t.Context(), client); err != nil {
		t.Fatal(err)
	}
}

func wantSource(t *testing.T, client redis.UniversalClient, want Library) {
	t.Helper()
	got, found, err := want.find(t.Context(), client)
	if err != nil || !found || got != want {
		t.Errorf("the server has %v (found: %v, error: %v), want %v", got, found, err, want)
	}
}

// single is the test server's client, which is known to be of one server.
func single(t *testing.T, client redis.UniversalClient) *redis.Client {
	t.Helper()
	one, ok := client.(*redis.Client)
	if !ok {
		t.Fatalf("the test server's client is a %T", client)
	}
	return one
}

// address is all that a second client needs: options that a client was made
// with hold state of that client.
func address(client *redis.Client) *redis.Options {
	o := client.Options()
	return &redis.Options{Network: o.Network, Addr: o.Addr, Password: o.Password}
}

// as connects to the same server as another user.
func as(t *testing.T, client redis.UniversalClient, user, password string) *redis.Client {
	t.Helper()
	options := address(single(t, client))
	options.Username, options.Password = user, password
	c := redis.NewClient(options)
	t.Cleanup(func() { c.Close() })
	return c
}
