package metrics

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// family is all samples of one metric.
type family struct {
	name, kind, help string
	samples          []sample
}

type sample struct {
	suffix string // of the name, with labels
	value  float64
}

// write writes all metrics in the text format of Prometheus.
func (s *Server) write(w io.Writer, asked asked, now time.Time) {
	calls := s.config.Calls.Counts()
	s.job.mu.Lock()
	families := s.families(calls, asked, now)
	s.job.mu.Unlock()
	for _, f := range families {
		if len(f.samples) == 0 {
			continue
		}
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		for _, sample := range f.samples {
			metrics.WriteGaugeFloat64(w, f.name+sample.suffix, sample.value) // the kind is written already
		}
	}
}

// families returns what is known now. The caller has locked the job.
func (s *Server) families(calls protocol.CallCounts, asked asked, now time.Time) []family {
	j, st := &s.job, s.job.status
	one := func(value float64) []sample { return []sample{{"", value}} }
	done, pending := st.Done(), st.Pending()
	all := []family{
		{"wordcount_job_info", "gauge", "The job, which has this name in Redis.", []sample{{labels("id", s.config.Job), 1}}},
		{"wordcount_phase", "gauge", "1 for the phase that the job is in.", phases(st.Phase)},
		{"wordcount_input_bytes", "gauge", "Bytes of the input.", one(float64(s.config.Bytes))},
		{"wordcount_committed_bytes", "gauge", "Bytes of the input in tasks that are committed. A rollback makes it fall.", one(float64(st.Bytes))},
		{"wordcount_committed_words", "gauge", "Words in tasks that are committed. A rollback makes it fall.", one(float64(st.Tokens))},
		{"wordcount_committed_records", "gauge", "Records in tasks that are committed, by what they are counted as. A rollback makes it fall.", records(asked.records)},
		{"wordcount_tasks", "gauge", "Map and reduce tasks, by state.", []sample{
			{labels("state", "done"), float64(done)},
			{labels("state", "pending"), float64(pending)},
			{labels("state", "given_up"), float64(st.Buried)},
			{labels("state", "waiting"), float64(max(0, s.config.Tasks-done-pending-st.Buried))},
		}},
		{"wordcount_attempts_total", "counter", "Attempts of workers at tasks, by outcome: committed, settled by another worker or given up, " +
			"failed with an error, lost with a worker that died or fell silent (each task once).", []sample{
			{labels("outcome", "committed"), j.sums.committed},
			{labels("outcome", "elsewhere"), j.sums.elsewhere},
			{labels("outcome", "failed"), j.sums.failed},
			{labels("outcome", "lost"), j.sums.lost},
		}},
		{"wordcount_attempt_bytes_total", "counter", "Bytes of the input that workers have counted and committed.", one(j.sums.bytes)},
		{"wordcount_revocations_total", "counter", "Tasks that were taken back because their map output was lost.", one(j.sums.revoked)},
		{"wordcount_commit_seconds", "summary", "How long calls took that commit map outputs or store totals.", []sample{
			{"_sum", j.sums.commitSeconds}, {"_count", j.sums.commits},
		}},
		{"wordcount_redis_round_trips_total", "counter", "Requests to Redis that were answered or failed, each of one command or of a pipeline.", []sample{
			{labels("by", "supervisor"), float64(calls.Trips)}, {labels("by", "workers"), j.sums.trips},
		}},
		{"wordcount_redis_restarts_total", "counter", "How often Redis was found restarted.", one(float64(j.own.RedisRestarts))},
		{"wordcount_checkpoints_total", "counter", "Checkpoints that were taken.", one(float64(j.own.Checkpoints))},
		{"wordcount_worker_restarts_total", "counter", "Workers of the supervisor that died and were replaced.", one(float64(j.own.Restarts))},
		{"wordcount_workers", "gauge", "Workers that were heard in the last 30 s, by host and state.", j.workers(now)},
		{"wordcount_oldest_lease_seconds", "gauge", "Time since the last heartbeat for a held task, the longest of each host.", j.leases(asked.held)},
	}
	if !j.at.IsZero() {
		all = append(all, family{"wordcount_status_age_seconds", "gauge", "Time since the supervisor has read the state of the job.", one(now.Sub(j.at).Seconds())})
	}
	return all
}

func phases(now protocol.Phase) (samples []sample) {
	for _, phase := range []protocol.Phase{protocol.Mapping, protocol.Reducing, protocol.Done} {
		is := 0.0
		if phase == now {
			is = 1
		}
		samples = append(samples, sample{labels("phase", string(phase)), is})
	}
	return samples
}

// records splits a tally: the samples add up to all records.
func records(t *protocol.Tally) (samples []sample) {
	if t == nil {
		return nil
	}
	values := float64(t.Records) - float64(t.Missing) - float64(t.Null) - float64(t.Nested) - float64(t.Malformed)
	for _, of := range []struct {
		as string
		n  float64
	}{
		{"value", max(0, values)}, {"missing", float64(t.Missing)}, {"null", float64(t.Null)}, {"nested", float64(t.Nested)},
		{"malformed", float64(t.Malformed)},
	} {
		samples = append(samples, sample{labels("as", of.as), of.n})
	}
	return samples
}

// workers counts the workers that live.
func (j *job) workers(now time.Time) []sample {
	counts := map[string]float64{}
	for name, info := range j.status.Workers {
		if now.Sub(j.heard[name]) >= silentFor {
			continue
		}
		state := "idle"
		if info.State == "working" {
			state = "working"
		}
		counts[labels("host", info.Host, "state", state)]++
	}
	return sorted(counts)
}

// leases returns the age of the oldest lease of each host.
func (j *job) leases(held []protocol.Held) []sample {
	ages := map[string]float64{}
	for _, h := range held {
		if !h.Released {
			host := labels("host", j.said[h.Consumer].Host)
			ages[host] = max(ages[host], h.Age.Seconds())
		}
	}
	return sorted(ages)
}

func sorted(values map[string]float64) (samples []sample) {
	for _, suffix := range slices.Sorted(maps.Keys(values)) {
		samples = append(samples, sample{suffix, values[suffix]})
	}
	return samples
}

var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// labels returns names and values of labels, as they stand behind the name of a metric.
func labels(namesAndValues ...string) string {
	var pairs []string
	for i := 0; i < len(namesAndValues); i += 2 {
		value := strings.ToValidUTF8(namesAndValues[i+1], "\ufffd")
		pairs = append(pairs, namesAndValues[i]+`="`+escaped.Replace(value)+`"`)
	}
	return "{" + strings.Join(pairs, ",") + "}"
}
