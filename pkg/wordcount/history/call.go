package history

// Names of calls that are no function of the library.
const (
	Read    = "read"    // XREADGROUP: consumer, "new" or "own", how many at most, streams; the answer is a list of tasks
	Steal   = "steal"   // XAUTOCLAIM and XCLAIM: consumer, stream; likewise
	Pending = "pending" // XPENDING: stream, how many at most; the answer is a list of tasks, each with its consumer
	Meta    = "meta"    // HMGET: fields; the answer has their values
	Delete  = "delete"  // UNLINK or DEL of a job's keys
	Expire  = "expire"  // EXPIRE of a job's keys, or DEL of some: from now on all may be gone at any time
	Restart = "restart" // of the server; the answer is whether it had to be started
	Sealed  = "sealed"  // a result was published: run, fence
)

// Call is one call of a process, and its answer. A line of a file has some of the fields.
type Call struct {
	Process string `json:"-"` // the name of its file
	N       int    `json:"n"` // which call of the process, from 1

	Name  string   `json:"call,omitempty"` // of the library's function, or one of the above
	Job   string   `json:"job,omitempty"`
	Args  []string `json:"args,omitempty"`
	More  int      `json:"more,omitempty"`  // how many arguments there were besides: words and their counts, paths
	Start int64    `json:"start,omitempty"` // nanoseconds; see now

	End     int64  `json:"end,omitempty"` // 0: the process ended first, or still waits
	Answer  any    `json:"answer,omitempty"`
	Refused string `json:"refused,omitempty"` // the error of a call that did nothing
	Lost    string `json:"lost,omitempty"`    // why the client gave up; the call may have taken effect
}

// Known reports whether it is known what the call did.
func (c *Call) Known() bool { return c.End != 0 && c.Lost == "" }
