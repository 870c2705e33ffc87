package chaos

import (
	"context"
	"time"
)

// Fault is something that befalls a running job. Inject returns when the job has recovered, and how long that took.
type Fault struct {
	Name   string
	Server bool // befalls the server, which must be ours
	Inject func(Attack, context.Context) (recovery time.Duration, err error)
}

// The faults.
var (
	KillWorker        = Fault{"killWorker", false, Attack.KillWorker}
	PauseWorker       = Fault{"pauseWorker", false, Attack.PauseWorker}
	RestartRedis      = Fault{"restartRedis", true, Attack.RestartRedis}
	PauseRedis        = Fault{"pauseRedis", true, Attack.PauseRedis}
	RollbackRedis     = Fault{"rollbackRedis", true, Attack.RollbackRedis}
	CorruptCheckpoint = Fault{"corruptCheckpoint", true, Attack.CorruptCheckpoint}
	DropReplies       = Fault{"dropReplies", true, Attack.DropReplies}
	KillSupervisor    = Fault{"killSupervisor", false, Attack.KillSupervisor}
)

// Faults are all of them.
var Faults = []Fault{KillWorker, PauseWorker, KillSupervisor, RestartRedis, PauseRedis, RollbackRedis, CorruptCheckpoint, DropReplies}
