package targets

import (
	"context"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/chaos"
)

// Chaos breaks the job that is running in this folder, or one of its own, and judges the result
type Chaos mg.Namespace

// KillWorker kills a worker that holds a task, and shows who takes it
func (Chaos) KillWorker(ctx context.Context) error { return tryFault(ctx, chaos.KillWorker) }

// PauseWorker stops a worker until its task is stolen, then lets the zombie go on
func (Chaos) PauseWorker(ctx context.Context) error { return tryFault(ctx, chaos.PauseWorker) }

// KillSupervisor kills the process that runs the job, and resumes it
func (Chaos) KillSupervisor(ctx context.Context) error { return tryFault(ctx, chaos.KillSupervisor) }

// RestartRedis kills Redis, and shows what the last checkpoint brings back
func (Chaos) RestartRedis(ctx context.Context) error { return tryFault(ctx, chaos.RestartRedis) }

// PauseRedis stops Redis for some seconds
func (Chaos) PauseRedis(ctx context.Context) error { return tryFault(ctx, chaos.PauseRedis) }

// RollbackRedis kills Redis, and restores an older checkpoint
func (Chaos) RollbackRedis(ctx context.Context) error { return tryFault(ctx, chaos.RollbackRedis) }

// CorruptCheckpoint kills Redis, and flips a bit in its last checkpoint
func (Chaos) CorruptCheckpoint(ctx context.Context) error {
	return tryFault(ctx, chaos.CorruptCheckpoint)
}

// DropReplies cuts every connection for a second, so that replies are lost
func (Chaos) DropReplies(ctx context.Context) error { return tryFault(ctx, chaos.DropReplies) }

// LoseOutput deletes a map output that counts, and shows that its tasks are counted again
func (Chaos) LoseOutput(ctx context.Context) error { return tryFault(ctx, chaos.LoseOutput) }

// DamageOutput flips a bit of a map output that counts, and shows that its tasks are counted again
func (Chaos) DamageOutput(ctx context.Context) error { return tryFault(ctx, chaos.DamageOutput) }

// FillShuffle fills the disk of the map outputs for some seconds: a small one of its own, for which it must be root
func (Chaos) FillShuffle(ctx context.Context) error { return tryFault(ctx, chaos.FillShuffle) }

// All runs every fault against a job of its own, and prints one table
func (Chaos) All(ctx context.Context) error {
	return inFolder(ctx, func(s *session) error { return tryAll(ctx, s) })
}

// Storm injects faults at random into jobs of its own, and checks their histories; -time=1m -every=1s -seed=N -bytes=1GiB, or -input= for your own files
func (Chaos) Storm(ctx context.Context,
	time *time.Duration, // how long; 1m
	every *time.Duration, // mean time between two faults; 1s
	seed *int, // chooses the faults; another one each time
	bytes *string, // of the texts that are written for the jobs; 1GiB
	input *string, // files, folders, patterns, one a line, which the jobs count instead; texts of their own
) error {
	return inFolder(ctx, func(s *session) error { return storm(ctx, s, time, every, seed, bytes, input) })
}
