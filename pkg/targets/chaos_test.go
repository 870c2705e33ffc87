package targets_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAJobOutlivesEachFaultAndIsExact(t *testing.T) {
	for target, says := range map[string]string{
		"chaos:killWorker":        "killed worker ",
		"chaos:pauseWorker":       " goes on\n",
		"chaos:restartRedis":      "after:  meta (hash, ",
		"chaos:rollbackRedis":     "after:  meta (hash, ",
		"chaos:corruptCheckpoint": "after:  meta (hash, ",
		"chaos:pauseRedis":        "paused redis for ",
		"chaos:dropReplies":       " replies\n",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			f := newFolderOnSocket(t)
			f.slowTexts(60)
			f.live()
			f.set("WORDCOUNT_LEASE", "500ms")
			f.set("WORDCOUNT_CHECKPOINT", "100ms")
			p := f.begun()
			job := f.job()
			attack := f.start(target)
			attack.says(says)
			p.letGo() // it has been hit; no need to be slow any more
			r := attack.exits(0)
			contains(t, r.out, "none counted twice\n")
			contains(t, r.out, "exact: ")
			lacks(t, r.err, "no job is running")
			p.exits(0)
			if now := f.job(); now != job {
				t.Errorf("the last job was %v and is %v", job, now)
			}
			f.exact()
		})
	}
}

func TestFault62AProcessThatRedisNamesAsAWorkerIsNotSignalled(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(60)
	f.live()
	f.set("WORDCOUNT_LEASE", "500ms")
	p := f.begun()
	team, job := p.team(), f.job()
	decoy := exec.Command("cat")
	in, err := decoy.StdinPipe()
	check.Must(t, err)
	check.Must(t, decoy.Start())
	t.Cleanup(func() {
		in.Close()
		if err := decoy.Wait(); err != nil {
			t.Errorf("the decoy ended with %v", err)
		}
	})
	host, err := os.Hostname()
	check.Must(t, err)
	for i := range 20 { // so that hardly any other worker holds a task
		name := fmt.Sprintf("decoy-%d", i)
		about, err := json.Marshal(protocol.WorkerInfo{PID: decoy.Process.Pid, Host: host})
		check.Must(t, err)
		check.Must(t, f.rdb.HSet(t.Context(), job.Key("workers"), name, about).Err())
		check.Must(t, f.rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{
			Group: protocol.Group, Consumer: name, Streams: []string{job.StreamKey(protocol.Maps), ">"}, Count: 1, Block: -1,
		}).Err())
	}
	attack := f.start("chaos:killWorker")
	attack.says("killed worker ")
	p.letGo()
	_, killed, _ := strings.Cut(attack.out.String(), "killed worker ")
	killed, _, _ = strings.Cut(killed, " ")
	if pid, err := strconv.Atoi(killed); err != nil || !slices.Contains(team, pid) {
		t.Errorf("killed %q of the workers %v", killed, team)
	}
	contains(t, attack.exits(0).out, "exact: ")
	p.exits(0)
	f.exact()
}

func TestChaosResumesTheJobWhoseSupervisorItKills(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(60)
	f.live()
	p := f.begun()
	attack := f.start("chaos:killSupervisor")
	attack.says("killed supervisor ")
	p.exits(-1)
	f.gone(p.team(syscall.SIGCONT)...)
	f.set("WORDCOUNT_FAULTS", "")
	r := attack.exits(0)
	contains(t, r.out, "exact: ")
	f.exact()
}

func TestAJobOutlivesFaultsThatComeTogether(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	r := f.start("chaos:storm", "-time=5s", "-every=250ms", "-seed=1", "-bytes=16MiB").exits(0)
	contains(t, r.out, " is outlived, after ")
	contains(t, r.out, "exact: ")
	contains(t, r.out, "\nFAULT              TIMES\nkillWorker         ")
	contains(t, r.out, " of 16 MiB sealed and exact, ")
	contains(t, r.out, " calls checked: -seed=1\n")
}

// storm starts a short storm.
func (f *folder) storm(flags ...string) *process {
	f.Helper()
	return f.start(append([]string{"chaos:storm", "-time=3s", "-every=250ms"}, flags...)...)
}

// outlives waits for the end of a storm whose jobs are exact, with what became of their records.
func (p *process) outlives() {
	p.Helper()
	r := p.exits(0)
	contains(p, r.out, " is outlived, after ")
	contains(p, r.out, " sealed and exact, ")
	contains(p, r.out, " calls checked: ")
}

// A storm writes its texts as records, and each seventh has no value.
func TestAStormOverEachFormatIsExact(t *testing.T) {
	t.Parallel()
	for _, options := range []string{
		"FIELD=line FOLD=nfc", "FIELD=jsonl:user.agent REDUCERS=0", "FIELD=csv:name WORDS=fields", "FIELD=csv-lines:2 KEEP=10 REDUCERS=2",
		"FIELD=tsv:3 WORDS=fields FOLD=case", "WORDS=unicode FOLD=case,nfc", "WORDS=regexp:[a-z]([a-z]+)",
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			for option := range strings.FieldsSeq(options) {
				name, value, _ := strings.Cut(option, "=")
				f.set("WORDCOUNT_"+name, value)
			}
			f.storm("-bytes=4MiB").outlives()
		})
	}
}

// packed are records of each fate, compressed in each way.
func packed(tb testing.TB) (files map[string]string) {
	files = map[string]string{}
	for file := range 48 {
		var records strings.Builder
		for i := range 500 {
			fmt.Fprintln(&records, []string{
				fmt.Sprintf(`{"user":{"agent":"agent %d of %d"}}`, i*i%97, i%3), fmt.Sprintf(`{"user":{"agent":%d}}`, file), `{"user":{"agent":null}}`,
				`{"user":{}}`, `{"user":{"agent":[1]}}`, `{"user":`,
			}[i%6])
		}
		if text := records.String(); file%2 == 0 {
			files[fmt.Sprintf("%d.gz", file)] = string(check.Gzip(tb, text[:1000], text[1000:]))
		} else {
			files[fmt.Sprintf("%d.zst", file)] = string(check.Zstd(tb, text))
		}
	}
	return files
}

func TestAStormOverCompressedFilesIsExact(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	for name, data := range packed(t) {
		f.write("packed/"+name, data)
	}
	f.set("WORDCOUNT_FIELD", "jsonl:user.agent")
	f.storm("-input=packed").outlives()
	contains(t, f.exits(2, "chaos:storm", "-input=packed", "-bytes=1GiB").err, "leave it out with -input")
	contains(t, f.exits(2, "chaos:storm", "-input=none").err, `"none": no such file or directory`)
}

// The server of the objects is killed twice, too.
func TestAStormOverObjectsInS3IsExact(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	f := newFolder(t)
	for name, data := range packed(t) {
		server.Put(t, "bucket", "logs/"+name, data)
	}
	for name, value := range server.Variables(server.Addr) {
		f.set(name, value)
	}
	f.set("AWS_MAX_ATTEMPTS", "20") // a busy machine takes its time to start a server
	f.set("WORDCOUNT_FIELD", "jsonl:user.agent")
	p := f.storm("-input=s3://bucket/logs/**/*.{gz,zst}")
	for n := range 2 {
		p.await("more faults are outlived", func() bool {
			select {
			case <-p.ended:
				return true
			default:
				return strings.Count(p.out.String(), " is outlived, ") > n
			}
		})
		server.Restart(t)
	}
	p.outlives()
}
