package chaos

import (
	"context"
	"time"
)

// Fault is something that befalls a running job. Inject returns when the job has recovered, and how long that took.
type Fault struct {
	Name   string
	Inject func(Attack, context.Context) (recovery time.Duration, err error)
}

// The faults.
var (
	KillWorker        = Fault{"killWorker", Attack.KillWorker}
	PauseWorker       = Fault{"pauseWorker", Attack.PauseWorker}
	RestartRedis      = Fault{"restartRedis", Attack.RestartRedis}
	PauseRedis        = Fault{"pauseRedis", Attack.PauseRedis}
	RollbackRedis     = Fault{"rollbackRedis", Attack.RollbackRedis}
	CorruptCheckpoint = Fault{"corruptCheckpoint", Attack.CorruptCheckpoint}
	DropReplies       = Fault{"dropReplies", Attack.DropReplies}
	KillSupervisor    = Fault{"killSupervisor", Attack.KillSupervisor}
)

// Faults are all of them.
var Faults = []Fault{KillWorker, PauseWorker, KillSupervisor, RestartRedis, PauseRedis, RollbackRedis, CorruptCheckpoint, DropReplies}
