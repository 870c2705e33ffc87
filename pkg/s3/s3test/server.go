// Package s3test has a real server for tests with S3: versitygw, in the version of .s3server/go.mod. It
// is built once for each user.
//
//	server := s3test.Start(t)                     // the variables of this process name it
//	server.Put(t, "bucket", "a/key", "contents")
//	server.Before(t, func(r *http.Request) s3test.Fault { … })  // a proxy that makes requests fail
//
// A test that starts one isn't parallel, because the variables are those of the whole process.
package s3test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	ours "github.com/magereduce/magereduce/pkg/s3"
)

// The credentials of the server, which no output of a program may have.
const (
	Access = "accessaccess"
	Secret = "secretsecretsecret"
)

// limit is how long the server may take to answer.
const limit = time.Minute

// Server is a server of one test.
type Server struct {
	Addr string
	Root string // the folder with its buckets

	program, meta string
	mu            sync.Mutex // guards cmd
	cmd           *exec.Cmd  // nil: it was killed
	log           bytes.Buffer
}

// Start starts a server, and lets this process and its children use it until the test ends.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := Run(tb)
	s.use(tb, s.Addr)
	return s
}

// Run starts a server that runs until the test ends, and changes nothing in this process. The variables
// that name the server are those of Server.Variables.
func Run(tb testing.TB) *Server {
	tb.Helper()
	program := mustBuild(tb)
	top := tb.TempDir()
	s := &Server{Root: filepath.Join(top, "buckets"), program: program, meta: filepath.Join(top, "meta")}
	for _, dir := range []string{s.Root, s.meta} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.Addr = free.Addr().String()
	free.Close()
	tb.Cleanup(func() {
		s.Kill()
		if tb.Failed() {
			tb.Logf("the server says: %s", s.log.Bytes())
		}
	})
	s.Restart(tb)
	return s
}

// Kill ends the server as a crash does.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// Restart starts the server, after a kill if it runs, with what it had, and returns when it answers.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Kill()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd = exec.Command(s.program, arguments(s.Addr, s.meta, s.Root)...)
	s.cmd.Env = append(os.Environ(), environment...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		tb.Fatal(err)
	}
	mustAnswer(tb, s.Addr)
}

// mustAnswer waits until there is a server at an address.
func mustAnswer(tb testing.TB, addr string) {
	tb.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			tb.Fatalf("the server doesn't answer: %v", err)
		}
	}
}

// arguments are those of the server's program.
func arguments(addr, meta, buckets string) []string {
	return []string{"--port", addr, "--quiet", "--keep-alive", "posix", "--sidecar", meta, "--default-etag", "none", buckets}
}

// environment has the credentials for the server's program.
var environment = []string{"ROOT_ACCESS_KEY=" + Access, "ROOT_SECRET_KEY=" + Secret}

// use makes this process and its children ask a server at an address.
func (s *Server) use(tb testing.TB, addr string) {
	tb.Helper()
	for name, value := range s.Variables(addr) {
		tb.Setenv(name, value)
	}
	ours.Forget()
	tb.Cleanup(ours.Forget)
}

// Variables are those that name the server, if it is reached by an address.
func (s *Server) Variables(addr string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": "http://" + addr, "AWS_ACCESS_KEY_ID": Access, "AWS_SECRET_ACCESS_KEY": Secret,
		"AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "4",
	}
}

// Fault is what becomes of a request. The zero value lets it pass.
type Fault struct {
	Status int             // the answer, without the server's being asked
	Code   string          // of that answer; "": none
	Body   string          // of that answer, if it has no code
	Header http.Header     // of that answer
	Cut    int64           // bytes of the answer's body behind which the connection is cut; 0: it isn't
	Hold   <-chan struct{} // the body waits here behind its first byte
}

// Before puts a proxy before the server until the test ends, and makes this process and its children
// ask it. fault is called for each request, by several goroutines.
func (s *Server) Before(tb testing.TB, fault func(*http.Request) Fault) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &http.Server{Handler: proxy{s.Addr, fault}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Serve(listener)
	}()
	tb.Cleanup(func() {
		p.Close()
		<-ended
	})
	s.use(tb, listener.Addr().String())
}

// proxy forwards requests as they are: what is signed stays as it was.
type proxy struct {
	upstream string
	fault    func(*http.Request) Fault
}

func (p proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.fault(r)
	if f.Status > 0 {
		maps.Copy(w.Header(), f.Header)
		if f.Cut > 0 {
			w.Header().Set("Content-Length", strconv.Itoa(len(f.Body)))
		}
		w.WriteHeader(f.Status)
		if f.Cut > 0 {
			io.WriteString(w, f.Body[:f.Cut])
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, f.Body)
		if f.Code != "" {
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>It names %s and %s.</Message></Error>", f.Code, Access, Secret)
		}
		return
	}
	request := r.Clone(r.Context())
	request.URL.Scheme, request.URL.Host, request.RequestURI = "http", p.upstream, ""
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	if f.Hold != nil {
		io.CopyN(w, answer.Body, 1)
		http.NewResponseController(w).Flush()
		select {
		case <-f.Hold:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	if f.Cut > 0 {
		io.CopyN(w, answer.Body, f.Cut)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	io.Copy(w, answer.Body)
}
