package targets

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/deploy"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
	"github.com/magereduce/magereduce/pkg/wordcount/worker"
)

const defaultImage = "wordcount"

// imageOr returns the name of an image that a flag gives, or the default.
func imageOr(flag *string) (string, error) {
	name := defaultImage
	if flag != nil {
		name = *flag
	}
	if err := deploy.CheckImage(name); err != nil {
		return "", fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	return name, nil
}

// buildImage makes the image of this program.
func buildImage(ctx context.Context, flag *string) error {
	name, err := imageOr(flag)
	if err != nil {
		return err
	}
	engine, err := redisd.Engine(ctx)
	if err != nil {
		return fmt.Errorf("%w: an image needs a container engine: %w", protocol.ErrInput, err)
	}
	program, remove, err := deploy.Program(ctx)
	if errors.Is(err, deploy.ErrNoProgram) {
		err = fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	if err != nil {
		return err
	}
	defer remove()
	image := deploy.Image{Program: program, Authorities: deploy.Authorities()}
	made, err := image.Make(ctx, engine, name)
	if err != nil {
		return err
	}
	shown := show.NewProgress(os.Stderr)
	shown.Say("workers:image", "%s in %s: %s, %s", name, engine, humanize.IBytes(made.Bytes), made.Platform)
	if image.Authorities == "" {
		shown.Say("workers:image", "! this system has no certificates: for TLS, workers need WORDCOUNT_REDIS_CA")
	} else {
		shown.Say("workers:image", "trusts the authorities of %s", image.Authorities)
	}
	return nil
}

// manifest prints a manifest of workers for the last job.
func (s *session) manifest(ctx context.Context, n *int, format, image *string) error {
	w, as := deploy.Workers{N: 1}, deploy.Kubernetes
	if n != nil {
		w.N = *n
	}
	if w.N < 1 {
		return fmt.Errorf("%w: -n=%d: write a number above 0", protocol.ErrInput, w.N)
	}
	var err error
	if format != nil {
		if as, err = deploy.ParseFormat(*format); err != nil {
			return fmt.Errorf("%w: -format: %w", protocol.ErrInput, err)
		}
	}
	if w.Image, err = imageOr(image); err != nil {
		return err
	}
	if err := s.describe(ctx, &w); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := w.Write(&text, as); err != nil {
		return fmt.Errorf("%w: %w", protocol.ErrInput, err)
	}
	_, err = show.Out.Write(text.Bytes())
	return err
}

// describe fills in what the last job needs of its workers.
func (s *session) describe(ctx context.Context, w *deploy.Workers) error {
	if err := s.job.Last(); err != nil {
		return err
	}
	w.Job = s.job.ID()
	if s.config.Redis.URL == "" {
		return fmt.Errorf("%w: workers elsewhere can't reach the Redis of this folder: set REDIS_URL, and run the job there", protocol.ErrInput)
	}
	status, err := s.job.Status(ctx)
	if err != nil {
		return err
	}
	if status.Dismissed {
		return fmt.Errorf("%w: job %s is sealed, and needs no more workers", protocol.ErrInput, w.Job)
	}
	inS3, err := s.inputs(w)
	if err != nil {
		return err
	}
	if status.Reducers > 0 {
		// What Redis says of the place is not obeyed: this folder knows it.
		store, known, err := s.job.Folder().Store(w.Job, status.Run)
		switch {
		case err != nil:
			return err
		case !known:
			return fmt.Errorf("%w: this folder doesn't know where the map outputs of job %s are: print the manifest where the job was started", protocol.ErrState, w.Job)
		}
		w.Store, w.StoreInS3 = store.Dir, backend.InS3(store.Dir)
	}
	if w.User, w.Group = os.Getuid(), os.Getgid(); w.User == 0 {
		if w.Store != "" && !w.StoreInS3 {
			return fmt.Errorf("%w: the map outputs of job %s are for root alone, and workers in containers are never root: run the job as another user", protocol.ErrInput, w.Job)
		}
		w.User, w.Group = deploy.User, deploy.User
	}
	if inS3 || w.StoreInS3 {
		w.TellOfS3()
	}
	s.tell(w)
	return nil
}

// inputs fills in what the workers read, and the folders that they need for that. It reports whether
// they need S3, too.
func (s *session) inputs(w *deploy.Workers) (inS3 bool, err error) {
	w.Inputs = s.job.Planned().Manifest.Inputs
	for _, name := range w.Inputs {
		if input.InS3(name) {
			inS3 = true
			continue
		}
		path := plan.Base(name)
		info, err := os.Stat(path)
		if err != nil {
			return false, fmt.Errorf("%w: %w", protocol.ErrInput, err)
		}
		folder := deploy.Folder{Path: path, File: info.Mode()&fs.ModeType == 0}
		if !slices.Contains(w.Folders, folder) { // two patterns may begin in one folder
			w.Folders = append(w.Folders, folder)
		}
	}
	return inS3, nil
}

// tell fills in what the workers are told by variables.
func (s *session) tell(w *deploy.Workers) {
	c := s.config
	w.Memory = cmp.Or(c.WorkerMemory, worker.DefaultWorkerMemory)
	w.Secrets = append(w.Secrets, deploy.Secret{Name: "REDIS_URL", Key: "url"})
	for _, file := range []struct{ path, name, key string }{
		{c.Redis.PasswordFile, "WORDCOUNT_REDIS_PASSWORD_FILE", "password"},
		{c.Redis.CAFile, "WORDCOUNT_REDIS_CA", "ca.crt"},
		{c.Redis.CertFile, "WORDCOUNT_REDIS_CERT", "tls.crt"},
		{c.Redis.KeyFile, "WORDCOUNT_REDIS_KEY", "tls.key"},
	} {
		if file.path != "" {
			w.Secrets = append(w.Secrets, deploy.Secret{Name: file.name, Key: file.key, File: true})
		}
	}
	set := func(name, value string, given bool) {
		if given {
			w.Settings = append(w.Settings, deploy.Setting{Name: name, Value: value})
		}
	}
	set("WORDCOUNT_WORKER_MEMORY", strconv.FormatInt(c.WorkerMemory, 10), c.WorkerMemory != 0)
	set("WORDCOUNT_LEASE", c.Lease.String(), c.Lease != 0)
	set("WORDCOUNT_REDIS_MEMORY", strconv.FormatInt(c.Memory, 10), c.Memory != 0)
}
