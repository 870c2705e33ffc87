package datadir

import (
	"errors"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// dirOf is a server's folder with a record.
func dirOf(t *testing.T, r Record) Dir {
	t.Helper()
	d := Dir(t.TempDir())
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	if r.Name == "" {
		var err error
		if r.Name, err = d.ServerName("redis"); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Save(r); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestARecordIsReadAsItWasSaved(t *testing.T) {
	saved := Record{Kind: Process, Addr: host.Loopback(12345), Version: "redis 7.4.1", Pid: 4711}
	d := dirOf(t, saved)
	r, err := d.Load()
	if err != nil {
		t.Fatal(err)
	}
	if saved.Name = r.Name; r != saved {
		t.Errorf("loaded %+v, saved %+v", r, saved)
	}
	if err := d.Forget(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Load(); !errors.Is(err, ErrNone) {
		t.Errorf("after Forget: %v", err)
	}
}

// A server keeps the name under which it was first started, even if another program opens its
// folder.
func TestAServersNameBelongsToOneFolderAndIsSafeInACommandLine(t *testing.T) {
	d := Dir(t.TempDir())
	own, err := d.ServerName("other-program")
	if err != nil {
		t.Fatal(err)
	}
	suffix := strings.TrimPrefix(own, "other-program")
	for name, taken := range map[string]bool{
		own:                         true,
		"redis-0123456789ab":        false,
		suffix:                      false,
		"../../run/x" + suffix:      false,
		"--privileged" + suffix:     false,
		"a b" + suffix:              false,
		"redis\n" + suffix:          false,
		own + "-and-something else": false,
	} {
		if err := d.Save(Record{Kind: Process, Addr: host.Loopback(12345), Name: name}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Load(); (err == nil) != taken || err != nil && !errors.Is(err, ErrNone) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	for _, prefix := range []string{"", "../x", "-rm", "a b"} {
		if name, err := d.ServerName(prefix); err == nil {
			t.Errorf("%q names a server %q", prefix, name)
		}
	}
}
