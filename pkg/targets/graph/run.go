package graph

import (
	"context"
	"sync"

	"github.com/magefile/mage/mg"
)

// Run runs the nodes at the same time, and returns the error of the first one that fails.
func Run(ctx context.Context, nodes ...mg.Fn) (err error) {
	if len(nodes) == 0 {
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
	deps := make([]any, len(nodes))
	for i, node := range nodes {
		deps[i] = node
	}
	mg.CtxDeps(context.WithValue(shared, siblingsKey{}, &siblings{cancel: cancel}), deps...)
	return nil
}

// siblings is what the nodes of one Run share.
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
