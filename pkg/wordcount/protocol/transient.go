package protocol

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/redis/go-redis/v9"
)

// passingCodes are the replies of a server that will do the same thing a little later: it loads its
// data, runs a long script, has just changed its role, or has lost sight of the replicas that it
// wants. MOVED and ASK reach the caller when a cluster moves a slot more often than go-redis follows.
var passingCodes = []string{
	"LOADING", "BUSY", "READONLY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "MOVED", "ASK", "NOGROUP", "UNKILLABLE", "UNBLOCKED", "NOREPLICAS",
}

// passingErrors are what is left of a call when its connection is lost, or takes too long.
var passingErrors = []error{
	io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
	context.DeadlineExceeded, os.ErrDeadlineExceeded,
	redis.ErrPoolTimeout, redis.ErrPoolExhausted, redis.TxFailedErr,
}

// ofClient begins the errors that go-redis itself makes of a node that a cluster has lost, of an
// unusable connection, and of a reply that is cut short. It exports few of them. It drops the
// connection, and the next call gets another one.
const ofClient = "redis: "

// Transient reports whether an error is known to pass: the connection was lost, the server
// restarts, or it will be ready soon. Every other error needs somebody to mend its cause.
//
// Errors that Classify gave a meaning don't pass, whatever they wrap. An error of another package
// says that it passes by a method Temporary() bool, as those of package net do.
func Transient(err error) bool {
	if err == nil || onDisk(err) || judged(err) {
		return false
	}
	if code := redisfn.Code(err); code != "" {
		return slices.Contains(passingCodes, code)
	}
	var network *net.OpError
	var name *net.DNSError
	var marked interface{ Temporary() bool }
	return errors.As(err, &network) || errors.As(err, &name) ||
		slices.ContainsFunc(passingErrors, func(known error) bool { return errors.Is(err, known) }) ||
		errors.As(err, &marked) && marked.Temporary() ||
		madeByClient(err)
}

// onDisk reports whether an error is one of the file system, which no restart of a server mends.
func onDisk(err error) bool {
	var path *fs.PathError
	var link *os.LinkError
	return errors.As(err, &path) || errors.As(err, &link)
}

// judged reports whether an error has a meaning already, or was asked for.
func judged(err error) bool {
	return slices.ContainsFunc([]error{
		ErrInput, ErrRedis, ErrState, ErrIncomplete, ErrDifferent, ErrNoResult, ErrOtherRun, ErrNoJob, ErrPhase, context.Canceled,
	}, func(known error) bool { return errors.Is(err, known) })
}

// madeByClient reports whether go-redis made an error, or one that it wraps.
func madeByClient(err error) bool {
	//nolint:errorlint // What an error wraps is looked at one by one, because one of them may be redis.Nil.
	if strings.HasPrefix(err.Error(), ofClient) && err != redis.Nil {
		return true
	}
	switch wrapping := err.(type) { //nolint:errorlint // likewise
	case interface{ Unwrap() error }:
		inner := wrapping.Unwrap()
		return inner != nil && madeByClient(inner)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(wrapping.Unwrap(), madeByClient)
	}
	return false
}
