package targets_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// A service manager sends SIGTERM to each process of a service.
func TestFault80AHostThatIsToldToEndCommitsWhatItHasAndGivesTheRestBack(t *testing.T) {
	t.Parallel()
	// On a machine that is very busy, a worker may be told to end before it listens, or not get to
	// commit before it is killed. Then its tasks are leased for an hour, so each try has its own job.
	const tries = 5
	for range tries {
		if host := newFolder(t); endsInGoodOrder(host) {
			host.exits(0, "run")
			host.exact()
			return
		}
	}
	t.Fatal("what was counted is not committed")
}

// endsInGoodOrder seeds a job, lets a guest join it, and tells the guest to end in the middle of its
// work. It reports whether the guest has committed what it had counted.
func endsInGoodOrder(host *folder) bool {
	guest := host.guest()
	host.texts(60)
	host.set("WORDCOUNT_REDUCERS", "3")
	host.exits(0, "stream:seed") // and nobody to count
	for _, f := range []*folder{host, guest} {
		f.set("WORDCOUNT_LEASE", "1h") // what isn't given back is never done
	}
	guest.set("WORDCOUNT_FAULTS", "slow=200ms:2")
	p := guest.start("workers:join", "-job="+host.job().ID, "-input="+filepath.Join(host.dir, "data"))
	team := p.team()
	before := host.until("tasks are counted and not committed", counted)
	p.team(syscall.SIGTERM)
	p.signal(syscall.SIGTERM)
	r := p.exits(130)
	contains(host, r.err, "interrupted: workers finish what they have in hand")
	guest.gone(team...)
	after := host.until("it has left", func(protocol.Status) bool { return true })
	return after.Mapped > before.Mapped && !strings.Contains(r.err, " died: ")
}

// counted reports whether a worker has counted a task and not committed it. A slow worker takes one
// task at a time, so if it holds two, it has counted one.
func counted(s protocol.Status) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(s.PendingMaps)), func(held int) bool { return held > 1 })
}

func TestARunThatGetsSIGTERMIsResumed(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	p := f.begun()
	p.signal(syscall.SIGTERM)
	contains(t, p.exits(130).err, "interrupted: run again to resume")
	contains(t, f.exits(0, "run").err, "resumed with ")
	f.exact()
}

// seededForOthers is a folder with a job that workers elsewhere can join.
func seededForOthers(t *testing.T) *folder {
	t.Helper()
	host := newFolder(t)
	f := host.guest()
	f.texts(3)
	f.set("WORDCOUNT_REDUCERS", "0") // no map outputs, which root's workers couldn't use
	f.exits(0, "stream:seed")
	return f
}

func TestAManifestHoldsNoSecretAndSaysWhereTheSecretsAre(t *testing.T) {
	t.Parallel()
	f := seededForOthers(t)
	password, err := os.ReadFile(f.env["WORDCOUNT_REDIS_PASSWORD_FILE"])
	check.Must(t, err)
	secret := strings.TrimSpace(string(password))
	f.use("redis://:"+secret+"@"+f.server.Addr, f.env["WORDCOUNT_REDIS_PASSWORD_FILE"])
	for format, says := range map[string][]string{
		"kubernetes": {"completions: 7\n", "secretKeyRef:", `--from-literal=url="$REDIS_URL"`, "value: /secrets/password\n"},
		"compose":    {"scale: 7\n", "REDIS_URL: \"${REDIS_URL:?", "WORDCOUNT_REDIS_PASSWORD_FILE: /run/secrets/password\n"},
	} {
		r := f.exits(0, "workers:manifest", "-n=7", "-format="+format, "-image=registry:5000/a/b:1")
		for _, text := range append(says, "-job="+f.job().ID, `"registry:5000/a/b:1"`, filepath.Join(f.dir, "data")) {
			contains(t, r.out, text)
		}
		lacks(t, r.String(), secret)
		lacks(t, r.out, f.server.Addr)
	}
	for _, wrong := range [][]string{{"-n=0"}, {"-format=yaml"}, {"-image=A b"}, {"-image=--force"}} {
		contains(t, f.exits(2, append([]string{"workers:manifest"}, wrong...)...).err, wrong[0][:strings.IndexByte(wrong[0], '=')][1:])
	}
	f.exits(0, "run")
	contains(t, f.exits(2, "workers:manifest").err, "is sealed, and needs no more workers")
}

