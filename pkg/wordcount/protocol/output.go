package protocol

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Output is a committed map output.
type Output struct {
	Name   string
	Tokens uint64
	Bytes  int64  // of input
	Tasks  string // ranges of numbers, like "1-17,20"
	Tally  Tally
}

// Outputs returns the map outputs of a job whose maps are all committed. They cover each task once:
// otherwise the error wraps ErrState. It is ErrPhase if maps are missing, or if everything is stored.
//
// The list stays complete for ever, because map outputs never change: what is merged of it may be
// stored, whatever happens to the job meanwhile.
func (c Client) Outputs(ctx context.Context, run string) ([]Output, error) {
	reply, err := c.read(ctx, "outputs", c.Job.Keys(), run).Slice()
	if err != nil {
		return nil, err
	}
	outputs, err := parseOutputs(pairs(reply[1]))
	if err != nil {
		return nil, err
	}
	if err := Covered(outputs, int(reply[0].(int64))); err != nil {
		return nil, err
	}
	return outputs, nil
}

// OutputsSoFar returns the map outputs that are committed, and the job's meta data. Maps may be
// missing. Both are of one moment.
func OutputsSoFar(ctx context.Context, rdb redis.UniversalClient, job Job) (outputs []Output, meta map[string]string, err error) {
	var about, named *redis.MapStringStringCmd
	_, err = rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		about, named = pipe.HGetAll(ctx, job.Key("meta")), pipe.HGetAll(ctx, job.Key("outputs"))
		return nil
	})
	if err != nil {
		return nil, nil, Classify(err)
	}
	outputs, err = parseOutputs(named.Val())
	return outputs, about.Val(), err
}

// Committed returns the tally of all tasks that are committed.
func (c Client) Committed(ctx context.Context) (t Tally, err error) {
	var kept *redis.StringCmd
	var named *redis.MapStringStringCmd
	_, err = c.Redis.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		kept, named = pipe.HGet(ctx, c.Job.Key("meta"), "tally"), pipe.HGetAll(ctx, c.Job.Key("outputs"))
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return t, Classify(err)
	}
	if text := kept.Val(); text != "" { // the outputs are discarded
		return parseTally(text)
	}
	outputs, err := parseOutputs(named.Val())
	for _, o := range outputs {
		t.Add(o.Tally)
	}
	return t, err
}

// parseOutputs reads what the library keeps of each output.
func parseOutputs(all map[string]string) ([]Output, error) {
	outputs := make([]Output, 0, len(all))
	for name, text := range all {
		f := strings.Fields(text)
		if len(f) != 5 {
			return nil, Damaged("the output %q is %q", name, text)
		}
		tokens, err := strconv.ParseUint(f[0], 10, 53)
		bytes, err2 := strconv.ParseUint(f[1], 10, 53)
		tally, err3 := parseTally(f[4])
		if err != nil || err2 != nil || err3 != nil {
			return nil, Damaged("the output %q is %q", name, text)
		}
		outputs = append(outputs, Output{Name: name, Tokens: tokens, Bytes: int64(bytes), Tasks: f[2], Tally: tally})
	}
	return outputs, nil
}
