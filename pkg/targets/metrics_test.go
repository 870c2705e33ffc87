package targets_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// scrape reads the metrics of a job that runs; nothing once it has ended.
func scrape(url string) (text string, values map[string]float64) {
	r, err := http.Get(url)
	if err != nil {
		return "", nil
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return "", nil
	}
	values = map[string]float64{}
	for line := range strings.Lines(string(body)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			values[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return string(body), values
}

func TestMetricsTellWhatAJobUnderKillsDoes(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.live()
	f.set("WORDCOUNT_METRICS", "127.0.0.1:0")
	f.set("WORDCOUNT_FIELD", "line")
	f.set("WORDCOUNT_WORDS", "fields")
	p := f.start("workers:spawn") // it goes on until another process seals the job
	team := p.team()
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+/metrics`).FindString(p.err.String())
	f.until("tasks done and others in work", func(s protocol.Status) bool { return s.Mapped > 0 && s.Pending() > 0 })
	for i, pid := range team {
		check.Must(t, syscall.Kill(pid, syscall.SIGKILL))
		f.await("a death is in the metrics", func() bool {
			_, now := scrape(url)
			return now["wordcount_worker_restarts_total"] == float64(i+1)
		})
	}
	var text string
	var seen map[string]float64
	f.await("all that was done is in the metrics", func() bool {
		text, seen = scrape(url)
		return seen[`wordcount_tasks{state="done"}`] == 30 && seen[`wordcount_attempts_total{outcome="committed"}`] > 0 &&
			seen[`wordcount_redis_round_trips_total{by="workers"}`] > 0 && seen["wordcount_commit_seconds_count"] > 0 &&
			seen[`wordcount_committed_records{as="value"}`] == 30*40
	})
	all := 0.0
	for _, state := range []string{"done", "pending", "given_up", "waiting"} {
		all += seen[fmt.Sprintf("wordcount_tasks{state=%q}", state)]
	}
	if all != 30 || seen["wordcount_input_bytes"] == 0 || seen["wordcount_committed_bytes"] != seen["wordcount_input_bytes"] ||
		seen[`wordcount_redis_round_trips_total{by="supervisor"}`] == 0 || seen["wordcount_commit_seconds_sum"] == 0 ||
		seen[`wordcount_phase{phase="done"}`] != 1 || seen["wordcount_job_info{id=\""+f.job().ID+"\"}"] != 1 {
		t.Errorf("they are\n%s", text)
	}
	for what, secret := range map[string]string{
		"a word": "common", "a file": "text 0", "the folder": f.dir, "the password": secret(t, f.server.Given().PasswordFile),
	} {
		if strings.Contains(text, secret) {
			t.Errorf("they have %s", what)
		}
	}
	t.Run("promtool", func(t *testing.T) {
		promtool, err := exec.LookPath("promtool")
		if err != nil {
			t.Skip("promtool is not installed")
		}
		cmd := exec.Command(promtool, "check", "metrics")
		cmd.Stdin = strings.NewReader(text)
		if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
			t.Errorf("%v: %s", err, said)
		}
	})
	f.exits(0, "run") // on a port of its own
	p.exits(0)
	if text, _ := scrape(url); text != "" {
		t.Error("the port is open after the job's end")
	}
	f.exact()
}

func TestAPortForMetricsThatIsTakenEndsTheRun(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	check.Must(t, err)
	defer taken.Close()
	f.set("WORDCOUNT_METRICS", taken.Addr().String())
	contains(t, f.exits(2, "run").err, "metrics: listen tcp "+taken.Addr().String()+": ")
	f.set("WORDCOUNT_METRICS", "everywhere")
	contains(t, f.exits(2, "run").err, "WORDCOUNT_METRICS=everywhere: write a port, like 9464")
}

// secret is what a password's file holds.
func secret(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	check.Must(t, err)
	if len(bytes.TrimSpace(text)) < 20 {
		t.Fatalf("%s holds %q", file, text)
	}
	return strings.TrimSpace(string(text))
}
