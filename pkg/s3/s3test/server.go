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
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

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
	cmd           *exec.Cmd // nil: it was killed
	log           bytes.Buffer
}

// Start starts a server, and lets this process and its children use it until the test ends.
func Start(tb testing.TB) *Server {
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
	s.use(tb, s.Addr)
	s.Restart(tb)
	return s
}

// Kill ends the server as a crash does.
func (s *Server) Kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// Restart starts a server that was killed, with what it had, and returns when it answers.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Kill()
	cmd := exec.Command(s.program, "--port", s.Addr, "--quiet", "--keep-alive", "posix", "--sidecar", s.meta, "--default-etag", "none", s.Root)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+Access, "ROOT_SECRET_KEY="+Secret)
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	s.cmd = cmd
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.Addr)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			tb.Fatalf("the server doesn't answer: %v: %s", err, s.log.Bytes())
		}
	}
}

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

// Bucket makes a bucket.
func (s *Server) Bucket(tb testing.TB, name string) {
	tb.Helper()
	client, err := ours.Client(tb.Context())
	if err == nil {
		_, err = client.CreateBucket(tb.Context(), &s3.CreateBucketInput{Bucket: &name})
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Put writes an object.
func (s *Server) Put(tb testing.TB, bucket, key, content string) {
	tb.Helper()
	client, err := ours.Client(tb.Context())
	if err == nil {
		_, err = client.PutObject(tb.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)})
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Get reads an object as a whole.
func (s *Server) Get(tb testing.TB, bucket, key string) string {
	tb.Helper()
	client, err := ours.Client(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	out, err := client.GetObject(tb.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
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
