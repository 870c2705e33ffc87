package datadir

import (
	"fmt"

	"github.com/magereduce/magereduce/pkg/redisd/host"
)

// ConfFile is the server's configuration.
const ConfFile = "redis.conf"

// WriteConf writes the server's configuration, which begins with where it listens. All passwords
// in it are new, because somebody may have learned the old ones. The reasons for the settings:
//
//   - save "", appendonly no: the data on disk is exactly the last checkpoint that was asked for.
//     So a crash loses what a crash loses.
//   - noeviction: a key that is gone would look like work that was never done.
//   - hz 100: at the default 10 the server notices the end of a checkpoint up to 100 ms late.
//   - rdbcompression no: it made a job on 512 MiB, whose values were compressed already, 7 % longer.
func (d Dir) WriteConf(listen string) error {
	password, err := newPassword(d.PasswordFile(""))
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	added, err := d.newUserLines()
	if err != nil {
		return fmt.Errorf("redisd: %w", err)
	}
	conf := fmt.Sprintf(`# Written anew at each start.
dir .
dbfilename %s
logfile %s
%sprotected-mode yes
requirepass %s
save ""
rdbcompression no
appendonly no
maxmemory-policy noeviction
hz 100
%s`, dumpFile, logFile, listen, password, added)
	return host.WriteFile(d.Path(ConfFile), []byte(conf))
}
