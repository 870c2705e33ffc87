package targets

import (
	"cmp"
	"context"
	"sync"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/show"
)

// node is a step of the graph. It implements mg.Fn for two reasons: a target with flags can't be a
// dependency, and Mage must distinguish the nodes of two configurations.
type node struct {
	name   string
	config Config
	do     func(context.Context, *session) error
	needs  []mg.Fn
}

func step(name string, c Config, do func(context.Context, *session) error, needs ...mg.Fn) mg.Fn {
	return &node{name, config.Complete(c), do, needs}
}

// failing returns a step that fails with err, for a configuration that is wrong.
func failing(name string, c Config, err error) mg.Fn {
	return step(name, c, func(context.Context, *session) error { return err })
}

// Name returns the name by which Mage knows the step, and which -v shows.
func (n *node) Name() string { return n.name }

// ID distinguishes this step from the steps of other configurations.
func (n *node) ID() string { return config.ID(n.config) }

// Run runs what the step needs, then the step.
func (n *node) Run(ctx context.Context) error {
	err := depend(ctx, n.needs)
	if err == nil {
		s := sessionOf(n.config)
		err = failure.Resumable(failure.Explain(ctx, cmp.Or(n.do(ctx, s), show.Out.Err())), s.recorded())
	}
	if err != nil && !claim(ctx, err) {
		return nil // a sibling failed first, and this error is only a consequence
	}
	return err
}

// siblings is what the dependencies of one step share. The first one that fails ends the others,
// and only its error is reported. Without it, Mage would let the others go on, and merge all errors
// into one with exit status 1.
type siblings struct {
	mu     sync.Mutex
	failed bool
	cancel context.CancelCauseFunc
}

type siblingsKey struct{}

// claim returns true for the first failure among siblings, and ends the others.
func claim(ctx context.Context, err error) bool {
	s, ok := ctx.Value(siblingsKey{}).(*siblings)
	if !ok {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed {
		return false
	}
	s.failed = true
	s.cancel(err)
	return true
}

// depend runs the steps at the same time, and returns the error of the first one that fails.
func depend(ctx context.Context, needs []mg.Fn) (err error) {
	if len(needs) == 0 {
		return nil
	}
	shared, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer func() { // mg.CtxDeps reports an error by a panic
		if v := recover(); v != nil {
			failure, ok := v.(error)
			if !ok {
				panic(v)
			}
			err = failure
		}
	}()
	deps := make([]any, len(needs))
	for i, need := range needs {
		deps[i] = need
	}
	mg.CtxDeps(context.WithValue(shared, siblingsKey{}, &siblings{cancel: cancel}), deps...)
	return nil
}

// find returns the node with this name in a graph, or nil.
func find(root mg.Fn, name string) *node {
	n := root.(*node)
	if n.name == name {
		return n
	}
	for _, need := range n.needs {
		if found := find(need, name); found != nil {
			return found
		}
	}
	return nil
}
