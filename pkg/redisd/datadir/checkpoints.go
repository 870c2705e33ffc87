package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

const (
	dumpFile    = "dump.rdb"
	checkpoints = "checkpoints" // folder of those that are kept

	// keepCheckpoints is how many are kept, including the one in dump.rdb.
	keepCheckpoints = 3

	stampFormat = "20060102T150405.000000Z" // sorts by time
)

func stamp() string { return time.Now().UTC().Format(stampFormat) }

// Keep keeps the checkpoint that was just completed, beside the last few. Its name says when it was
// kept, and the label what for. It copies nothing: BGSAVE writes a new file each time and never
// changes an old one, so a hard link is enough.
func (d Dir) Keep(label string) error {
	if err := os.MkdirAll(d.Path(checkpoints), 0o700); err != nil {
		return fmt.Errorf("redisd: keep checkpoint: %w", err)
	}
	if err := d.CloseDump(); err != nil {
		return fmt.Errorf("redisd: keep checkpoint: %w", err)
	}
	err := os.Link(d.Path(dumpFile), d.Path(checkpoints, stamp()+"-"+label+".rdb"))
	if err != nil && !errors.Is(err, fs.ErrExist) { // two that waited for one checkpoint may keep it at once
		return fmt.Errorf("redisd: keep checkpoint: %w", err)
	}
	kept, err := d.Kept()
	if err != nil {
		return err
	}
	for _, path := range kept[min(len(kept), keepCheckpoints):] {
		if removed := os.Remove(path); !errors.Is(removed, fs.ErrNotExist) { // two may remove one at once
			err = host.Also(err, removed)
		}
	}
	return err
}

// CloseDump closes the dump to other users: a server in a container has a umask of its own.
func (d Dir) CloseDump() error { return os.Chmod(d.Path(dumpFile), 0o600) }

// Kept lists the checkpoints that are kept, the newest first.
func (d Dir) Kept() ([]string, error) {
	paths, err := host.List(d.Path(checkpoints), "*.rdb")
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	slices.Reverse(paths)
	return paths, nil
}

// Rollback puts the oldest kept checkpoint in the place of the last one. If none is kept, the
// server will start from nothing, which is older still.
func (d Dir) Rollback() error {
	if err := os.Remove(d.Path(dumpFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for {
		kept, err := d.Kept()
		if err != nil || len(kept) == 0 {
			return err
		}
		err = os.Link(kept[len(kept)-1], d.Path(dumpFile))
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Another process kept a newer checkpoint meanwhile, and so removed the oldest.
	}
}

// Corrupt flips a bit in the middle of the last checkpoint, as a failing disk would. A kept
// checkpoint that is the same file is damaged with it.
func (d Dir) Corrupt() error {
	text, err := os.ReadFile(d.Path(dumpFile))
	if err != nil || len(text) == 0 {
		return host.Also(err, errors.New("no checkpoint to damage"))
	}
	text[len(text)/2] ^= 1
	return os.WriteFile(d.Path(dumpFile), text, 0o600)
}

// FallBack puts a damaged dump aside, and the newest kept checkpoint that is another file in its
// place. It returns the names of both; the second is "" if no checkpoint is left.
func (d Dir) FallBack() (aside, instead string, err error) {
	dump := d.Path(dumpFile)
	damaged, err := os.Stat(dump)
	if err != nil {
		return "", "", fmt.Errorf("it is gone: %w", err)
	}
	aside = dumpFile + ".damaged-" + stamp()
	if err := os.Rename(dump, d.Path(aside)); err != nil {
		return "", "", fmt.Errorf("it can't be put aside: %w", err)
	}
	kept, err := d.Kept()
	if err != nil {
		return "", "", err
	}
	for _, path := range kept {
		info, err := os.Stat(path)
		if err != nil {
			return "", "", err
		}
		if os.SameFile(info, damaged) {
			if err := os.Remove(path); err != nil { // the same file was put aside under its other name
				return "", "", err
			}
			continue
		}
		return aside, filepath.Base(path), os.Link(path, dump)
	}
	return aside, "", nil
}

// LostDump reports whether the last checkpoint is gone although older ones are kept.
func (d Dir) LostDump() bool {
	_, err := os.Stat(d.Path(dumpFile))
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	kept, err := d.Kept()
	return err == nil && len(kept) > 0
}

// Sweep removes the files of checkpoints that were never finished.
func (d Dir) Sweep() error {
	files, err := host.List(string(d), "temp-*.rdb")
	for _, file := range files {
		err = host.Also(err, os.Remove(file))
	}
	return err
}

var (
	// A dump begins with its format. Most servers then write their own name and version.
	dumpHead = regexp.MustCompile(`(?s)^(?:REDIS|VALKEY)\d{3,4}(?:..(redis|valkey)-ver.([\d.]+))?`)

	// What a server says of a dump that is newer than the server, of another kind of server, or
	// needs a module.
	needsAnother = regexp.MustCompile(`format version|Wrong signature|module data`)
)

// Foreign names the server that wrote the dump, if the dump is sound but this server can't read it:
// a newer server wrote it, or another kind of server. It returns "" if the dump is damaged. said is
// why the server ended. Those words alone don't decide, because Redis says the same of a dump of
// Valkey 9 and of a file that is no dump.
func (d Dir) Foreign(said string) (writer string) {
	f, err := os.Open(d.Path(dumpFile))
	if err != nil {
		return ""
	}
	defer f.Close()
	head, _ := io.ReadAll(io.LimitReader(f, 64))
	m := dumpHead.FindSubmatch(head)
	switch {
	case m == nil || !needsAnother.MatchString(said):
		return ""
	case m[1] == nil:
		return "a newer server"
	}
	return fmt.Sprintf("%s %s", m[1], m[2])
}
