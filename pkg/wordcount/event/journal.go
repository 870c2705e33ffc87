package event

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How large a journal may become, in bytes. Workers stop before the supervisor does, so that the end
// of a job is written down in any case.
const (
	WorkerMost     = 48 << 20
	SupervisorMost = 64 << 20
)

// collectFor is how long Note keeps an event before it is written.
const collectFor = 50 * time.Millisecond

// Journal appends events to a file that other processes append to as well. Several goroutines may
// call the methods. A nil Journal drops everything.
type Journal struct {
	out    *lines
	logger *slog.Logger
	path   string
	id     string
}

// ID tells the journal's file from all others, also from those of other hosts.
func (j *Journal) ID() string {
	if j == nil {
		return ""
	}
	return j.id
}

// Path is where the journal's file is.
func (j *Journal) Path() string {
	if j == nil {
		return ""
	}
	return j.path
}

// CopyTo makes an outbox get each event from now on.
func (j *Journal) CopyTo(to *Outbox) {
	if j != nil {
		j.out.mu.Lock()
		defer j.out.mu.Unlock()
		j.out.outbox = to
	}
}

// Open opens a journal that may have up to most bytes, and a last write more. The attributes are in
// each of its events. A journal that can't be opened is nil. It is for people, and its absence must not
// keep a job from its work.
func Open(path string, most int64, attrs ...any) *Journal {
	if path == "" {
		return nil
	}
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err != nil {
		return nil
	}
	// A FIFO in its place would make the open wait for a reader.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil
	}
	out := &lines{file: file, most: most, size: info.Size()}
	return &Journal{out: out, logger: slog.New(slog.NewJSONHandler(out, nil)).With(attrs...), path: path, id: idOf(info)}
}

// idOf names a file. Two hosts may have equal numbers for different files.
func idOf(info os.FileInfo) string {
	host, _ := os.Hostname()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%s %d %d", host, stat.Dev, stat.Ino)
	}
	return host
}

// Write writes an event, and what Note has kept before it.
func (j *Journal) Write(name string, attrs ...slog.Attr) {
	if j != nil {
		j.logger.LogAttrs(context.Background(), slog.LevelInfo, name, attrs...)
		j.out.flush()
	}
}

// Note writes an event together with the next ones, or soon.
func (j *Journal) Note(name string, attrs ...slog.Attr) {
	if j != nil {
		j.logger.LogAttrs(context.Background(), slog.LevelInfo, name, attrs...)
		j.out.flushLate()
	}
}

// Receive writes an event that a Receiver gets.
func (j *Journal) Receive(e Event) {
	switch {
	case j == nil:
	case e.Text == "":
		j.Write(e.Name, e.Attrs...)
	default:
		level := slog.LevelInfo
		if e.Warning {
			level = slog.LevelWarn
		}
		j.logger.LogAttrs(context.Background(), level, Told, slog.String("text", e.Text))
		j.out.flush()
	}
}

// Close writes what is kept, and closes the file.
func (j *Journal) Close() {
	if j != nil {
		j.out.close()
	}
}

// lines are what a journal keeps until it is written.
type lines struct {
	mu      sync.Mutex
	file    *os.File // nil: closed
	most    int64
	size    int64 // of the file after the last write
	outbox  *Outbox
	kept    []byte
	written time.Time   // the last write
	timer   *time.Timer // writes what is kept if nobody else does; nil: nothing waits for it
	torn    bool        // the last write was cut short
	full    bool
}

// Write keeps a line.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.full {
		l.kept = append(l.kept, line...)
	}
	if l.outbox != nil {
		l.outbox.add(line)
	}
	return len(line), nil
}

// hasRoom reports whether the file is open and has fewer than most bytes.
func (l *lines) hasRoom(most int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file != nil && l.size < most
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

func (l *lines) flushLate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.written) >= collectFor {
		l.write()
	} else if l.timer == nil {
		l.timer = time.AfterFunc(collectFor, l.flush)
	}
}

func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

// write writes what is kept. Only with the lock held.
func (l *lines) write() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if l.file == nil || l.full || len(l.kept) == 0 {
		return
	}
	if l.torn { // what was cut short spoils no other line
		l.kept = append([]byte{'\n'}, l.kept...)
	}
	n, err := l.file.Write(l.kept)
	l.torn = n > 0 && err != nil
	l.kept, l.written = l.kept[:0], time.Now()
	// After a write for appending, the offset is where the file ended then.
	if end, err := l.file.Seek(0, unix.SEEK_CUR); err == nil {
		l.size, l.full = end, end >= l.most
	}
}
