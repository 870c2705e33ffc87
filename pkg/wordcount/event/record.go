package event

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Record is an event of a journal as it is read. The comments of the events say which fields each
// has; the others are zero. Anybody who can write to the state folder, or to the keys in Redis, may
// have written any text.
type Record struct {
	Time  time.Time `json:"time"`
	Level string    `json:"level"`
	Name  string    `json:"msg"`
	Who
	Work
	Job
	Seen
	Why  string `json:"why,omitempty"`
	Text string `json:"text,omitempty"`
	From string `json:"from,omitempty"` // who has sent a batch of events
}

// Who says which worker an event is about.
type Who struct {
	Worker string `json:"worker,omitempty"` // its name, which no other worker has
	Host   string `json:"host,omitempty"`
	PID    int    `json:"pid,omitempty"`
	Slot   int    `json:"slot,omitempty"` // which worker of its pool it is, from 1; a replacement has the same
}

// Work says which tasks an event is about, and what was done.
type Work struct {
	Stream  string   `json:"stream,omitempty"` // map or reduce
	Tasks   string   `json:"tasks,omitempty"`  // ranges of numbers, like "1-17,20"
	How     string   `json:"how,omitempty"`
	Output  string   `json:"output,omitempty"`
	Names   []string `json:"names,omitempty"`   // of outputs
	Settled string   `json:"settled,omitempty"` // tasks that others had committed, as ranges
	Open    string   `json:"open,omitempty"`    // tasks of a refused commit that are still to be done, as ranges
	Words   uint64   `json:"words,omitempty"`   // with repetitions
}

// Job says what the job is.
type Job struct {
	ID       string `json:"job,omitempty"`
	Maps     int    `json:"maps,omitempty"`
	Reducers int    `json:"reducers,omitempty"`
	Files    int    `json:"files,omitempty"`
	Workers  int    `json:"workers,omitempty"`
	Distinct int    `json:"distinct,omitempty"`
	Redone   int    `json:"redone,omitempty"` // tasks
}

// Seen is what a supervisor sees of the job and its server.
type Seen struct {
	Phase   string        `json:"phase,omitempty"`
	Bytes   int64         `json:"bytes,omitempty"` // of input: of the job, of a commit, or committed so far
	Mapped  int           `json:"mapped,omitempty"`
	Reduced int           `json:"reduced,omitempty"`
	Memory  int64         `json:"memory,omitempty"` // that Redis uses, in bytes
	N       int           `json:"n,omitempty"`      // of the checkpoint, or of the batch
	Took    time.Duration `json:"took,omitempty"`   // in nanoseconds
	Life    string        `json:"life,omitempty"`   // of the server
	Lost    int           `json:"lost,omitempty"`   // tasks that were done, and are to be done again
}

// Load reads a journal, in the order of times. left is how many lines are no events: a process may
// have been killed, or a disk full, in the middle of a line. A journal that doesn't exist has no
// records.
func Load(path string) (records []Record, left int, err error) {
	// A FIFO in its place would make the open wait for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	// The processes bound what they write. Somebody else may have written more.
	lines := bufio.NewReader(io.LimitReader(file, 2*SupervisorMost))
	for {
		line, err := lines.ReadBytes('\n')
		if err == nil {
			var r Record
			if json.Unmarshal(line, &r) == nil && r.Name != "" && !r.Time.IsZero() {
				records = append(records, r)
			} else {
				left++
			}
			continue
		}
		if len(bytes.TrimSpace(line)) > 0 {
			left++
		}
		if err != io.EOF {
			return nil, 0, err
		}
		slices.SortStableFunc(records, func(a, b Record) int { return a.Time.Compare(b.Time) })
		return records, left, nil
	}
}

// String returns the event as one line for people.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString(r.Name)
	say := func(name, value string) {
		if value != "" && value != "0" {
			b.WriteString(" " + name + "=" + value)
		}
	}
	number := func(name string, n int) { say(name, strconv.Itoa(n)) }
	say("worker", r.Worker)
	number("pid", r.PID)
	say("stream", r.Stream)
	say("tasks", r.Tasks)
	say("how", r.How)
	say("output", r.Output)
	say("settled", r.Settled)
	say("open", r.Open)
	say("phase", r.Phase)
	number("mapped", r.Mapped)
	number("reduced", r.Reduced)
	say("bytes", strconv.FormatInt(r.Bytes, 10))
	say("words", strconv.FormatUint(r.Words, 10))
	say("memory", strconv.FormatInt(r.Memory, 10))
	number("n", r.N)
	if r.Took > 0 {
		say("took", r.Took.String())
	}
	number("lost", r.Lost)
	if r.Why != "" {
		say("why", strconv.Quote(r.Why))
	}
	return b.String()
}

// Ranges writes numbers, which it sorts, as ranges: "1-17,20".
func Ranges(numbers []int) string {
	slices.Sort(numbers)
	var b strings.Builder
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(numbers[i]))
		if last > i {
			b.WriteString("-" + strconv.Itoa(numbers[last]))
		}
		i = last + 1
	}
	return b.String()
}

// numbersMost is how many numbers ParseRanges returns at most. A commit has fewer.
const numbersMost = 1 << 16

// ParseRanges returns the numbers of what Ranges has written. It leaves out what is no range.
func ParseRanges(text string) (numbers []int) {
	for r := range strings.SplitSeq(text, ",") {
		from, to, several := strings.Cut(r, "-")
		if !several {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if cmp.Or(err, err2) != nil || first < 1 || last < first || last-first >= numbersMost-len(numbers) {
			continue
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
