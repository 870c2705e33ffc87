package targets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// tabulate runs each fault against a job of its own, and prints what came of it.
func (s *session) tabulate(ctx context.Context) (err error) {
	own, err := s.guineaPig(ctx, guineaBytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.stopServer(ctx)) }()
	defer own.endJobs()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tTIMES\tRECOVERY\tREDONE\tVERDICT")
	for i, fault := range chaos.Faults {
		if i > 0 {
			if err := own.again(ctx); err != nil {
				return err
			}
		}
		s.note("— %s", fault.Name)
		recovery, err := own.attack(ctx, fault)
		if err != nil {
			return fmt.Errorf("%s: %w", fault.Name, err)
		}
		if err := own.verify(ctx, own.plan, *own.sealed); err != nil {
			return fmt.Errorf("%s: %w", fault.Name, err)
		}
		own.endJobs()
		fmt.Fprintf(table, "%s\t1\t%s\t%s\texact\n", fault.Name, recovery.Round(time.Millisecond), plural(own.sealed.Redone, "task"))
	}
	return table.Flush()
}

// storm injects faults at random for a time, into one job after the other, and verifies each.
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
	fmt.Printf("storm of %s, a fault about every %s: -seed=%d\n", length, gap, number)
	own, err := s.guineaPig(ctx, size64)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.stopServer(ctx)) }()
	defer own.endJobs()

	times, sealed := map[string]int{}, 0
	storm := chaos.Storm{Every: gap, Seed: uint64(number), Outlived: func(fault chaos.Fault, recovery time.Duration) {
		times[fault.Name]++
		fmt.Printf("%s is outlived, after %s\n", fault.Name, recovery.Round(time.Millisecond))
	}}
	var truth wordcount.Recount // the texts are the same for each job
	end := make(chan struct{})
	defer time.AfterFunc(length, func() { close(end) }).Stop()
	for over := false; !over; {
		err := storm.Rage(ctx, own.attacker(), end, uint64(sealed))
		if over = err == nil; !over && !errors.Is(err, chaos.ErrOver) {
			return err
		}
		if truth == nil {
			if truth, err = own.recount(ctx, own.plan); err != nil {
				return err
			}
		}
		if err := own.calm(ctx, truth); err != nil {
			return err
		}
		if sealed++; !over {
			if err := own.again(ctx); err != nil {
				return err
			}
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tTIMES")
	for _, fault := range chaos.Faults {
		fmt.Fprintf(table, "%s\t%d\n", fault.Name, times[fault.Name])
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Printf("%s of %s sealed and exact: -seed=%d\n", plural(sealed, "job"), humanize.IBytes(uint64(size64)), number)
	return nil
}

// calm waits for the job's result when no fault is injected any more, and compares it with the recount.
func (s *session) calm(ctx context.Context, truth wordcount.Recount) error {
	for {
		sealed, err := s.attacker().Outlive(ctx)
		if err != nil {
			return err
		}
		s.endJobs()
		// The last fault may have ended Redis when nobody was left to start it again.
		if err := s.persist(ctx, func() error { return s.rdb.Ping(ctx).Err() }); err != nil {
			return err
		}
		err = s.compare(ctx, maps.Clone(truth), s.plan, sealed)
		if !errors.Is(err, wordcount.ErrNoResult) {
			return err
		}
		// Or have rolled it back behind the seal. Whoever runs the job then has its result again.
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
