package s3

import (
	"testing"
	"time"
)

// SetSilence changes how long a body may stand still, until the test ends.
func SetSilence(tb testing.TB, d time.Duration) {
	before := silence
	silence = d
	tb.Cleanup(func() { silence = before })
}
