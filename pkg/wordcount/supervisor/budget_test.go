package supervisor

import (
	"strings"
	"testing"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestABudgetThatCannotBeKeptIsSaidOnce(t *testing.T) {
	t.Parallel()
	h := wordcounttest.New(t, 2)
	guest := wordcounttest.User(t, h.Server, "guest", protocol.SupervisorRules+" +bgsave -memory|usage")
	said := 0
	s := New(Config{
		Redis: wordcounttest.Connect(t, guest), Plan: h.Plan, Budget: 1,
		Events: func(e event.Event) {
			if strings.Contains(e.String(), "budget isn't kept: redis: NOPERM") {
				said++
			}
		},
	})
	for range 2 {
		s.watcher.budget.weighed = time.Time{}
		check.Must(t, s.watcher.budget.check(t.Context()))
	}
	if said != 1 {
		t.Errorf("it was said %d times", said)
	}
}
