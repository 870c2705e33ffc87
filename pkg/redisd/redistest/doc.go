// Package redistest gives a test its own real Redis server.
//
// # Basics
//
//	s := redistest.Start(t)
//	c := s.Client(t)
//	dump := s.Checkpoint(t)
//	s.Kill(t)          // as a crash would
//	s.Restore(t, dump) // kill it and start it with older data
//
// The server is a process, never a container. It listens on a free port of the loopback, or on a
// socket, keeps its data in the test's temporary folder, and is killed when the test ends, even if
// the test panics or runs out of time.
//
// REDISTEST_SERVER names the server program; otherwise it is the first on PATH. If no Redis is
// installed, the packages of Debian or Ubuntu are unpacked into the user's cache, once.
//
// StartSentinel and StartCluster start replicated settings, a Network has hosts for them and can be
// parted, Engine and Image make container images without a registry, Squat listens as another user,
// SmallDisk is a disk that fills up, Certificates are for TLS, and ForExample starts a server for an
// example.
//
// # Caveats
//
// A test without any Redis fails: it is never skipped. A test binary that imports redistest starts
// itself once more as a guard process; the guard kills servers that a test left behind.
package redistest
