package claim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

func TestLeasesReportWhatBecameOfTheTasks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l Leases
		task := func(n int) protocol.TaskID { return protocol.TaskID{Stream: protocol.Maps, Number: n} }
		reports := func(what string, want protocol.WorkerInfo) {
			t.Helper()
			var got protocol.WorkerInfo
			l.report(&got)
			if got != want {
				t.Errorf("%s it reports %+v, want %+v", what, got, want)
			}
		}
		time.Sleep(time.Minute)
		reports("at first", protocol.WorkerInfo{})
		l.add("run", task(1))
		time.Sleep(2 * time.Second)
		l.add("run", task(2))
		l.add("run", task(3))
		time.Sleep(2 * time.Second)
		reports("with nothing done", protocol.WorkerInfo{Busy: 4})
		l.Done(task(1), 100)
		time.Sleep(time.Second)
		reports("with one task done", protocol.WorkerInfo{Tasks: 1, Bytes: 100, Busy: 1})
		l.Drop(task(2))
		l.Drop(task(2)) // isn't there any more
		reports("with one lost to another worker", protocol.WorkerInfo{Tasks: 1, Bytes: 100, Elsewhere: 1})
		l.Done(task(3), 10)
		l.Drop(task(3))
		time.Sleep(time.Hour)
		reports("when it holds nothing", protocol.WorkerInfo{Tasks: 2, Bytes: 110, Elsewhere: 1})
		l.add("run", task(4))
		time.Sleep(time.Second)
		reports("when it holds something again", protocol.WorkerInfo{Tasks: 2, Bytes: 110, Elsewhere: 1, Busy: 1})
	})
}
