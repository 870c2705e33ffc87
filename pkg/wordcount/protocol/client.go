package protocol

import (
	"context"

	"github.com/magereduce/magereduce/lua"
	"github.com/magereduce/magereduce/pkg/redisfn"
	"github.com/redis/go-redis/v9"
)

// Library is the code of the protocol: lua/wordcount.lua, which explains each function and each of
// its guards.
var Library = redisfn.MustParse(lua.Wordcount)

// Schema is the version of the keys and the functions. It is part of the library's name and of each
// function's name.
const Schema = "5"

// Client calls the library for one job. It has one method for each function.
type Client struct {
	Redis  redis.UniversalClient
	Job    Job
	Budget Budget // of the job; zero on a server of the folder's own
}

// Server returns the server that has the job's keys. In a cluster, that is the present master of
// their slot.
func (c Client) Server(ctx context.Context) (redis.UniversalClient, error) {
	cluster, ok := c.Redis.(*redis.ClusterClient)
	if !ok {
		return c.Redis, nil
	}
	master, err := cluster.MasterForKey(ctx, c.Job.Key("meta"))
	if err != nil {
		return nil, Classify(err)
	}
	return master, nil
}

// Function is the full name of one of the library's functions.
func Function(name string) string { return "wordcount_" + Schema + "_" + name }

// call calls a function. Its error is classified.
func (c Client) call(ctx context.Context, name string, keys []string, args ...any) *redis.Cmd {
	return classified(Library.Call(ctx, c.Redis, Function(name), keys, args...))
}

// read calls a function that writes nothing.
func (c Client) read(ctx context.Context, name string, keys []string, args ...any) *redis.Cmd {
	return classified(Library.CallRO(ctx, c.Redis, Function(name), keys, args...))
}

func classified(cmd *redis.Cmd) *redis.Cmd {
	if err := cmd.Err(); err != nil {
		cmd.SetErr(Classify(err))
	}
	return cmd
}

// transaction returns the error of a transaction. If a command could not be queued, that is the
// command's own error, because EXECABORT doesn't say why.
func transaction(cmds []redis.Cmder, err error) error {
	if redisfn.Code(err) != "EXECABORT" {
		return err
	}
	for _, cmd := range cmds {
		if code := redisfn.Code(cmd.Err()); code != "" && code != "EXECABORT" {
			return cmd.Err()
		}
	}
	return err
}
