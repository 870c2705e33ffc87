package redisd

import (
	"fmt"
	"path/filepath"
)

// containerPort is where the server listens inside of a container.
const containerPort = "6379"

// writeConf writes the server's configuration. It is a file rather than
// arguments because anybody can read those, and it holds the password.
//
// Nothing but our checkpoints writes a dump: so a crash loses what a crash
// loses, and the data on disk is a state that we asked for. A server of ours
// never evicts: a vanished key would look like work that was never there. Its
// clock ticks at 100 Hz: at the usual 10 it notices the end of a checkpoint up
// to 100 ms late, and a short job waits for one. A dump isn't compressed: partial
// counts are packed already, and trying again made a job on 512 MiB some 7 %
// longer.
func (s *Server) writeConf() error {
	password, err := s.password()
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	added, err := s.userLines()
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	// Inside of a container every interface means the one that the engine
	// publishes on our loopback.
	bind, port := "127.0.0.1", port(s.Addr)
	if s.Kind == Container {
		bind, port = "0.0.0.0", containerPort
	}
	conf := fmt.Sprintf(`# Written anew at each start.
dir .
dbfilename dump.rdb
logfile %s
bind %s
port %s
protected-mode yes
requirepass %s
save ""
rdbcompression no
appendonly no
maxmemory-policy noeviction
hz 100
%s`, logFile, bind, port, password, added)
	return writeFile(filepath.Join(s.DataDir, confFile), []byte(conf))
}
