package claim

import (
	"errors"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/redis/go-redis/v9"
)

func TestFault62ATaskThatNoPlanHasIsRefusedAsItIsRead(t *testing.T) {
	t.Parallel()
	fine := plan.Split{File: input.File{Path: "/a", Size: 10, MTime: 1}, Off: 2, Len: 8, More: []input.File{{Path: "/b", Size: 3, MTime: 1}}}
	if _, err := plan.ParseEntry(plan.Entries([]plan.Split{fine})[0]); err != nil {
		t.Error(err)
	}
	for what, entry := range map[string][2]string{
		"a negative offset":       {"/a", "-1 1 1 1 0 -"},
		"a negative length":       {"/a", "0 -1 1 1 0 -"},
		"a negative size":         {"/a", "0 0 -1 1 0 -"},
		"an offset behind it all": {"/a", "2 0 1 1 0 -"},
		"more than there is":      {"/a", "1 10 10 1 0 -"},
		"an overflow":             {"/a", "9223372036854775807 9223372036854775807 9223372036854775807 1 0 -"},
		"a part among others":     {"/a\x00/b", "0 1 1 1 0 - 0 1 2 1 0 -"},
		"an object of no version": {"s3://bucket/a", "0 1 1 1 0 -"},
		"a file with a version":   {"/a", "0 1 1 1 0 abc"},
	} {
		if s, err := plan.ParseEntry(protocol.Entry{Paths: entry[0], Numbers: entry[1]}); err == nil {
			t.Errorf("%s: %+v", what, s)
		}
		_, err := parseTask("map", redis.XMessage{ID: "1-0", Values: map[string]any{"path": entry[0], "split": entry[1]}})
		if !errors.Is(err, protocol.ErrState) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
