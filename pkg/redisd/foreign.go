package redisd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	// A dump begins with its format and, as a rule, the name and version of the server that wrote it.
	dumpHead = regexp.MustCompile(`(?s)^(?:REDIS|VALKEY)\d{3,4}(?:..(redis|valkey)-ver.([\d.]+))?`)

	// What a server says of a dump that is newer than it is itself, of another kind, or needs a module that it lacks.
	needsAnother = regexp.MustCompile(`format version|Wrong signature|module data`)
)

// foreign returns the error for a dump that the server can't read although nothing is wrong with it: a newer server
// wrote it, or another kind of server. It returns nil if the dump is damaged. said is why the server ended.
//
// The words alone don't tell: Redis says the same of a dump of Valkey 9 and of a file that is no dump.
func (s *Server) foreign(said error) error {
	dump := filepath.Join(s.DataDir, dumpFile)
	f, err := os.Open(dump)
	if err != nil {
		return nil
	}
	defer f.Close()
	head, _ := io.ReadAll(io.LimitReader(f, 64))
	m := dumpHead.FindSubmatch(head)
	if m == nil || !needsAnother.MatchString(said.Error()) {
		return nil
	}
	writer := "a newer server"
	if m[1] != nil {
		writer = fmt.Sprintf("%s %s", m[1], m[2])
	}
	reader := s.Program
	if s.Kind == Container {
		reader = s.Image
	}
	words, _, _ := strings.Cut(plain(said), "; ")
	words = strings.TrimPrefix(words, plain(ErrDump)+": ")
	return fmt.Errorf("%w: %s wrote it, and %s says %q: put that server or a newer one on PATH, "+
		"or name its image in WORDCOUNT_REDIS_IMAGE; or move %s away to start from nothing", ErrDump, writer, reader, words, dump)
}
