package targets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
)

// outcome is what a fault cost a job that recovered from it.
type outcome struct {
	recovery time.Duration
	redone   int // tasks
}

// tabulate runs each fault against a job of its own, and prints a table of the outcomes.
func (s *session) tabulate(ctx context.Context) (err error) {
	own, err := s.scratchJob(ctx, scratchBytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.stopServer(ctx)) }()
	defer own.endJobs()
	used := false
	return tabulate(ctx, os.Stdout, chaos.Faults, func(fault chaos.Fault) (outcome, error) {
		s.note("— %s", fault.Name)
		if used {
			own.endJobs()
			// The previous fault may have left Redis dead.
			if err := own.ping(ctx); err != nil {
				return outcome{}, err
			}
			if err := own.again(ctx); err != nil {
				return outcome{}, err
			}
		}
		used = true
		recovery, err := own.attack(ctx, fault)
		if err != nil {
			return outcome{}, err
		}
		r, err := own.job.Result(ctx)
		if err != nil {
			return outcome{}, err
		}
		return outcome{recovery, r.Redone}, own.verify(ctx, r)
	})
}

// tabulate tries each fault, and prints a table of the outcomes, also of faults that failed. The
// error is that of the first fault that failed, but an ErrDifferent wins over other errors.
func tabulate(ctx context.Context, w io.Writer, faults []chaos.Fault, try func(chaos.Fault) (outcome, error)) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tTIMES\tRECOVERY\tREDONE\tVERDICT")
	var worst error
	failed := 0
	for _, fault := range faults {
		o, err := try(fault)
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), table.Flush())
		}
		if err == nil {
			fmt.Fprintf(table, "%s\t1\t%s\t%s\texact\n", fault.Name, o.recovery.Round(time.Millisecond), plural(o.redone, "task"))
			continue
		}
		fmt.Fprintf(table, "%s\t1\t-\t-\t%s\n", fault.Name, short(err))
		failed++
		if worst == nil || errors.Is(err, wordcount.ErrDifferent) && !errors.Is(worst, wordcount.ErrDifferent) {
			worst = fmt.Errorf("%s: %w", fault.Name, err)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if failed > 1 {
		return fmt.Errorf("%s were not exact; %w", plural(failed, "fault"), worst)
	}
	return worst
}

// short returns the beginning of an error's first line, so that it fits into a table.
func short(err error) string {
	const most = 80
	line, _, more := strings.Cut(err.Error(), "\n")
	line = plain(line)
	if runes := []rune(line); len(runes) > most {
		line, more = string(runes[:most]), true
	}
	if more {
		line += "…"
	}
	return line
}

// storm injects faults at random for a time, into one job after the other, and verifies each job.
func (s *session) storm(ctx context.Context, lasts, every *time.Duration, seed *int, bytes *string) (err error) {
	length, gap, size64, number := time.Minute, time.Second, int64(1<<30), time.Now().UnixNano()
	if lasts != nil {
		length = *lasts
	}
	if every != nil {
		gap = *every
	}
	if seed != nil {
		number = int64(*seed)
	}
	if bytes != nil {
		if size64, err = size(*bytes); err != nil {
			return fmt.Errorf("%w: -bytes=%s: %w", wordcount.ErrInput, *bytes, err)
		}
	}
	s.tell("storm of %s, a fault about every %s: -seed=%d", length, gap, number)
	own, err := s.scratchJob(ctx, size64)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.stopServer(ctx)) }()
	defer own.endJobs()

	sealed := 0
	err = tally(os.Stdout, chaos.Faults, func(outlived func(chaos.Fault)) error {
		storm := chaos.Storm{Every: gap, Seed: uint64(number), Outlived: func(fault chaos.Fault, recovery time.Duration) {
			outlived(fault)
			s.tell("%s is outlived, after %s", fault.Name, recovery.Round(time.Millisecond))
		}}
		var truth result.Counts // the texts are the same for each job
		end := make(chan struct{})
		defer time.AfterFunc(length, func() { close(end) }).Stop()
		for over := false; !over; {
			a, err := own.attacker(ctx)
			if err != nil {
				return err
			}
			err = storm.Run(ctx, a, end, uint64(sealed))
			if over = err == nil; !over && !errors.Is(err, chaos.ErrOver) {
				return err
			}
			if err := own.calm(ctx, &truth); err != nil {
				return err
			}
			if sealed++; !over {
				if err := own.again(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	fmt.Printf("%s of %s sealed and exact: -seed=%d\n", plural(sealed, "job"), humanize.IBytes(uint64(size64)), number)
	return err
}

// tally prints how often jobs recovered from each fault of a storm, even if the storm failed.
func tally(w io.Writer, faults []chaos.Fault, run func(outlived func(chaos.Fault)) error) error {
	times := map[string]int{}
	err := run(func(fault chaos.Fault) { times[fault.Name]++ })
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tTIMES")
	for _, fault := range faults {
		fmt.Fprintf(table, "%s\t%d\n", fault.Name, times[fault.Name])
	}
	return errors.Join(err, table.Flush())
}

// ping makes sure that the session's server answers. If the server is dead, ping starts it again.
func (s *session) ping(ctx context.Context) error {
	rdb, _, err := s.job.Redis(ctx)
	if err != nil {
		return err
	}
	return s.job.Do(ctx, func() error { return rdb.Ping(ctx).Err() })
}

// calm waits for the job's result after the last fault, and compares the result with the recount
// truth. The first call makes the recount.
func (s *session) calm(ctx context.Context, truth *result.Counts) error {
	for {
		a, err := s.attacker(ctx)
		if err == nil {
			_, err = a.AwaitSeal(ctx)
		}
		if err != nil {
			return err
		}
		s.endJobs()
		// The last fault may have killed Redis after the supervisor had ended.
		if err := s.ping(ctx); err != nil {
			return err
		}
		r, err := s.job.Result(ctx)
		if err != nil {
			return err
		}
		if *truth == nil {
			if *truth, err = s.recount(ctx, r); err != nil {
				return err
			}
		}
		err = s.compare(ctx, maps.Clone(*truth), r)
		if !errors.Is(err, wordcount.ErrNoResult) {
			return err
		}
		// The last fault may also have rolled Redis back to a moment before the seal. Another run
		// of the job restores the result.
		s.note("the result was rolled back: running the job again")
		job, err := s.launch(s.config)
		if err != nil {
			return err
		}
		select {
		case <-job.ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !job.cmd.ProcessState.Success() {
			return fmt.Errorf("%w: the job whose result was rolled back could not be run again", wordcount.ErrIncomplete)
		}
	}
}
