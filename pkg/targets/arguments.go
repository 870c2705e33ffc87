package targets

import (
	"context"

	"github.com/magereduce/magereduce/pkg/targets/arguments"
	"github.com/magereduce/magereduce/pkg/targets/failure"
)

// CheckArguments refuses the arguments of a program if one is neither a target nor a flag of the
// target before it. Mage itself notices that only after it has run the targets before that. A
// magefile whose targets have neither aliases nor arguments without a name can call it:
//
//	func init() {
//		if err := targets.CheckArguments(os.Args[1:]); err != nil { … }
//	}
//
// The error wraps wordcount.ErrInput.
func CheckArguments(args []string) error {
	return failure.Explain(context.Background(), arguments.Check(args))
}
