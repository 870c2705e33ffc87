package targets_test

import (
	"os"
	"testing"

	"github.com/magereduce/magereduce/pkg/chaos"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestTheDiskThatIsFilledIsOneOfAJobOfItsOwn(t *testing.T) {
	t.Parallel()
	disk, err := chaos.NewDisk()
	if err != nil {
		t.Skip("only root can have a small disk")
	}
	check.Must(t, disk.Close())
	f := newFolder(t)
	r := f.exits(0, "chaos:fillShuffle")
	contains(t, r.err, "starting a job with a small disk of its own")
	contains(t, r.err, "! workers wait, and try again: ")
	contains(t, r.err, "no space left on device")
	contains(t, r.out, "filled the disk of the map outputs for ")
	contains(t, r.out, "exact: ")
}

func TestWhereNoDiskCanBeFilledThatIsSaid(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	if os.Geteuid() == 0 {
		f.becomeNobody()
	}
	contains(t, f.exits(2, "chaos:fillShuffle").err, "fillShuffle fills only a small disk of its own, and only root can have one")
}
