package targets_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

func TestFault35SecondSupervisorAttachesAndBothAreExact(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.live()
	first := f.heldUp()
	before := f.status().Tasks
	f.set("WORDCOUNT_FAULTS", "")
	second := f.start("run")
	second.says("another supervisor is at work")
	f.until("the second's workers do something", func(s protocol.Status) bool { return s.Mapped > before.Done })
	first.letGo()
	one, two := first.exits(0), second.exits(0)
	if one.out != two.out {
		t.Errorf("one printed\n%s, the other\n%s", one.out, two.out)
	}
	f.exact()
}

func TestFault35SecondSupervisorTakesThePlaceOfOneThatDies(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.live()
	first := f.heldUp()
	second := f.start("run")
	second.says("another supervisor is at work")
	second.team(syscall.SIGSTOP) // else it may all be over before the first is dead
	first.signal(syscall.SIGKILL)
	first.exits(-1)
	first.letGo()
	second.letGo()
	second.exits(0)
	f.exact()
}

func TestFault36SupervisorThatIsKilledTakesItsWorkersAlongAndTheNextOneResumes(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.live()
	f.set("WORDCOUNT_LEASE", "1h") // nobody waits for one
	p := f.begun()
	p.signal(syscall.SIGKILL)
	p.exits(-1)
	f.gone(p.team()...)
	left := f.status()
	if left.Tasks.Done == 0 || left.Tasks.Done == left.Tasks.Total {
		t.Errorf("after the kill: %+v", left.Tasks)
	}
	f.set("WORDCOUNT_FAULTS", "")
	f.exits(0, "run")
	if now := f.status(); now.Job != left.Job || now.Redis.PID != left.Redis.PID {
		t.Errorf("job %s on redis %d went on as %s on %d", left.Job, left.Redis.PID, now.Job, now.Redis.PID)
	}
	f.exact()
}

func TestFault37CtrlCDrainsTheWorkersAndTakesACheckpoint(t *testing.T) {
	for name, reducers := range map[string]string{"map and reduce": "2", "map only": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t)
			f.slowTexts(30)
			f.set("WORDCOUNT_REDUCERS", reducers)
			f.set("WORDCOUNT_CHECKPOINT", "1h")
			f.set("WORDCOUNT_LEASE", "1h") // nobody waits for one
			// The workers have two seconds to commit what they hold. A busy machine may not give them
			// enough of it, many times in a row, and then they try again.
			var drained status
			for range 50 {
				p := f.start("run")
				p.says("workers:spawn ")
				left := drained.Tasks.Pending // by the workers of the try before
				f.until("tasks done, or at least counted", func(s protocol.Status) bool { return s.Mapped > 0 || s.Pending() > left+4 })
				p.signal(os.Interrupt)
				r := p.exits(130)
				contains(t, r.err, "interrupted: workers finish what they have in hand\n")
				contains(t, r.err, "interrupted: run again to resume\n")
				if r.out != "" {
					t.Errorf("a result of half the work: %s", r.out)
				}
				f.gone(p.team()...)
				if drained = f.status(); drained.Tasks.Done > 0 {
					break
				}
			}
			if drained.Tasks.Done == 0 || drained.Tasks.Done == drained.Tasks.Total {
				t.Errorf("drained: %+v", drained.Tasks)
			}
			for _, target := range []string{"verify", "top", "export"} {
				r := f.exits(5, target)
				if r.out != "" || !strings.Contains(r.err, "is not sealed: "+f.program+" run") {
					t.Errorf("%s: %s", target, r)
				}
			}
			// No other checkpoint was due: what is there after a crash, the interruption has saved.
			f.server.Kill(t)
			f.server.Start(t)
			if saved := f.status(); saved.Tasks != drained.Tasks {
				t.Errorf("saved %+v of %+v", saved.Tasks, drained.Tasks)
			}
			f.set("WORDCOUNT_FAULTS", "")
			contains(t, f.exits(0, "run").err, fmt.Sprintf(" splits; resumed with %d of %d tasks done\n", drained.Tasks.Done, drained.Tasks.Total))
			f.exact()
		})
	}
}

func TestFault37SecondCtrlCEndsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.slowTexts(30)
	f.live()
	p := f.heldUp() // so that draining takes its time
	p.signal(os.Interrupt)
	p.says("interrupted: workers finish what they have in hand")
	p.signal(os.Interrupt)
	lacks(t, p.exits(1).err, "run again to resume")
	f.gone(p.team(syscall.SIGCONT)...)
	f.set("WORDCOUNT_FAULTS", "")
	f.exits(0, "run")
	f.exact()
}
