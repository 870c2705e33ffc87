package datadir

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
)

const logFile = "redis.log"

// logMax is how large the log may be when a server begins to write to it, in bytes. A checkpoint
// adds some 500.
const logMax = 4 << 20

// OpenLog opens the log for a server. A log that has grown too large becomes redis.log.old, in the
// place of an older one, and the server begins a new log. The server keeps the mode of a file that
// exists; a file that it made itself could be read by everybody.
func (d Dir) OpenLog() (*os.File, error) {
	path := d.Path(logFile)
	if d.LogSize() > logMax {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, fmt.Errorf("redisd: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("redisd: %w", err)
	}
	return f, nil
}

// LogSize is the length of the log in bytes.
func (d Dir) LogSize() int64 {
	if info, err := os.Stat(d.Path(logFile)); err == nil {
		return info.Size()
	}
	return 0
}

// 8272:M 22 Nov 2026 11:27:29.687 # Server initialized
var logLine = regexp.MustCompile(`^\d+:\w \d+ \w+ \d+ [\d:.]+ ([-.*#]) (.*)$`)

// LastWords returns the last two complaints in the log behind an offset, in one line. If there are
// none, it returns the last two lines there that don't have the form of the log.
func (d Dir) LastWords(offset int64) string {
	text, err := os.ReadFile(d.Path(logFile))
	if err != nil || int64(len(text)) < offset {
		return ""
	}
	var complaints, rest []string
	for line := range bytes.Lines(text[offset:]) {
		line := strings.TrimSpace(string(line))
		m := logLine.FindStringSubmatch(line)
		switch {
		case line == "", strings.HasPrefix(line, "["): // the report of redis-check-rdb, after the complaint
		case m == nil:
			rest = append(rest, line)
		case m[1] == "#" && !strings.HasPrefix(m[2], "WARNING"):
			complaints = append(complaints, m[2])
		}
	}
	lines := complaints
	if len(lines) == 0 {
		lines = rest
	}
	return strings.Join(lines[max(0, len(lines)-2):], "; ")
}
