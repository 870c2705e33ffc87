package targets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/config"
	"github.com/magereduce/magereduce/pkg/targets/export"
	"github.com/magereduce/magereduce/pkg/targets/failure"
	"github.com/magereduce/magereduce/pkg/targets/graph"
	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/targets/texts"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// Run counts the input exactly: the whole graph, up to the sealed result
func Run(ctx context.Context,
	input *string, // files, folders, patterns, one a line; without it the last run goes on, or data is counted
	field *string, // what is counted of each record, like jsonl:user.agent or csv:name; plain text
	words *string, // of the field's value: fields, value, unicode, regexp:EXPR or func:NAME
	workers *int, // worker processes; one a CPU
	reducers *int, // partitions, by the size of the input; 0: words go straight into the sorted set
) error {
	flags := map[string]string{}
	for name, flag := range map[string]*string{"WORDCOUNT_INPUT": input, "WORDCOUNT_FIELD": field, "WORDCOUNT_WORDS": words, "WORDCOUNT_WORKERS": number(workers), "WORDCOUNT_REDUCERS": number(reducers)} {
		if flag != nil {
			flags[name] = *flag
		}
	}
	c, err := config.Resolve(Config{}, flags)
	if err != nil {
		return failure.Explain(ctx, err)
	}
	// A missing input is refused before a server is started for it.
	if err := plan.Missing(config.Complete(c).Inputs); err != nil {
		return outcome(ctx, err)
	}
	ctx, stop := untilTerminated(ctx)
	defer stop()
	return outcome(ctx, graph.Run(ctx, Job(c)))
}

func number(n *int) *string {
	if n == nil {
		return nil
	}
	s := strconv.Itoa(*n)
	return &s
}

// stepTarget runs one step after the steps that it needs, and returns its session.
func stepTarget(ctx context.Context, name string) (*session, error) {
	c, err := config.Resolve(Config{}, nil)
	if err != nil {
		return nil, failure.Explain(ctx, err)
	}
	return sessionOf(config.Complete(c)), graph.Run(ctx, graph.Find(Job(c), name))
}

// Redis starts and stops the folder's server
type Redis mg.Namespace

// Start makes a Redis server answer: a given one, a container, a local process, or one fetched for it
func (Redis) Start(ctx context.Context) error {
	_, err := stepTarget(ctx, "redis:start")
	return err
}

// Stop saves everything and stops the server that was started in this folder
func (Redis) Stop(ctx context.Context) error {
	return inFolder(ctx, func(s *session) error {
		server, err := redisd.Open(s.config.Redis)
		if errors.Is(err, redisd.ErrNone) {
			s.shown.Say("redis:stop", "no server runs in this folder")
			return nil
		}
		if err != nil {
			return err
		}
		if err := server.Stop(ctx); err != nil {
			return err
		}
		s.shown.Say("redis:stop", "%v; its data stays in %s", server, server.DataDir)
		return nil
	})
}

// Functions holds the protocol's library
type Functions mg.Namespace

// Load loads the Redis Functions, the protocol of the job; -replace overwrites another build's on a given server
func (Functions) Load(ctx context.Context, replace *bool) error {
	if replace == nil || !*replace {
		_, err := stepTarget(ctx, "functions:load")
		return err
	}
	return inFolder(ctx, func(s *session) error {
		rdb, _, err := s.job.Redis(ctx)
		if err != nil {
			return err
		}
		outcome, err := protocol.Library.Replace(ctx, rdb)
		if err == nil {
			s.shown.Say("functions:load", "%s %v", protocol.Library.Name, outcome)
		}
		return err
	})
}

// Stream holds the tasks
type Stream mg.Namespace

// Seed plans the job and puts its tasks into the stream
func (Stream) Seed(ctx context.Context) error {
	_, err := stepTarget(ctx, "stream:seed")
	return err
}

// Workers are the processes that count
type Workers mg.Namespace

// Spawn starts the workers and keeps them alive until the job is sealed
func (Workers) Spawn(ctx context.Context) error { return foreground(ctx, "workers:spawn") }

