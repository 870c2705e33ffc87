package check

import (
	"context"
	"os/exec"
)

// PythonWithRedis is the python3 that has the module redis. That of the system, for which Debian
// has packages, may not be the first one on the PATH.
func PythonWithRedis(ctx context.Context) (program string, ok bool) {
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(ctx, program, "-c", "import redis").Run() == nil {
			return program, true
		}
	}
	return "", false
}
