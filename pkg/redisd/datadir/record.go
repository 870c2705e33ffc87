package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"regexp"
	"time"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

const recordFile = "server.json"

// ErrNone says that the folder has no server.
var ErrNone = errors.New("redisd: no server in this folder yet")

// Kind is a way to get a server.
type Kind string

// The kinds of servers that a record may name.
const (
	Container   Kind = "container"   // in docker or podman
	Process     Kind = "process"     // from a program on PATH
	Provisioned Kind = "provisioned" // from the distribution's packages in the user's cache
)

// rootMayListen are the kinds that a record may name. The value says whether root may hold the
// listener: the port of a container may belong to its engine, which often is root's.
var rootMayListen = map[Kind]bool{Container: true, Process: false, Provisioned: false}

// Record is what the folder remembers of its server. Another process can start the same server
// again from it.
type Record struct {
	Kind    Kind      `json:"kind"`
	Addr    string    `json:"addr"`              // the path of a socket, or host:port
	Version string    `json:"version,omitempty"` // as "redis 7.4.1"
	Pid     int       `json:"pid,omitempty"`     // of the process
	Started time.Time `json:"started"`           // the last time
	Name    string    `json:"name"`              // of the container, and in the titles of processes
}

// RootMayListen reports whether the server's listener may be root's rather than this user's.
func (r Record) RootMayListen() bool { return rootMayListen[r.Kind] }

// Load reads the folder's record. Somebody else may have prepared the folder, so a record holds
// nothing that decides what runs.
func (d Dir) Load() (Record, error) {
	suffix, err := d.nameSuffix()
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, ErrNone
	}
	if err == nil {
		err = host.Private(string(d), host.Writable)
	}
	if err != nil {
		return Record{}, err
	}
	path := d.Path(recordFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, ErrNone
	}
	if err != nil {
		return Record{}, fmt.Errorf("redisd: %w", err)
	}
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return Record{}, fmt.Errorf("redisd: %s is damaged (%w): remove it", path, err)
	}
	if !isName(r.Name, suffix) {
		return Record{}, ErrNone
	}
	if err := r.validate(d); err != nil {
		return Record{}, fmt.Errorf("redisd: %s is damaged (%w): remove it", path, err)
	}
	return r, nil
}

var recordedVersion = regexp.MustCompile(`^(redis|valkey) \d[\w.-]*$`)

// validate checks what a record says, and corrects the path of a socket in a folder that was moved.
func (r *Record) validate(d Dir) error {
	if _, known := rootMayListen[r.Kind]; !known {
		return fmt.Errorf("there is no kind %q", r.Kind)
	}
	if r.Version != "" && !recordedVersion.MatchString(r.Version) {
		return fmt.Errorf("%q is no version", r.Version)
	}
	if r.Pid < 0 || r.Pid == 1 {
		return fmt.Errorf("process %d is no server", r.Pid)
	}
	if !host.OnTCP(r.Addr) {
		if !r.HasSocketFolder() {
			r.Addr = d.Path(SocketFile)
		}
		return nil
	}
	at, err := netip.ParseAddrPort(r.Addr)
	if err != nil || at.Port() == 0 || r.Addr != host.Loopback(int(at.Port())) {
		return fmt.Errorf("%q is no address of a server that was started here", r.Addr)
	}
	return nil
}

// Save writes the record, completely or not at all.
func (d Dir) Save(r Record) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return host.WriteFile(d.Path(recordFile), append(text, '\n'))
}

// Forget removes the record.
func (d Dir) Forget() error {
	err := os.Remove(d.Path(recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
