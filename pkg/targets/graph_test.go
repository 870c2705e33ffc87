package targets

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/graph"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"

	"github.com/magefile/mage/mg"
)

func TestThePictureInTheMagefileShowsTheEdgesOfTheGraph(t *testing.T) {
	magefile, err := os.ReadFile(filepath.Join("..", "..", "magefile.go"))
	if err != nil {
		t.Fatal(err)
	}
	drawn := drawnEdges(string(magefile))
	want := edges(Verified(Config{}))
	if !slices.Equal(drawn, want) {
		t.Errorf("the picture has the edges\n%s\nand the graph has\n%s", strings.Join(drawn, "\n"), strings.Join(want, "\n"))
	}
}

// edges are those of a graph, as "from → to".
func edges(root mg.Fn) []string {
	n := root.(*graph.Node)
	var found []string
	for _, need := range n.Needs {
		found = append(found, need.Name()+" → "+n.Name())
		found = append(found, edges(need)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// drawnEdges reads a picture of lines and arrows out of a source's package comment.
func drawnEdges(source string) []string {
	comment, _, _ := strings.Cut(source, "\npackage ")
	var grid [][]rune
	for line := range strings.Lines(comment) {
		if strings.HasPrefix(line, "//\t") {
			grid = append(grid, []rune(strings.TrimRight(strings.TrimPrefix(line, "//\t"), "\n")))
		}
	}
	at := func(y, x int) rune {
		if y < 0 || y >= len(grid) || x < 0 || x >= len(grid[y]) {
			return ' '
		}
		return grid[y][x]
	}
	isName := func(r rune) bool { return r == ':' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
	name := func(y, x int) string {
		end := x
		for isName(at(y, end)) {
			end++
		}
		return string(grid[y][x:end])
	}

	// Where each line character leads.
	type step struct{ dy, dx int }
	left, right, up, down := step{0, -1}, step{0, 1}, step{-1, 0}, step{1, 0}
	leads := map[rune][]step{
		'─': {left, right}, '│': {up, down}, '┬': {left, right, down}, '┴': {left, right, up}, '├': {up, down, right},
		'┤': {up, down, left}, '┼': {left, right, up, down}, '┐': {left, down}, '┘': {left, up}, '┌': {right, down}, '└': {right, up},
	}
	var found []string
	for y := range grid {
		for x := range grid[y] {
			if !isName(at(y, x)) || isName(at(y, x-1)) {
				continue
			}
			from := name(y, x)
			seen := map[[2]int]bool{}
			var follow func(y, x int, by step)
			follow = func(y, x int, by step) {
				r := at(y, x)
				switch {
				case seen[[2]int{y, x}]:
					return
				case r == '→':
					for x++; at(y, x) == ' ' && x < len(grid[y]); x++ {
					}
					found = append(found, from+" → "+name(y, x))
					return
				case !slices.Contains(leads[r], step{-by.dy, -by.dx}):
					return // a line that passes by
				}
				seen[[2]int{y, x}] = true
				for _, next := range leads[r] {
					if next != (step{-by.dy, -by.dx}) {
						follow(y+next.dy, x+next.dx, next)
					}
				}
			}
			end := x + len([]rune(from))
			for at(y, end) == ' ' && end < len(grid[y]) {
				end++
			}
			follow(y, end, right)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestAPictureIsReadEdgeByEdge(t *testing.T) {
	picture := "//\ta ─┬→ b ─┬→ d → e\n//\t   ├→ c ─┘\n//\t   └→ f\n\npackage main"
	want := []string{"a → b", "a → c", "a → f", "b → d", "c → d", "d → e"}
	if got := drawnEdges(picture); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// The steps here do nothing but tell of themselves. Mage remembers steps by name and configuration for as long as the
// process lives, so each test has names of its own.

func named(t *testing.T, name string) string { return t.Name() + " " + name }

func TestTwoConfigurationsAreTwoSetsOfNodes(t *testing.T) {
	t.Parallel()
	inputs := make(chan []string, 9)
	count := func(c Config) mg.Fn {
		return step(named(t, "count"), c, func(_ context.Context, s *session) error { inputs <- s.config.Inputs; return nil })
	}
	one, other := Config{Inputs: []string{"one"}}, Config{Inputs: []string{"other"}}
	if err := graph.Run(t.Context(), count(one), count(other), count(one)); err != nil {
		t.Fatal(err)
	}
	close(inputs)
	var got []string
	for input := range inputs {
		got = append(got, input...)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"one", "other"}) {
		t.Errorf("counted %q", got)
	}
	if Job(one).ID() == Job(other).ID() {
		t.Error("both jobs have the same ID")
	}
	if Job(one).ID() != Job(Config{Inputs: []string{"one"}, Dir: ".wordcount"}).ID() {
		t.Error("a default makes another job of it")
	}
}

func TestAnInterruptedStepExits130(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	waits := step(named(t, "waits"), Config{}, func(ctx context.Context, _ *session) error {
		cancel()
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if err := graph.Run(ctx, waits); mg.ExitStatus(err) != failure.ExitInterrupted {
		t.Errorf("exit %d: %v", mg.ExitStatus(err), err)
	}
}

func TestAConfigThatMakesNoSenseFailsWhenItsJobIsRun(t *testing.T) {
	t.Setenv("WORDCOUNT_WORKERS", "0")
	job := Config{Inputs: []string{named(t, "texts")}}
	for _, node := range []mg.Fn{Job(job), Verified(job)} {
		if err := node.Run(t.Context()); !errors.Is(err, protocol.ErrInput) || !strings.Contains(err.Error(), "WORDCOUNT_WORKERS=0") {
			t.Errorf("%v", err)
		}
	}
	if _, err := Result(t.Context(), job); !errors.Is(err, protocol.ErrInput) {
		t.Errorf("%v", err)
	}
}
