package shuffle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// A victim is a small map output that a test damages.
type victim struct {
	Run
	path    string
	content []byte
}

const victimParts = 3

func newVictim(tb testing.TB) victim {
	tb.Helper()
	r, dir := prepared(tb)
	// One of the segments is empty.
	put(tb, r, aName, victimParts, numbered(20), counts{"alone": 1})
	path := filepath.Join(dir, aName)
	content, err := os.ReadFile(path)
	check.Must(tb, err)
	return victim{r, path, content}
}

// with reads all of the map output as it is with another content.
func (v victim) with(tb testing.TB, content []byte) error {
	tb.Helper()
	check.Must(tb, os.WriteFile(v.path, content, 0o600))
	_, err := get(v.Run, aName, victimParts)
	return err
}

func TestFault73EveryBitOfAMapOutputMatters(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	check.Must(t, v.with(t, v.content))
	for i := range v.content {
		for bit := range 8 {
			damaged := bytes.Clone(v.content)
			damaged[i] ^= 1 << bit
			if err := v.with(t, damaged); !errors.Is(err, ErrLost) {
				t.Fatalf("bit %d of byte %d of %d: %v", bit, i, len(damaged), err)
			}
		}
	}
}

func TestFault73EveryByteOfAMapOutputMatters(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for n := range v.content {
		isLost(t, v.with(t, v.content[:n]))
		isLost(t, v.with(t, v.content[n+1:]))
		isLost(t, v.with(t, append(bytes.Clone(v.content[:n]), v.content[n+1:]...)))
		isLost(t, v.with(t, append(append(bytes.Clone(v.content[:n]), 0), v.content[n:]...)))
		zeroed := append(bytes.Clone(v.content[:n]), make([]byte, len(v.content)-n)...)
		isLost(t, v.with(t, zeroed))
	}
	isLost(t, v.with(t, append(bytes.Clone(v.content), 0)))
	isLost(t, v.with(t, append(bytes.Clone(v.content), v.content...)))
}

func TestFault73AFileOfZerosIsNoMapOutput(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for _, n := range []int{0, 1, int(headerSize + tailSize), len(v.content), 1 << 20} {
		isLost(t, v.with(t, make([]byte, n)))
	}
}

func TestFault73AMapOutputInThePlaceOfAnotherIsLost(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for what, other := range map[string]struct {
		job, run, name string
		partitions     int
	}{
		"another name":             {aJob, aRun, anotherName, victimParts},
		"another run":              {aJob, anotherRun, aName, victimParts},
		"another job":              {anotherJob, aRun, aName, victimParts},
		"another number of parts":  {aJob, aRun, anotherName, victimParts + 1},
		"a multiple of that":       {aJob, aRun, anotherName, 2 * victimParts},
		"the same name, elsewhere": {anotherJob, anotherRun, aName, victimParts},
	} {
		t.Run(what, func(t *testing.T) {
			s, dir := shared(t)
			r := runOf(t, s, other.job, other.run)
			check.Must(t, r.Prepare())
			put(t, r, other.name, other.partitions, numbered(20))
			swapped, err := os.ReadFile(filepath.Join(dir, other.job, other.run, "map", other.name))
			check.Must(t, err)
			isLost(t, v.with(t, swapped))
		})
	}
}

// sealed is a map output with right checksums over any segments and footer.
func sealed(segments, footer []byte) []byte {
	header := identity{aJob, aRun, aName, victimParts}.header()
	return bytes.Join([][]byte{header, segments, footer, tail(header, footer)}, nil)
}

// summed puts a right checksum behind a tail that was changed.
func (v victim) summed(change func(content []byte)) []byte {
	content := bytes.Clone(v.content)
	change(content)
	end := int64(len(content)) - tailSize
	footer := v.footer(content)
	binary.LittleEndian.PutUint64(content[end:], indexSum(content[:headerSize], footer))
	return content
}

func (v victim) footer(content []byte) []byte {
	end := int64(len(v.content)) - tailSize
	return content[end-2*victimParts*entrySize : end]
}

