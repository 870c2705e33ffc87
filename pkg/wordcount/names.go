package wordcount

import (
	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/event"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// The classes of errors that a job can end with. errors.Is tells them apart.
var (
	// ErrInput reports that the input is missing or unreadable, or that an option makes no sense.
	ErrInput = protocol.ErrInput
	// ErrRedis reports that Redis can't be reached, or refuses.
	ErrRedis = protocol.ErrRedis
	// ErrState reports that the job in Redis contradicts the caller, or itself.
	ErrState = protocol.ErrState
	// ErrIncomplete reports that tasks were buried, that the input changed, that the workers keep
	// dying, or that the state folder or the store of the map outputs can't be used.
	ErrIncomplete = protocol.ErrIncomplete
	// ErrDifferent reports that a result differs from a recount.
	ErrDifferent = protocol.ErrDifferent
	// ErrNoResult reports that the sealed result isn't there any more, or only part of it.
	ErrNoResult = protocol.ErrNoResult
)

// Types of the packages below, so that a caller imports only this one.
type (
	// Status says how far a job is.
	Status = protocol.Status
	// Sealed is what is known about a published result.
	Sealed = state.Sealed
	// Entry is a word with its count.
	Entry = count.Entry
	// Share is a part of all words, chosen by hash. Recounting one share at a time needs less
	// memory.
	Share = recount.Share
	// Verdict is what a recount says about a result.
	Verdict = result.Verdict
	// Format says how ExportAs writes words.
	Format = result.Format
	// Durability is what sealing requires of Redis before a result counts as durable.
	Durability = checkpoint.Durability
)

// The choices of Durability.
const (
	BGSave  = checkpoint.BGSave
	WaitAOF = checkpoint.WaitAOF
	None    = checkpoint.None
)

// The choices of Format.
const (
	TSV   = result.TSV
	CSV   = result.CSV
	JSONL = result.JSONL
)

// Step is a step of the pipeline.
type Step string

// The steps, in their order. An event of a running job has no step.
const (
	StepServer      Step = "server"
	StepFunctions   Step = "functions"
	StepSeed        Step = "seed"
	StepWorkers     Step = "workers"
	StepCheckpoints Step = "checkpoints"
)

// Event is something that people may want to know about a job.
type Event struct {
	Step Step // "" while the job runs
	event.Event
}
