package targets

import (
	"cmp"
	"context"

	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/show"
)

// Config says what to count, and how. The zero value of a field means its default, so
// Config{Inputs: []string{"texts"}} is complete.
//
// An environment variable wins over its field. So the person who runs a magefile can say where
// Redis is, or how many workers there are. With AsIs, variables change nothing.
//
// Targets on the command line, and the commands that errors advise, know the variables and the
// state folder ".wordcount". They don't know a Config, so use Result to read the words of its job.
type Config = config.Config // its fields are described there

// Env shows every option: its value, and where that comes from
func Env(ctx context.Context) error {
	c, wrong := config.UnderVariables(Config{})
	// The table is printed even if a variable is wrong.
	return outcome(ctx, cmp.Or(config.PrintEnv(&show.Out, c), wrong))
}
