package targets_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/targets/deploy"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// fleet is a job whose every process is in a container of a private network. Its servers, its supervisor and its workers
// share nothing but that network and two folders.
type fleet struct {
	*folder
	engine, network   string
	image, redisImage string
	user              string   // of the containers
	variables         []string // that name the S3
	supervisor        string   // its container
}

var fleets atomic.Int64

// newFleet makes a network and an image of the magefile. Everything that is made with them is removed when the test ends.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{folder: bareFolder(t), engine: redistest.Engine(t)}
	name := fmt.Sprintf("wordcount-test-%d-%d", os.Getpid(), fleets.Add(1))
	f.network, f.image = name, name
	f.do("network", "create", "--internal", "--label", "wordcount-test="+name, name)
	t.Cleanup(func() { f.undo("network", "rm", name) })
	f.redisImage = redistest.Start(t).Image(t, f.engine)
	t.Cleanup(func() { f.undo("image", "rm", "--force", name) })
	contains(t, f.exits(0, "workers:image", "-name="+name).err, name+" in "+f.engine)
	// All containers are on the network, also those that compose starts.
	t.Cleanup(func() {
		ids := strings.Fields(f.do("ps", "-aq", "--filter", "network="+name))
		ids = append(ids, strings.Fields(f.do("ps", "-aq", "--filter", "label=com.docker.compose.project="+name))...)
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) > 0 {
			f.undo(append([]string{"rm", "--force", "--volumes"}, ids...)...)
		}
	})
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = deploy.User, deploy.User
		check.Must(t, os.Lchown(f.dir, uid, gid))
	}
	f.user = fmt.Sprintf("%d:%d", uid, gid)
	return f
}

// do runs a command of the engine, and returns its output.
func (f *fleet) do(args ...string) string {
	f.Helper()
	var said bytes.Buffer
	cmd := exec.Command(f.engine, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		f.Fatalf("%s %s: %v: %s", f.engine, strings.Join(args, " "), err, &said)
	}
	return strings.TrimSpace(string(out))
}

// undo is do for the end of a test.
func (f *fleet) undo(args ...string) {
	f.Helper()
	if out, err := exec.Command(f.engine, args...).CombinedOutput(); err != nil {
		f.Errorf("%s %s: %v: %s", f.engine, strings.Join(args, " "), err, out)
	}
}

// serve starts a server that others on the network reach by its name.
func (f *fleet) serve(name string, options []string, image string, command ...string) {
	f.Helper()
	args := append([]string{"run", "--detach", "--network", f.network, "--network-alias", name, "--name", f.network + "-" + name}, options...)
	f.do(slices.Concat(args, []string{image}, command)...)
}

const fleetPassword = "a-password"

// redis starts the Redis of the fleet.
func (f *fleet) redis() {
	f.Helper()
	f.serve("redis", nil, f.redisImage, "redis-server", "--bind", "0.0.0.0", "--requirepass", fleetPassword, "--save", "")
}

// s3 starts the S3 of the fleet, with the texts of the folder as its objects. They are the input.
func (f *fleet) s3() {
	f.Helper()
	options, command := s3test.Contained()
	f.serve("s3", options, redistest.ImageOfProgram(f.T, f.engine, s3test.Path, s3test.Program(f), ""), command...)
	addr := f.do("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", f.network+"-s3")
	paths, err := filepath.Glob(filepath.Join(f.dir, "data", "*"))
	check.Must(f, err)
	objects := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		check.Must(f, err)
		objects["data/"+filepath.Base(path)] = string(text)
	}
	s3test.Fill(f, net.JoinHostPort(addr, s3test.Port), "bucket", objects)
	var server s3test.Server
	for name, value := range server.Variables("s3:" + s3test.Port) {
		f.variables = append(f.variables, name+"="+value)
	}
	f.variables = append(f.variables, "WORDCOUNT_INPUT="+inBucket)
}

const inBucket = "s3://bucket/data"

// settings are the variables of the supervisor, and of the program that reads its result.
func (f *fleet) settings() []string {
	return append([]string{
		"REDIS_URL=redis://:" + fleetPassword + "@redis", "WORDCOUNT_SHUFFLE=" + filepath.Join(f.dir, "shuffle"), "WORDCOUNT_WORKERS=1",
		"WORDCOUNT_LEASE=3s", "WORDCOUNT_FAULTS=slow=300ms:1", "WORDCOUNT_REDUCERS=4",
	}, f.variables...)
}

