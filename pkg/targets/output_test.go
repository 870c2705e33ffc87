package targets_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// printing are commands that print a result of a folder with a sealed job.
var printing = [][]string{{"export"}, {"export", "-partial"}, {"top"}, {"status"}, {"status", "-json"}, {"env"}, {"verify"}, {"run"}}

func TestFault68APrinterWhoseReaderHasLeftEndsSilentlyAndNotWith0(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")
	for _, args := range printing {
		r := f.startInto(goneReader(t), args...).exits(141)
		lacks(t, r.err, "Error")
		lacks(t, r.err, "pipe")
	}
}

// goneReader is the end of a pipe that nobody reads.
func goneReader(t *testing.T) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	check.Must(t, err)
	check.Must(t, reader.Close())
	t.Cleanup(func() { writer.Close() })
	return writer
}

// startInto starts a command with another standard output than the test's.
func (f *folder) startInto(out *os.File, args ...string) *process {
	f.Helper()
	cmd := exec.Command(f.program, args...)
	cmd.Stdout = out
	return f.startCommand(cmd)
}

func TestFault68ADemoWhoseReaderHasLeftLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	f.set("WORDCOUNT_REDIS_KIND", "process")
	contains(t, f.startInto(goneReader(t), "demo").exits(141).err, "can't write to standard output: its reader has left")
	f.demoIsGone() // and allGone looks for processes
}
