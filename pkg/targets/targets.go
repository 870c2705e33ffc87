package targets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// Run counts the input exactly: the whole graph, up to the sealed result
func Run(ctx context.Context, input *string, workers, reducers *int) error {
	flags := map[string]string{}
	for name, flag := range map[string]*string{"WORDCOUNT_INPUT": input, "WORDCOUNT_WORKERS": number(workers), "WORDCOUNT_REDUCERS": number(reducers)} {
		if flag != nil {
			flags[name] = *flag
		}
	}
	c, err := Config{}.resolve(flags)
	if err != nil {
		return coded(ctx, err)
	}
	return depend(ctx, []mg.Fn{Job(c)})
}

func number(n *int) *string {
	if n == nil {
		return nil
	}
	s := strconv.Itoa(*n)
	return &s
}

// stepTarget runs one step, after what it needs, and returns its session.
func stepTarget(ctx context.Context, name string) (*session, error) {
	c, err := Config{}.resolve(nil)
	if err != nil {
		return nil, coded(ctx, err)
	}
	n := find(Job(c), name)
	return sessionOf(n.config), depend(ctx, []mg.Fn{n})
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
		if err != nil {
			return err
		}
		if err := server.Stop(ctx); err != nil {
			return err
		}
		s.say("redis:stop", "%v; its data stays in %s", server, server.DataDir)
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
		if err := s.connect(ctx, true); err != nil {
			return err
		}
		outcome, err := wordcount.Library.Replace(ctx, s.rdb)
		if err == nil {
			s.say("functions:load", "%s %v", wordcount.Library.Name, outcome)
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
	return inFolder(ctx, func(s *session) error { return s.join(ctx, job, input) })
}

// Checkpoint is what makes work outlast Redis
type Checkpoint mg.Namespace

// Loop takes a checkpoint now and then, until the job is sealed
func (Checkpoint) Loop(ctx context.Context) error { return foreground(ctx, "checkpoint:loop") }

// foreground runs a step whose work goes on in the background, and stays until the job is sealed.
func foreground(ctx context.Context, name string) error {
	s, err := stepTarget(ctx, name)
	if err != nil || s.sealed != nil {
		return err
	}
	_, err = s.attend(ctx, func(ctx context.Context) (sealed wordcount.Sealed, err error) {
		_, err = s.sup.Watch(ctx, func(st wordcount.Status) bool { return st.Released })
		return sealed, err
	})
	if err == nil {
		s.say(name, "job %s is sealed", s.plan.Job.ID)
	}
	return s.resumable(coded(ctx, err))
}

// Verify recounts the input of the last job with the standard library alone, and compares both ways
func Verify(ctx context.Context) error {
	return withResult(ctx, func(s *session, sealed wordcount.Sealed) error { return s.verify(ctx, s.plan, sealed) })
}

// Top prints the words with the highest counts; -n=20, -partial for a job that could not be finished
func Top(ctx context.Context, n *int, partial *bool) error {
	return withWords(ctx, partial, func(s *session, words entries) error {
		most := 20
		if n != nil {
			most = *n
		}
		if most < 1 {
			return fmt.Errorf("%w: -n=%d: write a number above 0", wordcount.ErrInput, most)
		}
		return printTop(words, most)
	})
}

// Export writes the result as lines "count<TAB>word", by descending count; -out=FILE, -partial as for top
func Export(ctx context.Context, out *string, partial *bool) error {
	return withWords(ctx, partial, func(s *session, words entries) error {
		if out == nil || *out == "" {
			return wordcount.Export(os.Stdout, words)
		}
		err := writeTo(*out, func(w io.Writer) error { return wordcount.Export(w, words) })
		if err == nil {
			s.say("export", "%s", printable(*out))
		}
		return err
	})
}

// Requeue gives tasks that were given up another life, once their cause is mended; run again then
func Requeue(ctx context.Context) error {
	return inFolder(ctx, func(s *session) error {
		plan, err := s.folder.Last()
		if err != nil {
			return err
		}
		if err := s.connect(ctx, false); err != nil {
			return err
		}
		n, err := wordcount.Requeue(ctx, s.rdb, plan.Job)
		if err == nil {
			s.say("requeue", "%s of job %s", plural(n, "task"), plan.Job.ID)
		}
		return err
	})
}

// Data is input to try things on
type Data mg.Namespace

// Generate writes a corpus, the same for the same flags: -out=DIR -bytes=64MiB -files=16 -words=200000 -zipf=1.07 -seed=0
func (Data) Generate(ctx context.Context, out, bytes *string, files, words *int, zipf *string, seed *int) error {
	return coded(ctx, generate(ctx, out, bytes, files, words, zipf, seed))
}

// Status shows where the last job stands; -json for programs
func Status(ctx context.Context, json *bool) error {
	return inFolder(ctx, func(s *session) error {
		report, err := s.status(ctx)
		if err != nil {
			return err
		}
		if json != nil && *json {
			return report.json(os.Stdout)
		}
		report.text(os.Stdout)
		return nil
	})
}

// Clean deletes the jobs of this folder from Redis, and forgets them; other folders' jobs stay
func Clean(ctx context.Context) error {
	return inFolder(ctx, func(s *session) error { return s.clean(ctx) })
}

func (s *session) clean(ctx context.Context) error {
	jobs, err := s.folder.Jobs()
	if err != nil {
		return err
	}
	for _, id := range jobs {
		plan, err := s.folder.Load(id)
		if errors.Is(err, os.ErrNotExist) {
			continue // cleaned before
		}
		if err != nil {
			return err
		}
		if err := s.connect(ctx, false); err != nil {
			return err
		}
		keys, err := wordcount.Clean(ctx, s.rdb, plan.Job)
		if err != nil {
			return err
		}
		if s.server.Owned() {
			if err := s.server.RemoveUser(ctx, workerUser(plan.Job)); err != nil {
				return err
			}
		}
		if err := s.folder.Forget(id); err != nil {
			return err
		}
		s.say("clean", "job %s: %s deleted", id, plural(keys, "key"))
	}
	if s.rdb == nil || s.config.Durability != wordcount.BGSave {
		return nil
	}
	// Else the next crash would bring the jobs back.
	return (&wordcount.Supervisor{Redis: s.rdb}).Checkpoint(ctx)
}

// inFolder runs a target that speaks of this folder's jobs.
func inFolder(ctx context.Context, do func(*session) error) error {
	c, err := Config{}.underVariables()
	if err != nil {
		return coded(ctx, err)
	}
	c = c.complete()
	if err := redisd.CheckFolder(c.Dir); err != nil {
		return coded(ctx, err)
	}
	return coded(ctx, do(sessionOf(c)))
}

// withResult runs a target that reads the sealed result of the last job.
func withResult(ctx context.Context, do func(*session, wordcount.Sealed) error) error {
	return inFolder(ctx, func(s *session) error {
		plan, err := s.folder.Last()
		if err != nil {
			return err
		}
		s.plan = plan
		sealed, ok, err := s.folder.Sealed(plan.Job.ID)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: job %s is not sealed: mage run", wordcount.ErrIncomplete, plan.Job.ID)
		}
		if err := s.connect(ctx, false); err != nil {
			return err
		}
		return do(s, sealed)
	})
}

