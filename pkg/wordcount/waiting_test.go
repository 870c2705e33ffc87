package wordcount

import (
	"context"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/supervisor"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestFault70WhoWaitsForAJobThatCannotBeCompletedEnds(t *testing.T) {
	t.Parallel()
	h := newByHand(t, 1)
	h.Take("map", "w", 3)
	h.MustCommit(1, 2)
	task := protocol.TaskID{Stream: protocol.Maps, Number: 3}
	_, err := h.Client.Fail(t.Context(), h.Run, task, "token", 1, protocol.Cause{Code: protocol.Unreadable, Text: "three: no"})
	check.Must(t, err)
	for who, wait := range map[string]func(context.Context) error{
		"workers:spawn and checkpoint:loop": h.sup.Await,
		"workers:join": func(ctx context.Context) error {
			return supervisor.Follow(ctx, h.Client, func(protocol.Status) {})
		},
	} {
		t.Run(who, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			h.refused(wait(ctx), protocol.ErrIncomplete, "three: no", "2 of 3 maps are done")
		})
	}
}
