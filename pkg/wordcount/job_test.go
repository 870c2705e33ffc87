package wordcount

import (
	"fmt"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestARunIsExactInBothModes(t *testing.T) {
	for _, o := range []plan.Options{{Split: 100, Reducers: 3}, {}, {Direct: true}} {
		t.Run(fmt.Sprintf("split %d reducers %d", o.Split, o.Reducers), func(t *testing.T) {
			t.Parallel()
			newRig(t, check.Texts(20, 30)).exact(o)
		})
	}
}