func TestFault73AnotherVersionIsLost(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	newer := v.summed(func(c []byte) { c[len(startMagic)] = Version + 1 })
	isLost(t, v.with(t, newer), "version 2")
}

func TestFault73AFooterThatClaimsTooMuchIsNotBelieved(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for _, claim := range []uint64{1 << 60, 1<<64 - 1, 1<<64 - entrySize, 1 << 63, uint64(len(v.content)), entrySize, entrySize * victimParts * MaxSpills, entrySize * victimParts * (MaxSpills + 1), 1} {
		claims := v.summed(func(c []byte) { binary.LittleEndian.PutUint64(c[len(c)-16:], claim) })
		isLost(t, v.with(t, claims), "footer")
	}
	// With all the bytes that it claims, it is one spill too long.
	isLost(t, v.with(t, sealed(nil, make([]byte, entrySize*victimParts*(MaxSpills+1)))), "footer")
}

func TestFault73AFooterThatContradictsItselfIsNotBelieved(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	const length, words, tokens, sum = 0, 8, 16, 24
	for what, change := range map[string]func(footer []byte){
		"a length of 2^60":        func(f []byte) { binary.LittleEndian.PutUint64(f[length:], 1<<60) },
		"a length of 2^64-1":      func(f []byte) { binary.LittleEndian.PutUint64(f[length:], 1<<64-1) },
		"a segment too short":     func(f []byte) { f[length]-- },
		"more words than bytes":   func(f []byte) { f[words+5] = 1 },
		"no words":                func(f []byte) { clear(f[words:tokens]) },
		"another number of words": func(f []byte) { f[words]-- },
		"other tokens":            func(f []byte) { f[tokens]++ },
		"another checksum":        func(f []byte) { f[sum]++ },
		"two changed places":      func(f []byte) { swap(f[:entrySize], f[entrySize:2*entrySize]) },
	} {
		isLostAs(t, what, v.with(t, v.summed(func(c []byte) { change(v.footer(c)) })))
	}
	// What is claimed of a segment without bytes.
	for what, change := range map[string]func(footer []byte){
		"words":    func(f []byte) { f[words] = 1 },
		"tokens":   func(f []byte) { f[tokens] = 1 },
		"checksum": func(f []byte) { f[sum]++ },
	} {
		footer := bytes.Clone(emptyFooter())
		check.Must(t, v.with(t, sealed(nil, footer)))
		change(footer[entrySize:])
		isLostAs(t, what, v.with(t, sealed(nil, footer)))
	}
}

func isLostAs(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, ErrLost) {
		t.Errorf("%s: %v", what, err)
	}
}

// emptyFooter is that of a spill without a word.
func emptyFooter() (footer []byte) {
	for p := range victimParts {
		footer = entry{sum: segmentSum(0, p).Sum64()}.append(footer)
	}
	return footer
}

func swap(a, b []byte) {
	c := bytes.Clone(a)
	copy(a, b)
	copy(b, c)
}

// Counts that are moved from a partition to another one add up to the right tokens.
func TestFault73ASegmentInThePlaceOfAnotherIsLost(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	segment := []byte("\x01\x01\x02to\x01")
	sum := func(spill, partition int) uint64 {
		d := segmentSum(spill, partition)
		d.Write(segment)
		return d.Sum64()
	}
	at := func(sums ...uint64) (segments, footer []byte) {
		for _, s := range sums {
			segments = append(segments, segment...)
			footer = entry{length: uint64(len(segment)), words: 1, tokens: 1, sum: s}.append(footer)
		}
		return segments, footer
	}
	read := func(sums ...uint64) error {
		check.Must(t, os.WriteFile(v.path, sealed(at(sums...)), 0o600))
		out, err := v.Open(aName, victimParts)
		check.Must(t, err)
		defer out.Close()
		var reader Reader
		for p := range victimParts {
			for _, err := range reader.Partition(out, p) {
				if err != nil {
					return err
				}
			}
		}
		return nil
	}
	check.Must(t, read(sum(0, 0), sum(0, 1), sum(0, 2)))
	isLost(t, read(sum(0, 1), sum(0, 0), sum(0, 2)), "checksum", "partition 0 of spill 0")
	isLost(t, read(sum(0, 0), sum(0, 1), sum(1, 2)), "checksum", "partition 2 of spill 0")
	isLost(t, read(sum(0, 0), xxhash.Sum64(segment), sum(0, 2)), "checksum", "partition 1 of spill 0")
}

