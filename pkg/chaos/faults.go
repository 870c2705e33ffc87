package chaos

import (
	"context"
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
)

// Faults holds all faults.
var Faults = []Fault{KillWorker, PauseWorker, KillSupervisor, RestartRedis, PauseRedis, RollbackRedis, CorruptCheckpoint, DropReplies}
