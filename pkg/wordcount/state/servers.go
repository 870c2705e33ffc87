package state

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Servers lists the servers that may have keys of a job, as AddServer recorded them. The list is
// empty if an older build ran the job.
func (f Folder) Servers(job string) ([]string, error) {
	text, err := os.ReadFile(f.path(job, "servers"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return slices.Collect(strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == '\n' })), err
}

// AddServer records that a server may have keys of a job. The text is one line. The caller chooses
// it, and it must not hold a password.
func (f Folder) AddServer(job, server string) error {
	known, err := f.Servers(job)
	if err != nil || slices.Contains(known, server) {
		return err
	}
	return f.SetServers(job, append(known, server))
}

// SetServers records which servers may have keys of a job.
func (f Folder) SetServers(job string, servers []string) error {
	return write(f.path(job, "servers"), []byte(strings.Join(servers, "\n")+"\n"))
}
