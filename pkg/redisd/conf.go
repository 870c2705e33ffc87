package redisd

import (
	"fmt"
	"path/filepath"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// containerPort is where the server listens inside of a container.
const containerPort = "6379"

// writeConf writes the server's configuration. It is a file rather than
// arguments because anybody can read those, and it holds the password. All
// passwords are new: somebody who learned the old ones has learned nothing.
//
// Nothing but our checkpoints writes a dump: so a crash loses what a crash
// loses, and the data on disk is a state that we asked for. A server of ours
// never evicts: a vanished key would look like work that was never there. Its
// clock ticks at 100 Hz: at the usual 10 it notices the end of a checkpoint up
// to 100 ms late, and a short job waits for one. A dump isn't compressed: partial
// counts are packed already, and trying again made a job on 512 MiB some 7 %
// longer.
func (s *Server) writeConf() error {
	password, err := newPassword(filepath.Join(s.DataDir, passwordFile))
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	added, err := s.newUserLines()
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	conf := fmt.Sprintf(`# Written anew at each start.
dir .
dbfilename dump.rdb
logfile %s
%sprotected-mode yes
requirepass %s
save ""
rdbcompression no
appendonly no
maxmemory-policy noeviction
hz 100
%s`, logFile, s.listen(), password, added)
	return host.WriteFile(filepath.Join(s.DataDir, confFile), []byte(conf))
}

// listen is where the configuration tells the server to listen.
func (s *Server) listen() string {
	if !host.OnTCP(s.Addr) {
		socket := s.Addr
		if filepath.Dir(socket) == s.DataDir {
			socket = socketFile // a path of any length will do, and inside of a container it is another one
		} else if s.Kind == Container {
			socket = filepath.Join(socketMount, socketFile)
		}
		return fmt.Sprintf("port 0\nunixsocket %q\nunixsocketperm 700\n", socket)
	}
	// Inside of a container every interface means the one that the engine
	// publishes on our loopback.
	if s.Kind == Container {
		return "bind 0.0.0.0\nport " + containerPort + "\n"
	}
	return "bind 127.0.0.1\nport " + port(s.Addr) + "\n"
}