// run returns the arguments that run the program in a container, in the folder of the job.
func (f *fleet) run(options ...string) []string {
	args := []string{"run", "--network", f.network, "--user", f.user, "--volume", f.dir + ":" + f.dir, "--workdir", f.dir}
	for _, setting := range f.settings() {
		args = append(args, "--env", setting)
	}
	return append(append(args, options...), f.image)
}

// supervise starts the supervisor, and returns when it has workers.
func (f *fleet) supervise() {
	f.Helper()
	f.supervisor = f.do(append(f.run("--detach"), "run")...)
	f.await("the job runs", func() bool {
		said := f.logs(f.supervisor)
		if strings.Contains(said, "Error: ") {
			f.Fatal(said)
		}
		return strings.Contains(said, "workers:spawn ")
	})
}

// logs is all that a container has written.
func (f *fleet) logs(id string) string {
	f.Helper()
	out, err := exec.Command(f.engine, "logs", id).CombinedOutput()
	check.Must(f, err)
	return string(out)
}

// inside runs a target beside the supervisor.
func (f *fleet) inside(args ...string) string {
	f.Helper()
	return f.do(append([]string{"exec", f.supervisor, "/wordcount"}, args...)...)
}

// compose starts workers with the manifest that the job prints for compose, and returns their containers.
func (f *fleet) compose(program string, n int) (workers []string) {
	f.Helper()
	f.write("workers.yaml", f.inside("workers:manifest", fmt.Sprintf("-n=%d", n), "-format=compose", "-image="+f.image)+"\n")
	f.write("test.yaml", fmt.Sprintf(`
services: {worker: {environment: {WORDCOUNT_FAULTS: "slow=300ms:1"}}}
networks: {default: {external: true, name: %s}}
`, f.network))
	cmd := exec.Command(program, "-p", f.network, "-f", "workers.yaml", "-f", "test.yaml", "up", "--detach")
	cmd.Dir, cmd.Env = f.dir, append(os.Environ(), f.settings()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.Fatalf("%v: %s", err, out)
	}
	workers = strings.Fields(f.do("ps", "-q", "--filter", "label=com.docker.compose.project="+f.network))
	if len(workers) != n {
		f.Fatalf("containers %q: %s", workers, out)
	}
	return workers
}

// held is how many tasks each container holds.
func (f *fleet) held() map[string]int {
	f.Helper()
	var s struct {
		Phase   string
		Workers []struct {
			Host  string
			Tasks int
		}
	}
	check.Must(f, json.Unmarshal([]byte(f.inside("status", "-json")), &s))
	if s.Phase != "map" {
		f.Fatalf("the job is in phase %s already", s.Phase)
	}
	held := map[string]int{}
	for _, w := range s.Workers {
		held[w.Host] += w.Tasks
	}
	return held
}

// holder takes the first container out of a list that holds so many tasks.
func (f *fleet) holder(from *[]string, tasks int) (id string) {
	f.Helper()
	f.await("a container with a task", func() bool {
		held := f.held()
		i := slices.IndexFunc(*from, func(id string) bool { return held[id] >= tasks })
		if i >= 0 {
			id = (*from)[i]
			*from = slices.Delete(*from, i, i+1)
		}
		return i >= 0
	})
	return id
}

// strike does something to a container that holds a task, and returns that container. If it turns out that the container
// held none when it was struck, strike takes that back and tries again.
func (f *fleet) strike(from *[]string, how, back func(id string)) string {
	f.Helper()
	for {
		id := f.holder(from, 1)
		how(id)
		if f.held()[id] > 0 {
			return id
		}
		back(id)
		*from = append(*from, id)
	}
}

// ends waits until a container ends, with this status.
func (f *fleet) ends(id, status string) {
	f.Helper()
	if got := f.do("wait", id); got != status {
		f.Errorf("container %s: exit %s, want %s:\n%s", id, got, status, f.logs(id))
	}
}

