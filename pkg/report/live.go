package report

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/magereduce/magereduce/pkg/report/timeline"
)

// The pause between two looks at the journal is lookPart times as long as the last look took, and at
// least lookEvery.
const (
	lookEvery = 300 * time.Millisecond
	lookPart  = 10
)

// Live serves the page of a job on the loopback while the job runs.
//
// Immutable after Listen: look, token and listener. mu guards the rest.
type Live struct {
	look     func() (timeline.Run, []Word, error)
	token    string
	listener net.Listener

	mu      sync.Mutex
	main    []byte        // the last fragment
	changed chan struct{} // closed when there is another one
}

// Listen opens a port of the loopback. look returns what is known of the run; Live calls it again and
// again, and never twice at once.
func Listen(look func() (timeline.Run, []Word, error)) (*Live, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Live{look: look, token: rand.Text(), listener: listener, changed: make(chan struct{})}, nil
}

// URL is the address of the page. It has a token, because every user of this machine can connect to the
// loopback.
func (l *Live) URL() string { return fmt.Sprintf("http://%s/%s/", l.listener.Addr(), l.token) }

// Serve serves the page until ctx ends. It returns the error of a look that failed.
func (l *Live) Serve(ctx context.Context) error {
	if err := l.refresh(); err != nil {
		l.listener.Close()
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	server := &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	var all sync.WaitGroup
	all.Go(func() {
		if err := server.Serve(l.listener); !errors.Is(err, http.ErrServerClosed) {
			stop(err)
		}
	})
	for rest := lookEvery; ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-time.After(rest):
			began := time.Now()
			if err := l.refresh(); err != nil {
				stop(err)
			}
			rest = max(lookEvery, lookPart*time.Since(began))
		}
	}
	server.Close()
	all.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// refresh draws the page again, and wakes those who wait for it.
func (l *Live) refresh() error {
	run, words, err := l.look()
	if err != nil {
		return err
	}
	main := fragment(run, words)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !bytes.Equal(main, l.main) {
		l.main = main
		close(l.changed)
		l.changed = make(chan struct{})
	}
	return nil
}

// now is the last fragment, and what tells that there is another one.
func (l *Live) now() (main []byte, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.main, l.changed
}

// ServeHTTP serves the page and its events to those who know the token, by an address of the loopback.
// A page of the web can lead a browser here by a name of its own, but it doesn't know the token.
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	known := subtle.ConstantTimeCompare([]byte(token), []byte(l.token)) == 1 && r.Host == l.listener.Addr().String()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	switch {
	case !known:
		http.NotFound(w, r)
	case r.Method != http.MethodGet:
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
	case rest == "":
		l.page(w)
	case rest == "events":
		l.events(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (l *Live) page(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy(true))
	main, _ := l.now()
	io.WriteString(w, frame(main))
}

// events sends the fragment, and then each new one.
func (l *Live) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	to := http.NewResponseController(w)
	for {
		main, changed := l.now()
		// An event is lines that begin with data, and an empty one.
		text := "data: " + strings.ReplaceAll(strings.ReplaceAll(string(main), "\r", ""), "\n", "\ndata: ") + "\n\n"
		to.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := w.Write([]byte(text)); err != nil {
			return
		}
		if to.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		}
	}
}
