package plan

import (
	"crypto/sha256"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Trust tells a worker which files it may open. It comes from the process that started the worker,
// because anybody may have written what Redis says of a task. The worker opens nothing else.
//
// In the folder that planned the job, a worker has a digest of each task: what it was told must be
// what was planned, to the last byte. A worker that joined from elsewhere has no plan. It is told
// which inputs it may read.
//
// Paths are bytes, because JSON changes a path that is not UTF-8.
type Trust struct {
	Tasks  []byte   // the path of the digests that state.Folder.Trust wrote; if empty, Roots count
	Roots  [][]byte // inputs that may be read, but not through links to folders
	Except []byte   // a folder below Roots that may not be read: the state folder

	// Joined says that the files of this host may differ from the job's. So nothing that is wrong
	// with them, and no right that it lacks in S3, can bury a task: the worker gives the task back and
	// ends, and the workers of the folder that planned the job decide.
	Joined bool
}

// TrustIn allows to read what is in inputs, but not in the state folder.
func TrustIn(inputs []string, state string) Trust {
	t := Trust{Except: []byte(state)}
	for _, name := range inputs {
		t.Roots = append(t.Roots, []byte(name))
	}
	return t
}

// ErrForeign reports that this host has other files than the job's, or may not read them.
var ErrForeign = fmt.Errorf("%w: this host's files are not the job's", protocol.ErrInput)

// ErrOutside reports that a job counts files outside the Roots of the worker that joined it. The
// worker may not read them. It wraps ErrForeign.
var ErrOutside = fmt.Errorf("%w", ErrForeign)

// Digest stands for everything that a task says.
type Digest [16]byte

// DigestOf is the digest of an entry.
func DigestOf(e protocol.Entry) (d Digest) {
	// No path is empty, so two zero bytes end the paths.
	sum := sha256.Sum256([]byte(e.Paths + "\x00\x00" + e.Numbers))
	copy(d[:], sum[:])
	return d
}

// Digests are the digests of all tasks, one after the other.
func Digests(splits []Split) []byte {
	all := make([]byte, 0, len(splits)*len(Digest{}))
	for _, s := range splits {
		d := DigestOf(s.entry())
		all = append(all, d[:]...)
	}
	return all
}
