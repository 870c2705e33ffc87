package record

import (
	"slices"
	"testing"
)

// TestPortable finds marks, and reads JSON, without the assembly.
func TestPortable(t *testing.T) {
	defer func(was bool) { simd = was }(simd)
	simd = false
	t.Run("marks", TestTheNextMarkIsFoundFromAnywhereInATextOfSeveralParts)
	t.Run("rules", TestTheRulesOfTheDocumentation)
	t.Run("windows", TestNeitherTheWindowNorTheCutsChangeWhatIsRead)
	t.Run("differs", TestARecordThatDiffersInOneCharacterFromTheOneBeforeIsReadAsEncodingJSONReadsIt)
}

// FuzzMarks compares the kernel with its specification.
func FuzzMarks(f *testing.F) {
	if !simd {
		f.Skip("no assembly")
	}
	f.Add([]byte(`{"a":"b\"c"}` + "\n\x00\x1f \x7f\x80\x9f\xa2\xdc\xff"))
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	f.Add(every)
	f.Fuzz(func(t *testing.T, text []byte) {
		blocks := len(text)/64 + 1
		text = append(text, make([]byte, 64)...)
		got, want := make([]uint64, blocks), make([]uint64, blocks)
		mark(text, got)
		markGo(text, want)
		if !slices.Equal(got, want) {
			t.Fatalf("%x, want %x", got, want)
		}
		for i, c := range text[:64*blocks] {
			if is := want[i/64]>>(i%64)&1 == 1; is != (c == '"' || c == '\\' || c < ' ') {
				t.Fatalf("%#x is marked: %v", c, is)
			}
		}
	})
}
