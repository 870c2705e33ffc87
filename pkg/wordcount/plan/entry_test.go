package plan

import (
	"reflect"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestASplitCanBeReadFromItsEntry(t *testing.T) {
	t.Parallel()
	split := Split{File: input.File{Path: "/a b\n", Size: 10, MTime: 1}, Off: 2, Len: 5}
	for range 3 {
		got, err := ParseEntry(split.entry())
		check.Must(t, err)
		if !reflect.DeepEqual(got, split) {
			t.Errorf("%v became %v", split, got)
		}
		split.More = append(split.More, input.File{Path: "s3://bucket/a b", Size: 3, MTime: 1, ETag: "abc-2"})
		split.More = append(split.More, input.File{Path: "/\xff", Size: int64(len(split.More)), MTime: -3, Inode: ^uint64(len(split.More))})
	}
	frames := Split{File: input.File{Path: "s3://bucket/a b", Size: 10, MTime: 1, ETag: "abc"}, Off: 2, Len: 5, Frames: true}
	if got, err := ParseEntry(frames.entry()); err != nil || !reflect.DeepEqual(got, frames) {
		t.Errorf("%v became %v, %v", frames, got, err)
	}
	for paths, numbers := range map[string]string{
		"/a": "0 1 1 5 0", "/a\x00/b": "0 1 1 5 0 -", "/b": "0 1 1 5 0 - 0 1 1 5 0 -", "/c": "0 1 x 5 0 -", "/d": "0 1 1 5 -1 -",
		"/no number": "0 1 1 5 gzip -", "/long": "0 3 2 5 0 -", "/behind": "3 0 2 5 0 -", "/negative": "-1 1 2 5 0 -",
		"/a\x00/frames": "0 1 1 5 0 - 0 1 1 5 0 - frames", "/twice": "0 1 1 5 0 - frames frames", "/other": "0 1 1 5 0 - members",
		"/of a file": "0 1 1 5 0 abc", "s3://bucket/key": "0 1 1 5 0 -",
	} {
		if got, err := ParseEntry(protocol.Entry{Paths: paths, Numbers: numbers}); err == nil {
			t.Errorf("%q and %q are %v", paths, numbers, got)
		}
	}
}
