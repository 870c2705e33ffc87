package state

import (
	"errors"
	"io/fs"
	"os"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Run returns the nonce of the run that this folder works on. The first time there is none; then
// known is false, and the nonce is a new one.
func (f Folder) Run(job string) (run string, known bool, err error) {
	data, err := os.ReadFile(f.path(job, "run"))
	if errors.Is(err, fs.ErrNotExist) {
		return protocol.NewNonce(), false, nil
	}
	return string(data), true, err
}

// SetRun records the run that this folder works on.
func (f Folder) SetRun(job, run string) error { return write(f.path(job, "run"), []byte(run)) }
