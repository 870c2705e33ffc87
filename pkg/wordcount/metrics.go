package wordcount

import (
	"context"

	"github.com/magereduce/magereduce/pkg/wordcount/metrics"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// serveMetrics starts to serve metrics, if Config.Metrics asks for it.
func (j *Job) serveMetrics() error {
	j.closeMetrics()
	if j.config.Metrics == "" {
		return nil
	}
	client := j.client()
	var committed func(context.Context) (protocol.Tally, error)
	if client.Job.Counting != "" {
		committed = client.Committed
	}
	s, err := metrics.Serve(metrics.Config{
		Addr: j.config.Metrics, Job: j.plan.Job.ID, Bytes: j.plan.Manifest.Bytes, Tasks: j.sup.Maps() + j.plan.Job.Reducers,
		Calls: j.conn.calls, Held: client.HeldTasks, Committed: committed,
	})
	if err != nil {
		return err
	}
	j.metrics = s
	j.event("", "metrics: %s", s.URL())
	return nil
}

// closeMetrics ends what serveMetrics started.
func (j *Job) closeMetrics() {
	if j.metrics != nil {
		j.metrics.Close()
		j.metrics = nil
	}
}

// seen passes on each status that the supervisor reads.
func (j *Job) seen(st Status) {
	if j.metrics != nil {
		_, restarts := j.Living()
		j.metrics.See(st, metrics.Own{Restarts: restarts, RedisRestarts: j.sup.Restarts(), Checkpoints: j.sup.Saves()})
	}
	if j.config.Seen != nil {
		j.config.Seen(st)
	}
}
