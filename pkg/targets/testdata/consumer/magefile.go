//go:build mage

// A magefile of somebody else's, beside the one of the README, which has the plugin's targets under the alias wc: it has
// targets of its own that need a count.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/targets"
	"github.com/magereduce/magereduce/pkg/wordcount/words"
)

// Count counts our texts and prints what came of it
func Count(ctx context.Context) error {
	job := targets.Config{Inputs: []string{"texts"}, Dir: ".wordcount"}
	mg.CtxDeps(ctx, targets.Job(job))
	return result(ctx, job)
}

// Both counts two texts, each as a job of its own, and verifies both
func Both(ctx context.Context) error {
	one := targets.Config{Inputs: []string{"texts/brook.txt"}, Workers: 1}
	other := targets.Config{Inputs: []string{"texts/shore.txt"}, Workers: 1}
	mg.CtxDeps(ctx, targets.Verified(one), targets.Verified(other))
	return errors.Join(result(ctx, one), result(ctx, other))
}

// Apart counts our texts in a state folder of its own
func Apart(ctx context.Context) error {
	mg.CtxDeps(ctx, targets.Job(apart))
	return result(ctx, apart)
}

// Late counts our texts by a function that only this process has
func Late(ctx context.Context) error {
	words.Register("late", func(value []byte, word func([]byte)) { word(value) })
	mg.CtxDeps(ctx, targets.Job(targets.Config{Inputs: []string{"texts"}, Words: "func:late"}))
	return nil
}

// Again prints what came of Apart
func Again(ctx context.Context) error { return result(ctx, apart) }

var apart = targets.Config{Inputs: []string{"texts"}, Dir: ".wordcount/apart"}

// result prints what was published of a job.
func result(ctx context.Context, c targets.Config) error {
	words, err := targets.Result(ctx, c)
	if err != nil {
		return err
	}
	tokens, distinct := uint64(0), 0
	for e, err := range words.All(ctx) {
		if err != nil {
			return err
		}
		tokens, distinct = tokens+e.N, distinct+1
	}
	fmt.Printf("%s: %d words, %d distinct\n", c.Inputs[0], tokens, distinct)
	return nil
}
