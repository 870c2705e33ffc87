package protocol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// reply is an error that a server sent.
type reply string

func (r reply) Error() string { return string(r) }
func (r reply) RedisError()   {}

// marked is an error of another package that says whether it passes.
type marked bool

func (m marked) Error() string   { return "nothing listens" }
func (m marked) Temporary() bool { return bool(m) }

func TestOnlyErrorsThatAreKnownToPassAreTransient(t *testing.T) {
	t.Parallel()
	dial := func(errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
	}
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded, os.ErrDeadlineExceeded,
		dial(syscall.ECONNREFUSED), dial(syscall.EHOSTUNREACH), os.NewSyscallError("read", syscall.ECONNRESET),
		&net.DNSError{Err: "no such host", Name: "redis.example", IsNotFound: true},
		redis.ErrPoolTimeout, redis.ErrClosed, redis.TxFailedErr,
		errors.New("redis: cluster has no nodes"),
		fmt.Errorf("redis: all sentinels specified in configuration are unreachable: %w", errors.Join(redis.Nil)),
		reply("LOADING Redis is loading the dataset in memory"), reply("READONLY You can't write against a read only replica."),
		reply("CLUSTERDOWN The cluster is down"), reply("MOVED 1 127.0.0.1:1"), reply("NOGROUP No such key"),
		reply("NOREPLICAS Not enough good replicas to write."),
		marked(true),
	} {
		for _, err := range []error{err, fmt.Errorf("look: %w", err), errors.Join(errors.New("one"), err), Classify(err)} {
			if !Transient(err) {
				t.Errorf("%T %q is final", err, err)
			}
		}
	}
	for _, err := range []error{
		nil, errors.New("something that nobody listed"), context.Canceled, redis.Nil, marked(false), syscall.ENOSPC,
		&fs.PathError{Op: "open", Path: "/x", Err: syscall.EMFILE}, &os.LinkError{Op: "rename", Old: "a", New: "b", Err: syscall.ENOSPC},
		reply("ERR unknown command"), reply("NOPERM no"), reply("OOM no"), reply("WCRUN another"), reply("WCPHASE no"),
		fmt.Errorf("%w: %w", ErrRedis, dial(syscall.ECONNREFUSED)), fmt.Errorf("%w: %w", ErrState, io.EOF),
	} {
		if Transient(err) || Transient(Classify(err)) {
			t.Errorf("%T %v is transient", err, err)
		}
	}
}
