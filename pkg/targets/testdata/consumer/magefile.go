//go:build mage

// A magefile of somebody else's: it has the plugin's targets under the alias wc, and a target of its own that needs a
// count.
package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/magefile/mage/mg"

	//mage:import wc
	"github.com/magereduce/magereduce/pkg/targets"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// Count counts our texts and prints what came of it
func Count(ctx context.Context) error {
	c, err := targets.FromEnvironment()
	if err != nil {
		return err
	}
	job := targets.Config{Input: "texts", Dir: ".wordcount", Redis: c.Redis}
	mg.CtxDeps(ctx, targets.Job(job))
	return result(job)
}

// Both counts two texts, each as a job of its own, and verifies both
func Both(ctx context.Context) error {
	c, err := targets.FromEnvironment()
	if err != nil {
		return err
	}
	one := targets.Config{Input: "texts/brook.txt", Workers: 1, Redis: c.Redis}
	other := targets.Config{Input: "texts/shore.txt", Workers: 1, Redis: c.Redis}
	mg.CtxDeps(ctx, targets.Verified(one), targets.Verified(other))
	return errors.Join(result(one), result(other))
}

// result prints what was published of a job.
func result(c targets.Config) error {
	folder := wordcount.Folder{Dir: ".wordcount"}
	jobs, err := folder.Jobs()
	for _, id := range jobs {
		plan, planErr := folder.Load(id)
		sealed, ok, sealedErr := folder.Sealed(id)
		if ok && filepath.Base(plan.Manifest.Root) == filepath.Base(c.Input) {
			fmt.Printf("%s: %d words, %d distinct\n", c.Input, sealed.Tokens, sealed.Distinct)
		}
		err = errors.Join(err, planErr, sealedErr)
	}
	return err
}
