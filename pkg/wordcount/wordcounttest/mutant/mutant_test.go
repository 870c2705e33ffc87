package mutant

import "testing"

func TestLinesThatAreNotInTheFileOnceAreRefused(t *testing.T) {
	const file = "one\ntwo\n\nthree\ntwo\n"
	for diff, want := range map[string]string{
		"-one\n+1\n":                 "1\ntwo\n\nthree\ntwo\n",
		" one\n two\n\n-three\n":     "one\ntwo\n\ntwo\n",
		"-one\n@@\n three\n+three\n": "two\n\nthree\nthree\ntwo\n",
		"-two\n":                     "", // twice
		"-ne\n+1\n":                  "", // no whole line
		"+four\n":                    "", // anywhere
	} {
		m, err := parse("guard: g\nfile: f\ntests: t\npackage: p\n\n" + diff)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Apply(file)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q makes %q (%v), want %q", diff, got, err, want)
		}
	}
	if _, err := parse("guard: g\nfile: f\n\n-x\n"); err == nil {
		t.Error("a header without tests is taken")
	}
}
