package chaos

import (
	"context"
	"slices"
	"time"
)

// Fault is one kind of fault for a running job. Inject injects it, waits until the job has
// recovered, and returns how long the recovery took.
type Fault struct {
	Name   string
	Victim Victim
	Inject func(Attack, context.Context) (recovery time.Duration, err error)
}

// Victim is what a fault hits. Faults of different victims may happen at the same time. Two faults
// of one victim never do.
type Victim int

// The victims. Faults of Server need a server that this program started, not a given one.
const (
	Worker Victim = iota
	Supervisor
	Server
	Output // a map output
	Store  // the disk of the map outputs
)

// The faults.
var (
	KillWorker        = Fault{"killWorker", Worker, Attack.KillWorker}
	PauseWorker       = Fault{"pauseWorker", Worker, Attack.PauseWorker}
	RestartRedis      = Fault{"restartRedis", Server, Attack.RestartRedis}
	PauseRedis        = Fault{"pauseRedis", Server, Attack.PauseRedis}
	RollbackRedis     = Fault{"rollbackRedis", Server, Attack.RollbackRedis}
	CorruptCheckpoint = Fault{"corruptCheckpoint", Server, Attack.CorruptCheckpoint}
	DropReplies       = Fault{"dropReplies", Server, Attack.DropReplies}
	KillSupervisor    = Fault{"killSupervisor", Supervisor, Attack.KillSupervisor}
	LoseOutput        = Fault{"loseOutput", Output, Attack.LoseOutput}
	DamageOutput      = Fault{"damageOutput", Output, Attack.DamageOutput}
	FillShuffle       = Fault{"fillShuffle", Store, Attack.FillShuffle}
)

// FaultsOf returns the faults that can hit a job. Without reducers it has no map outputs, and disk is
// nil unless they have a disk of their own.
func FaultsOf(reducers bool, disk *Disk) []Fault {
	return slices.DeleteFunc(slices.Clone(Faults), func(f Fault) bool {
		return !reducers && (f.Victim == Output || f.Victim == Store) || disk == nil && f.Victim == Store
	})
}

// Faults holds all faults.
var Faults = []Fault{KillWorker, PauseWorker, KillSupervisor, RestartRedis, PauseRedis, RollbackRedis, CorruptCheckpoint, DropReplies, LoseOutput, DamageOutput, FillShuffle}
