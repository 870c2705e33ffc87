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
	askWithin    = time.Second     // to ask Redis for more; without that there is an answer, too
	askEvery     = time.Second     // at most, however many look
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
	// Committed returns what became of the records that are committed. nil: there are no records.
	Committed func(ctx context.Context) (protocol.Tally, error)
}

// Server serves the metrics of one job.
type Server struct {
	config   Config
	listener net.Listener
	http     *http.Server
	serving  sync.WaitGroup
	job      job
	asking   sync.Mutex // guards asked
	asked    asked
}

// asked is what Redis is asked for only if somebody looks.
type asked struct {
	at      time.Time // when the answer came
	held    []protocol.Held
	records *protocol.Tally // nil: there are none, or it isn't known
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

// ask asks Redis, unless it was asked a moment ago. Those who look meanwhile wait.
func (s *Server) ask() asked {
	s.asking.Lock()
	defer s.asking.Unlock()
	if time.Since(s.asked.at) < askEvery {
		return s.asked
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	var now asked
	now.held, _ = s.config.Held(ctx, heldMost)
	if s.config.Committed != nil {
		if records, err := s.config.Committed(ctx); err == nil {
			now.records = &records
		}
	}
	now.at = time.Now()
	s.asked = now
	return now
}

// answer answers one request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	var text bytes.Buffer
	s.write(&text, s.ask(), time.Now())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(text.Bytes()) // the client may have left
}
