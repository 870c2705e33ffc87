package show

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/magereduce/magereduce/pkg/syserr"
)

var (
	// ErrOutput reports that standard output doesn't take what is printed, so it may be incomplete.
	ErrOutput = errors.New("can't write to standard output")
	// ErrReaderLeft reports that nobody reads standard output any more, as in "export | head". It
	// wraps ErrOutput.
	ErrReaderLeft = fmt.Errorf("%w: its reader has left", ErrOutput)
)

// Out is standard output. All results are printed to it.
var Out Output

// Output is standard output. Many lines are printed by functions that return no error. So an Output
// keeps the first error, and a target returns it when it ends.
type Output struct {
	mu  sync.Mutex
	err error
}

// Write writes to os.Stdout, unless an earlier write has failed. The error wraps ErrOutput.
func (o *Output) Write(p []byte) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	// If a program doesn't receive this signal, the runtime kills it in a write to a standard output
	// that nobody reads. Mage reports such a death as a failure of its own.
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGPIPE)
	defer signal.Stop(ignored)
	n, err = os.Stdout.Write(p)
	switch {
	case errors.Is(err, syscall.EPIPE):
		o.err = ErrReaderLeft
	case err != nil:
		o.err = fmt.Errorf("%w: %w", ErrOutput, syserr.WithoutPath(err))
	}
	return n, o.err
}

// Fd returns the descriptor of os.Stdout.
func (o *Output) Fd() uintptr { return os.Stdout.Fd() }

// Err returns the first error of a write.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
