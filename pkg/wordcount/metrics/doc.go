// Package metrics tells Prometheus how a running job is doing.
//
// # Basics
//
// A [Server] answers GET /metrics, as long as the process supervises a job:
//
//	s, err := metrics.Serve(metrics.Config{Addr: addr, Job: id, Held: client.HeldTasks, …})
//	defer s.Close()
//	s.See(status, metrics.Own{…}) // each status that the supervisor reads
//
// An answer has what was seen last, and what workers of all hosts say of themselves with their
// heartbeats. Only the ages of leases and what became of the records are asked for when somebody
// looks, once a second at most: they would be much in each status. Of leases there are a thousand of
// each stream at most, and of the outputs that have the records some ten thousand.
//
// # Caveats
//
// What workers say comes out of Redis, and is believed as little as anything else there: it is
// escaped, and a number that falls adds nothing to a counter. A worker that dies takes the figures
// of its last second with it. Counters begin at 0 with each process, as Prometheus expects it.
//
// Everybody who reaches the address may read it. There are no words in it, no names of files and
// no passwords, but the names of hosts.
package metrics
