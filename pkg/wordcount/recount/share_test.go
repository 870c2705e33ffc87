package recount

import (
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestAShareIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	if s, err := ParseShare("3/16"); s != (Share{3, 16}) || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	for _, wrong := range []string{"", "1", "1/", "/2", "0/2", "3/2", "1/16a", "1/2/3", "a/2", "1/-2"} {
		_, err := ParseShare(wrong)
		check.IsError(t, err, protocol.ErrInput, "write one as 1/16")
	}
}