func TestFault73ASegmentThatIsNoBlobIsLost(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for _, blob := range []string{"no blob", "\x01\x01\x02to\x00", "\x01\x02\x02to\x01", "\x01\x01\x02to\x01\x00"} {
		d := segmentSum(0, 0)
		io.WriteString(d, blob)
		footer := entry{length: uint64(len(blob)), words: 1, tokens: 1, sum: d.Sum64()}.append(nil)
		footer = append(footer, emptyFooter()[entrySize:]...)
		isLost(t, v.with(t, sealed([]byte(blob), footer)), "words are wrong")
	}
}

func TestFault73AMapOutputThatVanishesWhileItIsOpen(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		vanish func(path string) error
		says   string // empty: what is open stays whole
	}{
		"deleted": {os.Remove, ""},
		"emptied": {func(path string) error { return os.Truncate(path, 0) }, "shorter"},
		"cut":     {func(path string) error { return os.Truncate(path, headerSize+100) }, "shorter"},
		"filled with zeros": {func(path string) error {
			info, err := os.Stat(path)
			return errors.Join(err, os.WriteFile(path, make([]byte, info.Size()), 0o600))
		}, "checksum"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, dir := prepared(t)
			words := numbered(10_000)
			put(t, r, aName, 4, words)
			out, err := r.Open(aName, 4)
			check.Must(t, err)
			defer out.Close()
			check.Must(t, c.vanish(filepath.Join(dir, aName)))
			got, err := getAll(r, out, 4)
			if c.says == "" {
				check.Must(t, err)
				same(t, got, words)
				check.Must(t, out.Close())
				_, err = getAll(r, out, 4)
				c.says = "not there"
			}
			isLost(t, err, c.says)
		})
	}
}

func TestAnOutputThatWasClosedIsReadAgain(t *testing.T) {
	t.Parallel()
	anOutputThatWasClosedIsReadAgain(t, prepared)
}

func anOutputThatWasClosedIsReadAgain(t *testing.T, prepared maker) {
	r, dir := prepared(t)
	put(t, r, aName, 4, numbered(100), numbered(50))
	put(t, r, anotherName, 4, numbered(100), numbered(50))
	out, err := r.Open(aName, 4)
	check.Must(t, err)
	for range 2 {
		check.Must(t, out.Close())
		_, err = getAll(r, out, 4)
		check.Must(t, err)
	}
	check.Must(t, out.Close())
	// A file that takes its place meanwhile has other checksums than those that are known.
	check.Must(t, os.Rename(filepath.Join(dir, anotherName), filepath.Join(dir, aName)))
	_, err = getAll(r, out, 4)
	isLost(t, err)
}

func TestASegmentThatIsNotThereIsNoLoss(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	out, err := v.Open(aName, victimParts)
	check.Must(t, err)
	defer out.Close()
	var reader Reader
	for _, at := range [][2]int{{2, 0}, {-1, 0}, {0, victimParts}, {0, -1}} {
		steps := 0
		for _, err := range reader.Segment(out, at[0], at[1]) {
			steps++
			if err == nil || errors.Is(err, ErrLost) || errors.Is(err, ErrHost) || !strings.Contains(err.Error(), aName) {
				t.Errorf("spill %d, partition %d: %v", at[0], at[1], err)
			}
		}
		if steps != 1 {
			t.Errorf("spill %d, partition %d: %d steps", at[0], at[1], steps)
		}
	}
}
