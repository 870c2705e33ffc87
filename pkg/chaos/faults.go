package chaos

import (
	"context"
	"time"
)

// Fault is something that befalls a running job. Inject returns when the job has recovered, and how long that took.
type Fault struct {
	Name   string
	Victim Victim
	Inject func(Attack, context.Context) (recovery time.Duration, err error)
}

// Victim is what a fault befalls. Faults of different victims may come together; two of one victim never do.
type Victim int

// The victims. The server must be ours.
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

// Faults are all of them.
var Faults = []Fault{KillWorker, PauseWorker, KillSupervisor, RestartRedis, PauseRedis, RollbackRedis, CorruptCheckpoint, DropReplies}
