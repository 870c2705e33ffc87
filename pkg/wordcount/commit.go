package wordcount

import (
	"cmp"
	"context"
	"slices"
)

// sending is a commit that is on its way: what a worker held, and what it does to the job. The worker counts on until the
// answer is there, and never has two under way.
type sending struct {
	held   []task // by number
	tokens uint64
	bytes  int64
	effect effect

	answered  chan struct{}
	standings []string // read after answered, as err
	err       error
}

// commitHeld commits what the table holds, and what was sent before it, and waits for the answers.
func (w *Worker) commitHeld(ctx context.Context) error {
	if err := w.land(ctx); err != nil || len(w.held) == 0 {
		return err
	}
	w.send(ctx)
	return w.land(ctx)
}

// send sends off what the table holds; there must be something, and nothing else under way. The table is empty
// afterwards.
func (w *Worker) send(ctx context.Context) {
	slices.SortFunc(w.held, func(a, b task) int { return cmp.Compare(a.n, b.n) })
	s := &sending{held: w.held, tokens: w.tokens, effect: w.tally()}
	for _, t := range s.held {
		s.bytes += t.split.Bytes()
	}
	w.empty()
	w.sent = s
	w.resend(ctx)
}

func (w *Worker) resend(ctx context.Context) {
	w.Faults.at(BeforeCommit)
	s, run := w.sent, w.run
	s.answered = make(chan struct{})
	tasks := make([]int, len(s.held))
	for i, t := range s.held {
		tasks[i] = t.n
	}
	go func() {
		defer close(s.answered)
		s.standings, s.err = w.bring(ctx, run, tasks, s)
	}()
}

// pieceMax is how much of an effect one call brings, in bytes: it holds the server's only thread for 4 to 5 ms a MiB, being
// copied three times on its way through Lua, into fresh memory each time. What a partition gets is never cut, and a rule of
// its own keeps that short (see partitionBytes).
const pieceMax = 4 << 20

// bring commits piece by piece, and returns the tasks' standings if it was refused.
func (w *Worker) bring(ctx context.Context, run string, tasks []int, s *sending) (standings []string, err error) {
	for from := 0; ; {
		to, size := from, 0
		for to < len(s.effect.partials) {
			size += len(s.effect.partials[to])
			if to++; size >= w.piece {
				break
			}
		}
		now, err := w.commit(ctx, run, tasks, s.tokens, s.bytes, s.effect, from, to)
		if err != nil || now.done || now.standings != nil {
			return now.standings, err
		}
		from = min(now.at, len(s.effect.partials)) // not where we were if a rollback took something back
	}
}

// arrived tells whether there is an answer to what was sent.
func (w *Worker) arrived() bool {
	if w.sent == nil {
		return false
	}
	select {
	case <-w.sent.answered:
		return true
	default:
		return false
	}
}

// land waits for the answer to what was sent, if anything was. Whatever it is, that is over then; without one it stays,
// and is sent once more the next time.
func (w *Worker) land(ctx context.Context) error {
	s := w.sent
	if s == nil {
		return nil
	}
	if w.flush {
		w.flush = false
		w.resend(ctx)
	}
	<-s.answered
	if s.err != nil {
		w.flush = true
		return s.err
	}
	w.Faults.at(AfterCommit)
	w.sent = nil
	if s.standings == nil {
		for _, t := range s.held {
			w.leases.done(t.taskID, t.split.Bytes())
		}
		return nil
	}
	// Some were settled by others, or by ourselves when a reply was lost, and what was packed together can't be taken apart
	// again: what is still ours is counted anew, each alone. What a rollback took back will be delivered again, to someone.
	for i, t := range s.held {
		if s.standings[i] == pending {
			t.alone = true
			w.todo = append(w.todo, t)
		} else {
			w.leases.drop(t.taskID)
		}
	}
	return nil
}

// abandon forgets what was sent, once nothing of it is under way any more.
func (w *Worker) abandon() {
	if w.sent != nil {
		<-w.sent.answered
		w.sent, w.flush = nil, false
	}
}

// tally is what a commit of the table adds to the job.
func (w *Worker) tally() effect {
	if w.Job.Reducers == 0 {
		words := make([]any, 0, 2*w.table.Len())
		for word, n := range w.table.All() {
			words = append(words, string(word), n)
		}
		return effect{attempt: newNonce(), words: words}
	}
	w.spill()
	return effect{attempt: w.nonce, partials: w.packed}
}

// empty drops the table and what it holds.
func (w *Worker) empty() {
	w.table.Reset()
	w.tokens, w.held, w.packed, w.spilled = 0, nil, nil, 0
}
