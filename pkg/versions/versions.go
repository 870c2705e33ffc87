package versions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/magefile/mage/mg"
)

// servers are all servers that are tried. Folders move from the first one to each.
var servers = []*server{
	{kind: "redis", suite: "bookworm"},
	{kind: "redis", suite: "trixie"},
	{kind: "valkey", suite: "trixie"},
	{kind: "redis", suite: "experimental"}, // the newest Redis
	{kind: "valkey", suite: "sid"},         // the newest Valkey
}

// newest are the candidates of the gate, which takes the first that can be fetched.
var newest = []string{"redis-experimental", "redis-trixie"}

func named(name string) (*server, error) {
	var names []string
	for _, s := range servers {
		if s.name() == name {
			return s, nil
		}
		names = append(names, s.name())
	}
	return nil, mg.Fatalf(2, "there is no server %q: -only= takes %s", name, strings.Join(names, ", "))
}

// Target is the whole target, with its flags as Mage passes them.
func Target(ctx context.Context, only *string, gate *bool) error {
	switch {
	case gate != nil && *gate:
		return Gate(ctx, os.Stdout)
	case only == nil:
		return Check(ctx, os.Stdout, servers)
	}
	s, err := named(*only)
	if err != nil {
		return err
	}
	return Check(ctx, os.Stdout, []*server{s})
}

var errFailed = errors.New("not all of it passed")

// Check runs everything on each of the servers, and closes with a line for each.
func Check(ctx context.Context, out io.Writer, these []*server) error {
	say := func(line string) { fmt.Fprintln(out, line) }
	if err := servers[0].fetch(ctx, say); err != nil {
		return err
	}
	var summary strings.Builder
	table := tabwriter.NewWriter(&summary, 0, 0, 2, ' ', 0)
	failed := false
	for _, s := range these {
		if err := s.fetch(ctx, say); err != nil {
			failed = true
			fmt.Fprintf(table, "%s\t\tFAILED: fetch: %v\n", s.name(), err)
			continue
		}
		var passed, wrong []string
		for _, t := range trials(s, servers[0]) {
			fmt.Fprintf(out, "\n%s: %s\n", s.version, t.name)
			err := t.run(ctx, out)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				fmt.Fprintf(out, "%s: %s: FAILED: %v\n", s.version, t.name, err)
				wrong = append(wrong, t.name)
				continue
			}
			passed = append(passed, t.name)
		}
		verdict := "passed: " + strings.Join(passed, ", ")
		if wrong != nil {
			failed = true
			verdict = "FAILED: " + strings.Join(wrong, ", ") + "; " + verdict
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.name(), s.version, verdict)
	}
	table.Flush()
	fmt.Fprintf(out, "\n%s", &summary)
	if failed {
		return errFailed
	}
	return nil
}

// Gate runs what is worth the time at every change, on the newest Redis that can be fetched.
func Gate(ctx context.Context, out io.Writer) error {
	say := func(line string) { fmt.Fprintln(out, line) }
	var missing error
	for _, name := range newest {
		s, err := named(name)
		if err == nil {
			err = s.fetch(ctx, say)
		}
		if err != nil {
			say(fmt.Sprintf("! %s can't be fetched: %v", name, err))
			missing = errors.Join(missing, err)
			continue
		}
		for _, t := range gateTrials(s) {
			fmt.Fprintf(out, "\n%s: %s\n", s.version, t.name)
			if err := t.run(ctx, out); err != nil {
				return fmt.Errorf("%s: %s: %w", s.version, t.name, err)
			}
		}
		return nil
	}
	return fmt.Errorf("no new Redis can be fetched: %w", missing)
}
