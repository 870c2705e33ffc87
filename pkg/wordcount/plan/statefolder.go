package plan

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// isState reports whether a folder holds the state of jobs. Such a folder contains passwords, and
// changes while jobs run. It may have any name, so its contents decide: a server that was started
// there, or jobs and the name of the last one.
func isState(dir string) bool {
	mode := func(name string) os.FileMode {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			return os.ModeIrregular
		}
		return info.Mode()
	}
	there := func(name string) bool { return mode(name)&os.ModeIrregular == 0 }
	if mode("redis").IsDir() && (there("redis/server.json") || there("redis/password") && there("redis/lock")) {
		return true
	}
	return mode("last").IsRegular() && mode("jobs").IsDir() && namesJob(filepath.Join(dir, "last"))
}

// namesJob reports whether the first line of a file is the name of a job.
func namesJob(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	line := make([]byte, 17) // the name and a newline
	n, _ := io.ReadFull(file, line)
	name, ok := strings.CutSuffix(string(line[:n]), "\n")
	return ok && protocol.CheckID(name) == nil
}
