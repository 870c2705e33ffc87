package failure

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/targets/show"
)

func TestAdviceIsAddedOnceAndTheErrorStaysWhatItIs(t *testing.T) {
	for _, a := range advices {
		words := show.Typed(a.words)
		err := fmt.Errorf("do something: %w", a.of)
		for range 2 { // a step and its target both give an error its status
			err = Explain(t.Context(), err)
		}
		if status, ok := any(err).(interface{ ExitStatus() int }); ok && status.ExitStatus() != mg.ExitStatus(err) || !ok && mg.ExitStatus(err) != 1 {
			t.Errorf("%v has status %d, which Mage doesn't see", err, mg.ExitStatus(err))
		}
		if !errors.Is(err, a.of) || strings.Count(err.Error(), words) != 1 || !strings.HasSuffix(err.Error(), ": "+words) {
			t.Errorf("%v says %q", a.of, err)
		}
	}
	if err := errors.New("anything else"); !errors.Is(err, advised(err)) {
		t.Errorf("%v", advised(err))
	}
}
