package plan

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
)

func TestSplitsOfAPlanCoverEachFileOnce(t *testing.T) {
	t.Parallel()
	m := Manifest{Files: []input.File{{Path: "/a", Size: 25, MTime: 1}, {Path: "/empty", Size: 0, MTime: 1}, {Path: "/b", Size: 10, MTime: 1}}, Bytes: 35}
	for split, want := range map[int64]int{10: 5, 25: 3, 1: 36, 1000: 3, 0: 3} {
		covered := map[string]int64{}
		splits := New(m, Options{Split: split, WholeFiles: split == 0, Reducers: 1}).Splits()
		for _, s := range splits {
			if s.Off != covered[s.Path] {
				t.Errorf("split %d: %s goes on at %d after %d", split, s.Path, s.Off, covered[s.Path])
			}
			covered[s.Path] += s.Len
		}
		if len(splits) != want || covered["/a"] != 25 || covered["/b"] != 10 {
			t.Errorf("split %d: %d splits, want %d; %v", split, len(splits), want, covered)
		}
	}
}

func TestACompressedFileIsOneSplit(t *testing.T) {
	t.Parallel()
	zipped := input.File{Path: "/b", Size: 100, MTime: 1, Whole: true}
	m := Manifest{Files: []input.File{{Path: "/a", Size: 25, MTime: 1}, zipped, {Path: "/c", Size: 25, MTime: 1}}, Bytes: 150}
	splits := New(m, Options{Split: 10, Reducers: 1}).Splits()
	if len(splits) != 7 || splits[3].File != zipped || splits[3].Off != 0 || splits[3].Bytes() != 100 {
		t.Errorf("%v", splits)
	}
}

func TestSplitsOfFramesCoverTheirFileAndNoOtherFileGoesWithThem(t *testing.T) {
	t.Parallel()
	zst := input.File{Path: "/b", Size: 100, MTime: 1, Whole: true}
	m := Manifest{Files: []input.File{{Path: "/a", Size: 5, MTime: 1}, zst}, Cuts: map[string][]int64{"/b": {10, 11, 70}}, Bytes: 105}
	m.Files = append(m.Files, slices.Repeat([]input.File{{Path: "/c", Size: 1}}, 2*manySplits)...)
	splits := New(m, Options{Split: 10, Reducers: 1}).Splits()
	want := []Split{{File: zst, Len: 10}, {File: zst, Off: 10, Len: 1}, {File: zst, Off: 11, Len: 59}, {File: zst, Off: 70, Len: 30}}
	for i := range want {
		want[i].Frames = true
	}
	if !reflect.DeepEqual(splits[1:5], want) || len(splits[5].More) == 0 {
		t.Errorf("%v", splits[:6])
	}
}

func TestAFileOfAFormatThatCantBeCutIsOneSplit(t *testing.T) {
	t.Parallel()
	m := Manifest{Files: []input.File{{Path: "/a", Size: 25, MTime: 1}, {Path: "/b", Size: 9, MTime: 1}}, Bytes: 34}
	for field, want := range map[string]int{"": 4, "line": 4, "csv:1": 2, "csv-lines:1": 4, "jsonl:a": 4} {
		if splits := New(m, Options{Field: field, Split: 10, Reducers: 1}).Splits(); len(splits) != want {
			t.Errorf("%s: %v", field, splits)
		}
	}
}

func TestOfVeryManyFilesSmallOnesGoTogether(t *testing.T) {
	t.Parallel()
	var m Manifest
	for i := range 3 * manySplits {
		size := int64(i % 7)
		if i%1000 == 0 {
			size = smallFile + 1
		}
		m.Files = append(m.Files, input.File{Path: fmt.Sprintf("/%06d", i), Size: size, MTime: int64(i)})
	}
	for split, large := range map[int64]bool{0: true, 1 << 20: true, smallFile: false, 3: false} {
		splits := New(m, Options{Split: split, WholeFiles: split == 0, Reducers: 1}).Splits()
		var files []input.File
		covered := int64(0)
		for _, s := range splits {
			for part := range s.Ranges() {
				if part.Off == 0 {
					files, covered = append(files, part.File), 0
				}
				if part.Off != covered || part.File != files[len(files)-1] {
					t.Fatalf("split %d: %v at %d after %v to %d", split, part.File, part.Off, files[len(files)-1], covered)
				}
				if covered += part.Len; len(s.More) > 0 && (part.Len != part.Size || part.Size > smallFile) {
					t.Fatalf("split %d: %d bytes of %v are not alone", split, part.Len, part.File)
				}
			}
			if len(s.More) > 3 {
				t.Fatalf("split %d: %d files go together", split, 1+len(s.More))
			}
		}
		if !slices.Equal(files, m.Files) {
			t.Errorf("split %d: the splits have other files than the manifest", split)
		}
		if large && len(splits) > manySplits {
			t.Errorf("split %d: %d splits", split, len(splits))
		}
	}
}
