package redisfn

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Outcome is what Load or Replace did.
type Outcome int

// The outcomes, by how much was done. For several masters Load and Replace report the most.
const (
	Present  Outcome = iota + 1 // the same code was everywhere, so nothing was written
	Loaded                      // the library was missing somewhere
	Replaced                    // other code was in its place somewhere
)

func (o Outcome) String() string {
	switch o {
	case Present:
		return "present"
	case Loaded:
		return "loaded"
	case Replaced:
		return "replaced"
	}
	return "failed"
}

// ErrMayNotLoad says that the library is missing and the user has no right to FUNCTION LOAD.
var ErrMayNotLoad = errors.New("redisfn: this user may not load library")

// Load makes sure that the server, or every master of a cluster, has this very code. It leaves other
// code under the same name alone and returns a *ConflictError. Load may run any number of times,
// from many clients at once.
func (l Library) Load(ctx context.Context, c Client) (Outcome, error) {
	return l.everywhere(ctx, c, l.load)
}

// Replace is Load, but overwrites other code under the same name.
func (l Library) Replace(ctx context.Context, c Client) (Outcome, error) {
	return l.everywhere(ctx, c, l.replace)
}

type loadFunc func(context.Context, Client) (Outcome, error)

// everywhere runs do on each node that keeps functions of its own.
func (l Library) everywhere(ctx context.Context, c Client, do loadFunc) (Outcome, error) {
	var (
		mu   sync.Mutex // nodes are visited concurrently
		most Outcome
	)
	one := func(ctx context.Context, node *redis.Client) error {
		outcome, err := do(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		most = max(most, outcome)
		return err
	}

	var err error
	switch c := c.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, one)
	case *redis.Ring:
		err = c.ForEachShard(ctx, one)
	default:
		return do(ctx, c)
	}
	if err != nil {
		return 0, err
	}
	return most, nil
}

func (l Library) load(ctx context.Context, c Client) (Outcome, error) {
	switch theirs, found, err := l.find(ctx, c); {
	case err != nil:
		return 0, err
	case found:
		return l.compare(theirs)
	}

	loadErr := c.FunctionLoad(ctx, l.Source).Err()
	if loadErr == nil {
		return Loaded, nil
	}
	// Either another client was faster, or this load succeeded and only its reply was lost. If the
	// library is there now, its code decides.
	if theirs, found, err := l.find(ctx, c); err == nil && found {
		return l.compare(theirs)
	}
	if Code(loadErr) == "NOPERM" {
		return 0, fmt.Errorf("%w %s: %w", ErrMayNotLoad, l.Name, loadErr)
	}
	return 0, fmt.Errorf("redisfn: load library %s: %w", l.Name, loadErr)
}

func (l Library) replace(ctx context.Context, c Client) (Outcome, error) {
	theirs, found, err := l.find(ctx, c)
	if err != nil {
		return 0, err
	}
	if found && theirs.Source == l.Source {
		return Present, nil
	}
	if err := c.FunctionLoadReplace(ctx, l.Source).Err(); err != nil {
		return 0, fmt.Errorf("redisfn: replace library %s: %w", l.Name, err)
	}
	if found {
		return Replaced, nil
	}
	return Loaded, nil
}

func (l Library) compare(theirs Library) (Outcome, error) {
	if theirs.Source != l.Source {
		return 0, &ConflictError{Ours: l, Theirs: theirs}
	}
	return Present, nil
}

// find returns what the server has under the library's name.
func (l Library) find(ctx context.Context, c Client) (theirs Library, found bool, err error) {
	list, err := c.FunctionList(ctx, redis.FunctionListQuery{LibraryNamePattern: l.Name, WithCode: true}).Result()
	if err != nil {
		return Library{}, false, fmt.Errorf("redisfn: look for library %s: %w", l.Name, err)
	}
	for _, theirs := range list {
		if theirs.Name == l.Name { // the pattern ignores case, names don't
			return Library{Name: theirs.Name, Source: theirs.Code}, true, nil
		}
	}
	return Library{}, false, nil
}