func TestFault80ContainersThatAreKilledPausedCutOffAndStoppedLoseNothing(t *testing.T) {
	t.Parallel()
	program := composeProgram(t)
	if engine := redistest.Engine(t); engine != "docker" {
		t.Skipf("docker-compose needs docker, and not %s", engine)
	}
	f := newFleet(t)
	f.redis()
	f.texts(4000) // which take minutes, unless a quick worker comes
	f.s3()
	check.Must(t, os.Mkdir(filepath.Join(f.dir, "shuffle"), 0o700))
	f.giveAway("shuffle")
	f.supervise()
	workers := f.compose(program, 6)

	does := func(args ...string) func(string) { return func(id string) { f.do(append(args, id)...) } }
	var killed []string
	for range 2 {
		killed = append(killed, f.strike(&workers, does("kill"), does("start")))
	}
	paused := f.strike(&workers, does("pause"), does("unpause"))
	cut := f.strike(&workers, does("network", "disconnect", f.network), does("network", "connect", f.network))
	f.await("others have taken their tasks", func() bool {
		held := f.held()
		return held[killed[0]]+held[killed[1]]+held[paused]+held[cut] == 0
	})
	f.do("unpause", paused)
	f.do("network", "connect", f.network, cut)

	stopped := f.holder(&workers, 2)
	f.do("stop", stopped)
	f.ends(stopped, "130")
	if left := f.held()[stopped]; left > 1 {
		t.Errorf("a container that was stopped has not committed: it holds %d tasks", left)
	}

	quick := f.do(append(f.run("--detach", "--workdir", "/work", "--env", "WORDCOUNT_FAULTS="), "workers:join",
		"-job="+f.job().ID, "-input="+inBucket)...)
	f.ends(f.supervisor, "0")
	for _, id := range append(workers, paused, cut, quick) {
		f.ends(id, "0")
	}
	for _, id := range killed {
		f.ends(id, "137") // and nobody has started it again
	}
	lacks(t, f.logs(f.supervisor), "nothing redone")
	contains(t, f.do(append(f.run("--rm"), "verify")...), "0 missing, 0 surplus, 0 different")
	if got, want := f.do(append(f.run("--rm"), "export")...)+"\n", f.counted(); got != want {
		t.Errorf("exported %d lines, a serial count has %d", lines(got), lines(want))
	}
}

// giveAway gives what is in the folder to the user of the containers.
func (f *fleet) giveAway(name string) {
	f.Helper()
	if os.Getuid() != 0 {
		return
	}
	check.Must(f, filepath.WalkDir(filepath.Join(f.dir, name), func(path string, _ fs.DirEntry, err error) error {
		check.Must(f, err)
		return os.Lchown(path, deploy.User, deploy.User)
	}))
}

func TestTheMagefileOfAModuleBecomesASmallImage(t *testing.T) {
	t.Parallel()
	engine := redistest.Engine(t)
	f := bareFolder(t)
	for _, name := range []string{"magefile.go", "go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(f.program), name))
		check.Must(t, err)
		f.write(name, string(text))
	}
	f.compiles()
	image := fmt.Sprintf("wordcount-test-%d:small", os.Getpid())
	do := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(engine, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s %s: %v", engine, strings.Join(args, " "), err)
		}
		return string(out)
	}
	t.Cleanup(func() { do("image", "rm", "--force", image) })
	contains(t, f.mage("workers:image", "-name="+image).exits(0).err, image+" in "+engine)
	var size int
	var user string
	_, err := fmt.Sscan(do("image", "inspect", "--format", "{{.Size}} {{.Config.User}}", image), &size, &user)
	check.Must(t, err)
	if size > 24<<20 || user != "65532:65532" {
		t.Errorf("an image of %d bytes, for user %s", size, user)
	}
	bare := []string{"run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "1234:1234", "--tmpfs", "/work:mode=1777"}
	contains(t, do(append(bare, image, "-l")...), "workers:join")
	contains(t, do(append(bare, image, "env")...), "WORDCOUNT_SHUFFLE")
	out, err := exec.Command(engine, append(bare, image, "workers:join", "-job=0123456789abcdef")...).CombinedOutput()
	if err == nil {
		t.Error("a host without an address has joined")
	}
	contains(t, string(out), "set REDIS_URL")
}
