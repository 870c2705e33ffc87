package metrics

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

const (
	answerWithin = 5 * time.Second // to read a request, and to write the answer
	heldWithin   = time.Second     // to ask Redis for the ages of leases; without them there is an answer, too
	heldMost     = 1000            // tasks of each stream whose leases are looked at
)

// Config is what a Server needs.
type Config struct {
	Addr  string // as ParseAddr reads it
	Job   string
	Bytes int64           // of the input
	Tasks int             // maps and partitions
	Calls *protocol.Calls // of this process
	// Held lists the tasks that are held. Several goroutines may call it at once.
	Held func(ctx context.Context, most int) ([]protocol.Held, error)
}

// Server serves the metrics of one job.
type Server struct {
	config   Config
	listener net.Listener
	http     *http.Server
	serving  sync.WaitGroup
	job      job
}

// Serve listens on an address, and answers until Close. The error wraps protocol.ErrInput if it
// can't listen there.
func Serve(c Config) (*Server, error) {
	addr, err := ParseAddr(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("%w: metrics: %w", protocol.ErrInput, err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w: metrics: %w", protocol.ErrInput, err)
	}
	s := &Server{config: c, listener: listener, job: job{said: map[string]protocol.WorkerInfo{}, heard: map[string]time.Time{}}}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /metrics", s.answer)
	s.http = &http.Server{
		Handler: routes, ReadTimeout: answerWithin, WriteTimeout: answerWithin, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong is theirs
	}
	s.serving.Go(func() { s.http.Serve(listener) })
	return s, nil
}

// URL returns where the metrics are.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + "/metrics" }

// Close ends the server, and the answers that are under way.
func (s *Server) Close() {
	s.http.Close()
	s.serving.Wait()
}

// answer answers one request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), heldWithin)
	defer cancel()
	held, err := s.config.Held(ctx, heldMost)
	if err != nil {
		held = nil
	}
	var text bytes.Buffer
	s.write(&text, held, time.Now())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(text.Bytes()) // the client may have left
}
