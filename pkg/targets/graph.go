package targets

import (
	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/targets/config"
)

// Job returns the whole build graph of one job. Other magefiles depend on it:
//
//	func Count(ctx context.Context) error {
//		mg.CtxDeps(ctx, targets.Job(targets.Config{Inputs: []string{"texts"}}))
//		…
//	}
//
// Each node is an idempotent step that runs once per process and configuration. A test compares the
// picture in magefile.go with the edges here.
func Job(c Config) mg.Fn {
	c, err := config.Resolve(c, nil)
	if err != nil {
		return failing("run", c, err)
	}
	redis := step("redis:start", c, startRedis)
	load := step("functions:load", c, loadFunctions, redis)
	seed := step("stream:seed", c, seedStream, load)
	spawn := step("workers:spawn", c, spawnWorkers, seed)
	loop := step("checkpoint:loop", c, checkpointLoop, seed)
	return step("run", c, seal, spawn, loop)
}

// Verified returns the node after Job. It compares the result with a serial recount.
func Verified(c Config) mg.Fn {
	c, err := config.Resolve(c, nil)
	if err != nil {
		return failing("verify", c, err)
	}
	return step("verify", c, verify, Job(c))
}
