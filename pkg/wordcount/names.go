package wordcount

import (
	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
)

// What a job can end with; errors.Is tells them apart.
var (
	// ErrInput reports that the input is missing or unreadable, or that an option makes no sense.
	ErrInput = protocol.ErrInput
	// ErrRedis reports that Redis can't be reached, or refuses.
	ErrRedis = protocol.ErrRedis
	// ErrState reports that the job in Redis contradicts us, or itself.
	ErrState = protocol.ErrState
	// ErrIncomplete reports that tasks were given up, the input changed, the workers keep dying, or the state folder can't
	// be written to.
	ErrIncomplete = protocol.ErrIncomplete
	// ErrDifferent reports that a result differs from a recount.
	ErrDifferent = protocol.ErrDifferent
	// ErrNoResult reports that the sealed result isn't in Redis any more, or not all of it.
	ErrNoResult = protocol.ErrNoResult
)

// What the rooms below call their own.
type (
	// Status is where a job stands.
	Status = protocol.Status
	// Sealed is what is known of a published result.
	Sealed = state.Sealed
	// Entry is a word with its count.
	Entry = count.Entry
	// Share is a part of all words, by hash, for a recount that would not fit into memory otherwise.
	Share = result.Share
	// Verdict is what a recount says of a result.
	Verdict = result.Verdict
	// Durability is what sealing asks of Redis before it believes that a result lasts.
	Durability = supervisor.Durability
)

// The choices of Durability.
const (
	BGSave  = supervisor.BGSave
	WaitAOF = supervisor.WaitAOF
	None    = supervisor.None
)

// Step is a step of the pipeline.
type Step string

// The steps, in their order. Events of a job that runs have none.
const (
	StepServer      Step = "server"
	StepFunctions   Step = "functions"
	StepSeed        Step = "seed"
	StepWorkers     Step = "workers"
	StepCheckpoints Step = "checkpoints"
)

// Event is something that people may want to know of a job.
type Event struct {
	Step Step // "" while the job runs
	supervisor.Event
}