func TestFault75AManifestSaysWhereS3Is(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	server.Put(t, "bucket", "logs/a", "words")
	f := newFolder(t).guest()
	for name, value := range server.Variables(server.Addr) {
		f.set(name, value)
	}
	f.set("AWS_REGION", "")
	f.set("AWS_DEFAULT_REGION", "us-east-1")
	f.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1") // of other services
	f.set("AWS_ENDPOINT_URL_S3", "http://"+server.Addr)
	f.set("WORDCOUNT_REDUCERS", "0")
	f.set("WORDCOUNT_INPUT", "s3://bucket/logs")
	f.exits(0, "stream:seed")
	r := f.exits(0, "workers:manifest")
	for _, text := range []string{"AWS_ENDPOINT_URL_S3", server.Addr, "AWS_DEFAULT_REGION", "us-east-1", `access-key-id="$AWS_ACCESS_KEY_ID"`} {
		contains(t, r.out, text)
	}
	for _, secret := range []string{s3test.Access, s3test.Secret} {
		lacks(t, r.String(), secret)
	}
}

func TestAnImageNeedsANameAndAContainerEngine(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	contains(t, f.exits(2, "workers:image", "-name=not a name").err, "is not the name of an image")
	f.set("PATH", t.TempDir())
	contains(t, f.exits(2, "workers:image").err, "an image needs a container engine: docker is not installed, podman is not installed")
}

func TestAJobThatNobodyElsewhereCouldJoinHasNoManifest(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(3)
	f.set("WORDCOUNT_REDUCERS", "2")
	f.exits(2, "workers:manifest") // there is no job yet
	f.exits(0, "stream:seed")
	contains(t, f.exits(2, "workers:manifest").err, "set REDIS_URL, and run the job there")
	given := f.guest()
	given.texts(3)
	given.set("WORDCOUNT_REDUCERS", "2")
	given.exits(0, "stream:seed")
	if os.Getuid() == 0 {
		contains(t, given.exits(2, "workers:manifest").err, "run the job as another user")
		return
	}
	contains(t, given.exits(0, "workers:manifest").out, filepath.Join(given.state(), "shuffle"))
}

func TestComposeReadsTheManifest(t *testing.T) {
	t.Parallel()
	compose := composeProgram(t)
	f := seededForOthers(t)
	f.write("compose.yaml", f.exits(0, "workers:manifest", "-n=6", "-format=compose").out)
	cmd := exec.Command(compose, "-f", filepath.Join(f.dir, "compose.yaml"), "config")
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://elsewhere", "WORDCOUNT_REDIS_PASSWORD_FILE="+f.env["WORDCOUNT_REDIS_PASSWORD_FILE"])
	out, err := cmd.CombinedOutput()
	check.Must(t, err)
	for _, text := range []string{"scale: 6\n", "REDIS_URL: redis://elsewhere\n", "source: " + filepath.Join(f.dir, "data") + "\n"} {
		contains(t, string(out), text)
	}
	cmd = exec.Command(compose, "-f", filepath.Join(f.dir, "compose.yaml"), "config")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "REDIS_URL=") })
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "is not set") {
		t.Errorf("without an address: %v: %s", err, out)
	}
}

// composeProgram returns docker-compose. The test is skipped if it isn't installed.
func composeProgram(t *testing.T) string {
	t.Helper()
	compose, err := exec.LookPath("docker-compose")
	if err != nil {
		t.Skip("docker-compose is not installed")
	}
	return compose
}
