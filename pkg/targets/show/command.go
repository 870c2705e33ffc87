package show

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/magefile/mage/mg"
)

// Typed returns advice in which {mage} is replaced by what people type to run a target of this
// program.
func Typed(advice string) string {
	if !strings.Contains(advice, "{mage}") {
		return advice
	}
	return strings.ReplaceAll(advice, "{mage}", called(os.Args[0]))
}

// called returns how people called this program file. Mage runs a program from its cache. Most
// people haven't installed Mage, and call it by the go command.
func called(program string) string {
	if filepath.Dir(program) != filepath.Clean(mg.CacheDir()) {
		return Printable(program)
	}
	if _, err := exec.LookPath("mage"); err == nil {
		return "mage"
	}
	return "go tool mage"
}