// entries are words with their counts, by descending count, then by their bytes.
type entries = iter.Seq2[count.Entry, error]

// withWords runs a target that reads the words of the last job: of its sealed result, or, if partial is asked for, of
// what was committed.
func withWords(ctx context.Context, partial *bool, do func(*session, entries) error) error {
	if partial == nil || !*partial {
		return withResult(ctx, func(s *session, sealed wordcount.Sealed) error {
			return do(s, wordcount.Result{Redis: s.rdb, Job: s.plan.Job, Fence: sealed.Fence}.Entries(ctx))
		})
	}
	return inFolder(ctx, func(s *session) error {
		plan, err := s.folder.Last()
		if err != nil {
			return err
		}
		if err := s.connect(ctx, false); err != nil {
			return err
		}
		words, missing, err := wordcount.Partial(ctx, s.rdb, plan.Job)
		if err != nil {
			return err
		}
		s.note("! partial: %s of job %s missing", plural(missing, "map"), plan.Job.ID)
		return do(s, func(yield func(count.Entry, error) bool) {
			for _, e := range words {
				if !yield(e, nil) {
					return
				}
			}
		})
	})
}

// join adds a team to a job that others supervise.
func (s *session) join(ctx context.Context, job, input *string) error {
	var planned bool // in this folder
	if job != nil && *job != "" {
		if err := wordcount.CheckID(*job); err != nil {
			return err
		}
		plan, err := s.folder.Load(*job)
		if planned = err == nil; planned {
			s.plan = plan
		}
		s.plan.Job.ID = *job
	} else {
		plan, err := s.folder.Last()
		if err != nil {
			return fmt.Errorf("%w; or name one: workers:join -job=ID", err)
		}
		s.plan, planned = plan, true
	}
	// What to read is for this folder to say, and not for the writer of the tasks.
	trust := wordcount.Trust{Roots: [][]byte{[]byte(s.config.Input)}, Except: []byte(s.config.Dir)}
	if input != nil && *input != "" {
		trust.Roots = [][]byte{[]byte(*input)}
	} else if planned {
		var err error
		if trust, err = s.folder.Trust(s.plan.Job.ID, s.plan.Splits()); err != nil {
			return err
		}
	}
	trust.Joined = true
	if err := s.connect(ctx, false); err != nil {
		return err
	}
	sup, st, err := wordcount.Attach(ctx, s.rdb, s.plan.Job)
	if err != nil {
		return err
	}
	if st.Released {
		s.say("workers:join", "job %s is sealed already", s.plan.Job.ID)
		return nil
	}
	s.sup, s.plan = sup, sup.Plan
	if err := s.persist(ctx, func() error { return sup.Join(ctx, trust) }); err != nil {
		return err
	}
	if err := s.spawn(ctx, trust); err != nil {
		return err
	}
	_, err = s.attend(ctx, func(ctx context.Context) (sealed wordcount.Sealed, err error) { return sealed, sup.Follow(ctx) })
	return err
}
