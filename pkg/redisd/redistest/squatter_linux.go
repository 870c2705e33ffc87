package redistest

import (
	"net"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Nobody is a user other than root, who must run the tests that need a second user.
const Nobody = 65534

// Squatter listens as another user where a server was, and records what it is told.
type Squatter struct {
	listener net.Listener
	mu       sync.Mutex
	heard    []byte
	visits   int
}

// Squat makes Nobody listen at an address until the test ends. Only root can do that; otherwise the
// test is skipped.
func Squat(tb testing.TB, network, addr string) *Squatter {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("only root can be another user")
	}
	s := new(Squatter)
	listens, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		// From now on this thread, and so its sockets, belong to another user. The thread never
		// runs other goroutines, but ends with this one.
		runtime.LockOSThread()
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, Nobody, Nobody, 0); errno != 0 {
			listens <- errno
			return
		}
		var err error
		s.listener, err = net.Listen(network, addr)
		listens <- err
		for err == nil {
			var conn net.Conn
			if conn, err = s.listener.Accept(); err == nil {
				go s.listen(conn)
			}
		}
	}()
	must(tb, <-listens)
	tb.Cleanup(func() {
		s.listener.Close()
		<-ended
	})
	return s
}

func (s *Squatter) listen(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	s.visits++
	s.mu.Unlock()
	for buffer := make([]byte, 1<<10); ; {
		n, err := conn.Read(buffer)
		s.mu.Lock()
		s.heard = append(s.heard, buffer[:n]...)
		s.mu.Unlock()
		if err == nil {
			_, err = conn.Write([]byte("-ERR no\r\n"))
		}
		if err != nil {
			return
		}
	}
}

// Heard returns what the squatter was told, and how many connections it had.
func (s *Squatter) Heard() (said string, visits int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.heard), s.visits
}
