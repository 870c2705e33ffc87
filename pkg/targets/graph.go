package targets

import "github.com/magefile/mage/mg"

// Job is the whole build graph of one job: what other magefiles depend on.
//
//	func Count(ctx context.Context) error {
//		mg.CtxDeps(ctx, targets.Job(targets.Config{Input: "texts"}))
//		…
//	}
//
// Each node is an idempotent step that runs once per process and configuration. The picture of this graph in
// magefile.go is checked against the edges here.
func Job(c Config) mg.Fn {
	c, err := c.resolve(nil)
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

// Verified is the node after Job: its result, compared with a serial recount.
func Verified(c Config) mg.Fn {
	c, err := c.resolve(nil)
	if err != nil {
		return failing("verify", c, err)
	}
	return step("verify", c, verify, Job(c))
}
