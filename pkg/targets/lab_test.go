package targets_test

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheLabTeachesALessonAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	r := f.exits(0, "lab", "-lesson=2")
	for _, says := range []string{"2. Count first, or acknowledge first?", "7 too many", "7 too few", "exact", "Each right way was exact"} {
		contains(t, r.out, says)
	}
	lacks(t, r.out, "3. ")
	f.labIsGone()
	contains(t, f.exits(2, "lab", "-lesson=8").err, "there is no lesson 8: the lessons are 1 to 7")
}

func TestALabThatIsInterruptedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f := bareFolder(t)
	p := f.start("lab")
	p.says("1. Who has which text?")
	p.signal(os.Interrupt)
	p.exits(130)
	f.labIsGone() // and allGone looks for processes
}

func (f *folder) labIsGone() {
	f.Helper()
	if _, err := os.Stat(filepath.Join(f.state(), "lab")); !os.IsNotExist(err) {
		f.Errorf("the lab has left something: %v", err)
	}
}
