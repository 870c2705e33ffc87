package targets_test

import (
	"os"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault68AFullStandardOutputIsSaidAndExits1(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	check.Must(t, err)
	t.Cleanup(func() { full.Close() })
	f := newFolder(t)
	f.texts(1)
	f.exits(0, "run")
	for _, args := range append(printing, []string{"export", "-out=/dev/stdout"}) {
		contains(t, f.startInto(full, args...).exits(1).err, "can't write to standard output: no space left on device")
	}
}