// Join adds workers to a job of another folder or host, until it is sealed; -job=ID -input=PATH, and REDIS_URL for another host
func (Workers) Join(ctx context.Context, job, input *string) error {
	ctx, stop := untilTerminated(ctx)
	defer stop()
	return inFolder(ctx, func(s *session) error { return s.join(ctx, job, input) })
}

// Image builds an image of this program, for workers in containers, with the container engine that is there
func (Workers) Image(ctx context.Context, name *string) error {
	return failure.Explain(ctx, buildImage(ctx, name))
}

// Manifest prints a Kubernetes Job, or a compose file, that starts workers for the last job: see -h workers:manifest
func (Workers) Manifest(ctx context.Context,
	n *int, // workers, each in a container of its own; 1
	format *string, // kubernetes or compose; kubernetes
	image *string, // as the hosts that run them know it; wordcount
) error {
	return inFolder(ctx, func(s *session) error { return s.manifest(ctx, n, format, image) })
}

// Checkpoint is what makes work outlast Redis
type Checkpoint mg.Namespace

// Loop takes a checkpoint now and then, until the job is sealed
func (Checkpoint) Loop(ctx context.Context) error { return foreground(ctx, "checkpoint:loop") }

// foreground runs a step whose work goes on in the background, and waits until the job is sealed.
func foreground(ctx context.Context, name string) error {
	ctx, stop := untilTerminated(ctx)
	defer stop()
	s, err := stepTarget(ctx, name)
	if err != nil || s.job.IsSealed() {
		return err
	}
	s.shown.Say(name, "goes on until the job is sealed, which only run does")
	err = s.job.Attend(ctx)
	s.shown.Finish()
	if err == nil {
		s.shown.Say(name, "job %s is sealed", s.job.ID())
	}
	return failure.Resumable(failure.Explain(ctx, err), s.recorded())
}

// Verify recounts the input of the last job with the standard library alone, and compares both ways
func Verify(ctx context.Context) error {
	return withResult(ctx, func(s *session, r *wordcount.Result) error { return s.verify(ctx, r) })
}

// Top prints the words with the highest counts; -n=20, -partial for a job that could not be finished
func Top(ctx context.Context, n *int, partial *bool) error {
	return withWords(ctx, partial, func(s *session, words show.Entries) error {
		most := 20
		if n != nil {
			most = *n
		}
		if most < 1 {
			return fmt.Errorf("%w: -n=%d: write a number above 0", protocol.ErrInput, most)
		}
		return show.Words(result.First(words, most))
	})
}

// Export writes all words by descending count; -format=tsv, csv or jsonl, -out=FILE or s3://bucket/key, -partial as for top
func Export(ctx context.Context, out *string, partial *bool, format *string) error {
	as := wordcount.TSV
	if format != nil {
		var err error
		if as, err = result.ParseFormat(*format); err != nil {
			return outcome(ctx, err)
		}
	}
	return withWords(ctx, partial, func(s *session, words show.Entries) error {
		if out == nil || *out == "" {
			return result.Export(&show.Out, words, as)
		}
		err := export.Write(ctx, *out, func(w io.Writer) error { return result.Export(w, words, as) })
		if err == nil {
			s.shown.Say("export", "%s", show.Printable(*out))
		}
		return err
	})
}

// Requeue makes tasks that were given up ready to run again; mend the cause first, and run afterwards
func Requeue(ctx context.Context) error {
	return inFolder(ctx, func(s *session) error {
		if err := s.job.Last(); err != nil {
			return err
		}
		n, err := s.job.Requeue(ctx)
		if err == nil {
			s.shown.Say("requeue", "%s of job %s", show.Plural(n, "task"), s.job.ID())
		}
		return err
	})
}

// Data is input to try things on
type Data mg.Namespace

// Generate writes a corpus, the same for the same flags: see -h data:generate
func (Data) Generate(ctx context.Context,
	out *string, // folder; corpus
	bytes *string, // of all files together; 64MiB
	files *int, // number of files; 16
	words *int, // different words that can occur; 200000
	zipf *string, // exponent, by which frequent words are more frequent; 1.07
	seed *int, // another number gives other texts; 0
) error {
	return failure.Explain(ctx, texts.Generate(ctx, texts.Flags{Out: out, Bytes: bytes, Files: files, Words: words, Zipf: zipf, Seed: seed}))
}

