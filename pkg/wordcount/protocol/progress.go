package protocol

import (
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Progress tells how far the totals of some partitions have come. They may take several calls. The
// server keeps the offset, so a rollback may take it back.
type Progress struct {
	Offset    int      // where the next call must begin
	Done      bool     // everything is there, and the tasks are acknowledged
	Standings []string // of each task, if one of them isn't pending; then the call did nothing
}

// parseProgress reads the reply of a call that acknowledges tasks.
func parseProgress(cmd *redis.Cmd) (Progress, error) {
	reply, err := cmd.Slice()
	if err != nil {
		return Progress{}, err
	}
	switch reply[0] {
	case "committed":
		return Progress{Done: true}, nil
	case "at":
		if at := int(reply[1].(int64)); at >= 0 {
			return Progress{Offset: at}, nil
		}
		return Progress{}, fmt.Errorf("%w: an offset of %d", ErrState, reply[1])
	}
	refused := Progress{}
	for _, standing := range reply[1:] {
		refused.Standings = append(refused.Standings, standing.(string))
	}
	return refused, nil
}
