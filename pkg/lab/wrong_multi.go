package lab

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// wrongMulti adds and acknowledges in one transaction. So nothing can come between the two. But a
// transaction can't look at the answer of XACK, which is 0 if the text is already done: it adds the
// counts nevertheless.
func wrongMulti(ctx context.Context, w *worker) error {
	return w.work(ctx, w.take, func(t *task, words counts) error {
		_, err := w.redis.TxPipelined(ctx, func(multi redis.Pipeliner) error {
			multi.XAck(ctx, w.stream, protocol.Group, t.id)
			w.add(ctx, multi, words)
			return nil
		})
		return err
	})
}