// Status shows where the last job stands; -json for programs, -watch again and again until the job is sealed
func Status(ctx context.Context, json, watch *bool) error {
	inJSON := json != nil && *json
	return inFolder(ctx, func(s *session) error {
		if watch != nil && *watch {
			return show.WatchStatus(ctx, s.job, inJSON)
		}
		status, err := show.StatusOf(ctx, s.job)
		if err != nil {
			return err
		}
		if inJSON {
			return status.JSON(&show.Out)
		}
		status.Text(&show.Out)
		return nil
	})
}

// Clean deletes the jobs of this folder from Redis and what chaos has left, and forgets them; other folders' jobs stay
func Clean(ctx context.Context) error {
	return inFolder(ctx, func(s *session) error {
		if err := s.clean(ctx); err != nil {
			return err
		}
		return s.cleanScratch(ctx)
	})
}

func (s *session) clean(ctx context.Context) error { return s.job.Clean(ctx, s.cleaned) }

func (s *session) cleaned(job string, keys int) {
	s.shown.Say("clean", "job %s: %s deleted", job, show.Plural(keys, "key"))
}

// inFolder runs a target that concerns this folder's jobs.
func inFolder(ctx context.Context, do func(*session) error) error {
	c, err := config.UnderVariables(Config{})
	if err != nil {
		return failure.Explain(ctx, err)
	}
	s := sessionOf(config.Complete(c))
	if err := s.open(ctx); err != nil {
		return failure.Explain(ctx, err)
	}
	_, stopped := redisd.Open(s.config.Redis)
	err = do(s)
	if server, unstarted := redisd.Open(s.config.Redis); errors.Is(stopped, redisd.ErrNone) && unstarted == nil {
		s.shown.Say("redis:start", "%v, started for this; it goes on until redis:stop", server)
	}
	return outcome(ctx, err)
}

// withResult runs a target that reads the sealed result of the last job.
func withResult(ctx context.Context, do func(*session, *wordcount.Result) error) error {
	return inFolder(ctx, func(s *session) error {
		if err := s.job.Last(); err != nil {
			return err
		}
		r, err := s.job.Result(ctx)
		if errors.Is(err, wordcount.ErrIncomplete) {
			advice := "{mage} run"
			if s.job.Folder().Supervised(s.job.ID()) {
				advice = "it is being counted, wait for its end"
			}
			err = failure.Advise(err, advice)
		}
		if err != nil {
			return err
		}
		return do(s, r)
	})
}

// withWords runs a target that reads the words of the last job. It reads them from the sealed
// result, or, with partial, from what was committed.
func withWords(ctx context.Context, partial *bool, do func(*session, show.Entries) error) error {
	if partial == nil || !*partial {
		return withResult(ctx, func(s *session, r *wordcount.Result) error { return do(s, r.All(ctx)) })
	}
	return inFolder(ctx, func(s *session) error {
		if err := s.job.Last(); err != nil {
			return err
		}
		words, missing, err := s.job.Unsealed(ctx)
		if err != nil {
			return err
		}
		s.shown.Note("! partial: %s of job %s missing", show.Plural(missing, "map"), s.job.ID())
		return do(s, words)
	})
}

// join adds workers to a job that another process supervises.
func (s *session) join(ctx context.Context, job, input *string) error {
	var id string
	var inputs []string
	if job != nil {
		id = *job
	}
	if input != nil && *input != "" {
		var err error
		if inputs, err = config.ParseInputs(*input); err != nil {
			return fmt.Errorf("%w: -input: %w", protocol.ErrInput, err)
		}
	}
	s.shown.Living = s.job.Living
	sealed, err := s.job.Join(ctx, id, inputs)
	s.shown.Finish()
	switch {
	case errors.Is(err, state.ErrNoLast):
		err = failure.Advise(err, "{mage} run; or name one: workers:join -job=ID")
	case sealed:
		s.shown.Say("workers:join", "job %s is sealed already", s.job.ID())
	}
	return err
}
