package wordcount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/magereduce/magereduce/pkg/wordcount/checkpoint"
	"github.com/magereduce/magereduce/pkg/wordcount/place"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Clean deletes all jobs of the state folder from every server that they ran on, and forgets them.
// It calls cleaned for each job, with the number of its keys.
//
// The error wraps ErrIncomplete, and nothing is deleted, if a process works on one of the jobs in
// this folder. If a server can't be reached, the jobs that may have keys there stay known, so Clean
// can be called again.
func (j *Job) Clean(ctx context.Context, cleaned func(job string, keys int)) (err error) {
	j.sealed = nil
	jobs, err := j.folder.Jobs()
	if err != nil {
		return err
	}
	for _, id := range jobs {
		release, err := j.vacate(id)
		if err != nil {
			return err
		}
		release()
	}
	c := cleaner{job: j, servers: map[string]*cleanedServer{}}
	defer c.close()
	var failed error
	for _, id := range jobs {
		keys, err := c.clean(ctx, id)
		switch {
		case errors.Is(err, errForgotten): // it was cleaned before
		case err != nil:
			failed = cmp.Or(failed, err)
		default:
			cleaned(id, keys)
		}
	}
	os.Remove(j.folder.Shuffle()) // if it is empty
	return cmp.Or(c.save(ctx), failed)
}

// vacate keeps everybody from working on a job in this folder, until release is called.
func (j *Job) vacate(id string) (release func(), err error) {
	release, free, err := j.folder.Vacate(id)
	if err == nil && !free {
		err = fmt.Errorf("%w: a process works on job %s in %s: end it first", ErrIncomplete, id, strconv.Quote(j.config.Dir))
	}
	return release, err
}

// cleaner deletes the jobs of a folder, wherever their keys are.
type cleaner struct {
	job     *Job
	servers map[string]*cleanedServer // by the texts that the state folder has for them
}

// cleanedServer is a server from which jobs are deleted, or the error of connecting to it.
type cleanedServer struct {
	conn    *connection
	err     error
	deleted bool // something was deleted there
}

// errForgotten is the error of a job that the folder doesn't know any more.
var errForgotten = errors.New("the job is forgotten")

// clean deletes a job from each of its servers, and forgets it. It returns how many keys there
// were. The error is errForgotten if there is no such job.
func (c *cleaner) clean(ctx context.Context, id string) (keys int, err error) {
	folder := c.job.folder
	release, err := c.job.vacate(id)
	if err != nil {
		return 0, err
	}
	defer release()
	p, err := folder.Load(id)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errForgotten
	}
	if err != nil {
		return 0, err
	}
	servers, err := folder.Servers(id)
	if err != nil {
		return 0, err
	}
	if len(servers) == 0 {
		here, err := c.job.conn.place()
		if err != nil {
			return 0, err
		}
		servers = []string{here}
	}
	var left []string
	var failed error
	for _, server := range servers {
		n, err := c.delete(ctx, server, p.Job)
		if err != nil {
			failed = cmp.Or(failed, fmt.Errorf("keys of job %s are left on %q: %w", id, server, err))
			left = append(left, server)
		}
		keys += n
	}
	if failed != nil {
		return keys, cmp.Or(folder.SetServers(id, left), failed)
	}
	if err := place.Delete(ctx, folder, id); err != nil {
		return keys, err
	}
	return keys, folder.Forget(id)
}

// delete deletes a job from one server.
func (c *cleaner) delete(ctx context.Context, server string, job protocol.Job) (keys int, err error) {
	s := c.server(ctx, server)
	if s.err != nil {
		return 0, s.err
	}
	keys, err = protocol.Clean(ctx, s.conn.rdb, job)
	if err == nil && s.conn.owned() {
		err = s.conn.server.RemoveUser(ctx, workerUser(job.ID))
	}
	s.deleted = s.deleted || err == nil
	return keys, err
}

// server connects to a server, once.
func (c *cleaner) server(ctx context.Context, server string) *cleanedServer {
	s, ok := c.servers[server]
	if !ok {
		s = &cleanedServer{}
		if s.conn, s.err = c.job.conn.to(server); s.err == nil {
			s.err = s.conn.open(ctx, false)
		}
		c.servers[server] = s
	}
	return s
}

// save makes what was deleted durable. Without a new checkpoint, the next crash of a server would
// bring the jobs back. On a given server that is its owner's matter, unless the durability says
// otherwise.
func (c *cleaner) save(ctx context.Context) error {
	for _, s := range c.servers {
		if !s.deleted || !s.conn.owned() && c.job.config.Durability != BGSave {
			continue
		}
		if err := checkpoint.Take(ctx, s.conn.rdb); err != nil {
			return err
		}
	}
	return nil
}

func (c *cleaner) close() {
	for _, s := range c.servers {
		if s.err == nil && s.conn != &c.job.conn {
			s.conn.close()
		}
	}
}

// to is a connection to a server that the state folder has recorded. Only this connection has a
// password for an address. To all others it connects without one: somebody may have prepared the
// folder, and must not get the contents of any file.
func (c *connection) to(place string) (*connection, error) {
	here, err := c.place()
	if err != nil {
		return nil, err
	}
	other := &connection{config: c.config, name: c.name, tell: c.tell, record: c.record}
	other.config.PasswordFile, other.config.CAFile, other.config.CertFile, other.config.KeyFile = "", "", "", ""
	switch place {
	case here:
		return c, nil
	case readyClient:
		return nil, fmt.Errorf("%w: they are where a program's own client led to: let that program clean", ErrRedis)
	case ownServer:
		other.config.URL = ""
	default:
		other.config.URL = place
	}
	return other, nil
}
