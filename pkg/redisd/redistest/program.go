package redistest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// programVariable is the absolute path of the server program for every test: a redis-server or a
// valkey-server, and the only one in its folder.
const programVariable = "REDISTEST_SERVER"

// The program's folder comes first on PATH, because tests also start servers in other ways than by
// Start.
func init() {
	program := os.Getenv(programVariable)
	if program == "" {
		return
	}
	dir, name := filepath.Split(program)
	var found []string
	for _, server := range []string{"redis-server", "valkey-server"} {
		if _, err := exec.LookPath(filepath.Join(dir, server)); err == nil {
			found = append(found, server)
		}
	}
	if !filepath.IsAbs(dir) || len(found) != 1 || found[0] != name {
		panic(fmt.Sprintf("%s=%s must be the absolute path of the only redis-server or valkey-server in its folder, which has %q",
			programVariable, program, found))
	}
	os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}
