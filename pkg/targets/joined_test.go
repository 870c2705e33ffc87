package targets_test

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/report/timeline"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// events are what the folder has written down of its job.
func (f *folder) events(job string) []event.Record {
	f.Helper()
	records, left, err := event.Load(state.Folder{Dir: f.state()}.Events(job))
	check.Must(f, err)
	if left > 0 {
		f.Errorf("%d lines are no events", left)
	}
	return records
}

// joins lets a guest join the job of a folder, slowly.
func (f *folder) joins(host *folder) *process {
	f.Helper()
	f.set("WORDCOUNT_FAULTS", "slow=100ms:2")
	return f.start("workers:join", "-job="+host.job().ID, "-input="+filepath.Join(host.dir, "data"))
}

func TestTheReportHasTheLanesOfAHostThatJoined(t *testing.T) {
	t.Parallel()
	host := newFolder(t)
	guest := host.guest()
	host.slowTexts(400) // which take a minute, unless a quick worker comes
	p := host.begun()
	job := host.job()
	q := guest.joins(host)
	team := q.team()
	started := func(pid int) func(event.Record) bool {
		return func(r event.Record) bool { return r.Name == event.Start && r.PID == pid }
	}
	host.await("the host has heard of the guest's attempts", func() bool {
		records := host.events(job.ID)
		i := slices.IndexFunc(records, started(team[0]))
		return i >= 0 && slices.ContainsFunc(records, func(r event.Record) bool { return r.Name == event.Attempt && r.Worker == records[i].Worker })
	})
	check.Must(t, syscall.Kill(team[0], syscall.SIGKILL))
	q.says("released, worker ")
	p.exits(0)
	q.exits(0)
	host.exact()
	if !slices.ContainsFunc(host.events(job.ID), func(r event.Record) bool { return r.Name == event.Death && r.PID == team[0] }) {
		t.Error("the host hasn't heard of the death")
	}
	if n := host.rdb.Exists(t.Context(), job.EventsKey()).Val(); n != 0 {
		t.Error("the stream of events outlives the job")
	}

	type what struct{ name, worker, tasks, at string }
	times, own := map[what]int{}, map[what]bool{}
	key := func(r event.Record) what {
		return what{r.Name, r.Worker, r.Tasks, r.Time.UTC().String()}
	}
	for _, r := range guest.events(job.ID) {
		own[key(r)] = true
	}
	heard := 0
	for _, r := range host.events(job.ID) {
		if times[key(r)]++; times[key(r)] > 1 && r.Worker != "" {
			t.Errorf("%v was written down %d times", key(r), times[key(r)])
		}
		if own[key(r)] {
			heard++
		}
	}
	if heard < 5 {
		t.Errorf("the host has %d events of the guest", heard)
	}
	run, err := timeline.Read(state.Folder{Dir: host.state()}, job.ID)
	check.Must(t, err)
	for _, pid := range team {
		i := slices.IndexFunc(run.Lanes, func(l *timeline.Lane) bool {
			return slices.ContainsFunc(l.Lives, func(life *timeline.Life) bool { return life.PID == pid })
		})
		if i < 0 || len(run.Lanes[i].Attempts) == 0 {
			t.Errorf("the guest's worker %d has no lane with attempts", pid)
		}
	}
}

func TestEventsOfHostsThatJoinGoByAGivenServerOnlyIfItIsAskedFor(t *testing.T) {
	t.Parallel()
	owner := newFolder(t)
	for _, asked := range []string{"", "1"} {
		host, guest := owner.guest(), owner.guest()
		host.slowTexts(400)
		host.write("data/more", "asked"+asked) // another job
		host.set("WORDCOUNT_EVENTS", asked)
		p := host.begun()
		job := host.job()
		q := guest.joins(host)
		team := q.team()
		guest.await("the guest has written down its attempts", func() bool {
			return slices.ContainsFunc(guest.events(job.ID), func(r event.Record) bool { return r.Name == event.Attempt })
		})
		if asked == "1" {
			host.await("the host has heard of the guest", func() bool {
				return slices.ContainsFunc(host.events(job.ID), func(r event.Record) bool { return r.PID == team[0] })
			})
			host.await("the stream will expire", func() bool { return owner.rdb.TTL(t.Context(), job.EventsKey()).Val() > 0 })
		}
		there := owner.rdb.Exists(t.Context(), job.EventsKey()).Val() == 1
		p.signal(syscall.SIGKILL)
		<-p.ended
		q.signal(syscall.SIGTERM)
		q.exits(130)
		if there != (asked == "1") {
			t.Errorf("asked for with %q: the stream is there: %v", asked, there)
		}
		host.exits(0, "clean")
		if owner.rdb.Exists(t.Context(), job.AllKeys()...).Val() != 0 {
			t.Error("clean leaves something")
		}
		if asked == "" && slices.ContainsFunc(host.events(job.ID), func(r event.Record) bool { return r.PID == team[0] }) {
			t.Error("the host has heard of the guest")
		}
	}
}
