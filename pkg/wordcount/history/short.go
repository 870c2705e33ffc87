package history

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

var (
	jobKey   = regexp.MustCompile(`^wordcount:\{([0-9a-f]+)\}:(\w+)$`)
	function = regexp.MustCompile(`^wordcount_\d+_(\w+)$`)
)

// callOf returns what the first line says of a command, if the protocol knows the command.
func callOf(cmd redis.Cmder) (c Call, known bool) {
	args := texts(cmd.Args())
	if len(args) < 2 {
		return c, false
	}
	// stream is the short name of a key, and the call is of the key's job.
	stream := func(key string) string {
		if m := jobKey.FindStringSubmatch(key); m != nil {
			c.Job = m[1]
			return m[2]
		}
		return ""
	}
	switch cmd.Name() {
	case "fcall", "fcall_ro":
		if len(args) < 3 {
			return c, false
		}
		m, keys := function.FindStringSubmatch(args[1]), number(args[2])
		if m == nil || keys < 1 || len(args) < 3+keys {
			return c, false
		}
		stream(args[3])
		c.Name, c.Args = m[1], args[3+keys:]
		if kept := min(wordless(c.Name, c.Args), len(c.Args)); kept >= 0 {
			c.Args, c.More = c.Args[:kept], len(c.Args)-kept
		}
		if c.Name == "renew" && len(c.Args) > 2 {
			c.Args = slices.Concat(c.Args[:2], c.Args[3:]) // not what the worker says of itself
		}
	case "xreadgroup":
		at := slices.Index(args, "streams") + 1
		names := args[at:]
		c.Name, c.Args = Read, []string{args[3], "new", ""}
		if count := slices.Index(args, "count"); count > 0 && count < at {
			c.Args[2] = args[count+1]
		}
		if names[len(names)-1] != ">" {
			c.Args[1] = "own"
		}
		for _, key := range names[:len(names)/2] {
			c.Args = append(c.Args, stream(key))
		}
	case "xautoclaim", "xclaim":
		c.Name, c.Args = Steal, []string{args[3], stream(args[1])}
	case "xpending":
		if len(args) != 6 || args[3] != "-" || args[4] != "+" {
			return c, false
		}
		c.Name, c.Args = Pending, []string{stream(args[1]), args[5]}
	case "hmget":
		if stream(args[1]) != "meta" {
			return c, false
		}
		c.Name, c.Args = Meta, args[2:]
	case "unlink", "del":
		if stream(args[1]) != "meta" {
			return c, false
		}
		if c.Name = Delete; len(args) == 2 {
			c.Name = Expire // the others go when the job is seeded anew
		}
	case "expire":
		if stream(args[1]) != "meta" {
			return c, false
		}
		c.Name = Expire
	}
	return c, c.Job != ""
}

// wordless is how many of a function's arguments come before its words and paths.
func wordless(function string, args []string) int {
	switch function {
	case "seed":
		return 7
	case "commit":
		if len(args) > 1 {
			return 7 + number(args[1])
		}
	case "fill":
		return 3
	}
	return len(args)
}

// answerOf is the answer of a command that callOf knows, without words.
func answerOf(cmd redis.Cmder) any {
	switch cmd := cmd.(type) {
	case *redis.Cmd:
		c, _ := callOf(cmd)
		reply, ok := cmd.Val().([]any)
		switch {
		case c.Name == "result" && ok:
			return len(reply) / 2
		case c.Name == "status" && len(reply) > 5:
			return []any{reply[0], reply[3], reply[5]} // meta, buried, seeded
		}
		return cmd.Val()
	case *redis.XStreamSliceCmd:
		tasks := []string{}
		for _, stream := range cmd.Val() {
			tasks = append(tasks, tasksOf(stream.Stream, stream.Messages)...)
		}
		return tasks
	case *redis.XAutoClaimCmd:
		entries, _ := cmd.Val()
		return tasksOf(fmt.Sprint(cmd.Args()[1]), entries)
	case *redis.XMessageSliceCmd:
		return tasksOf(fmt.Sprint(cmd.Args()[1]), cmd.Val())
	case *redis.XPendingExtCmd:
		owners := [][2]string{}
		for _, p := range cmd.Val() {
			owners = append(owners, [2]string{task(fmt.Sprint(cmd.Args()[1]), p.ID), p.Consumer})
		}
		return owners
	case *redis.SliceCmd:
		return cmd.Val()
	case *redis.IntCmd:
		return cmd.Val()
	}
	return nil
}

func tasksOf(stream string, entries []redis.XMessage) []string {
	tasks := []string{}
	for _, e := range entries {
		tasks = append(tasks, task(stream, e.ID))
	}
	return tasks
}

// task names a task as the library does: "map 7".
func task(stream, id string) string {
	n, _, _ := strings.Cut(id, "-")
	return stream[strings.LastIndexByte(stream, ':')+1:] + " " + n
}

// texts are arguments as they are sent.
func texts(args []any) []string {
	all := make([]string, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case []byte:
			all[i] = string(arg)
		case bool:
			all[i] = "0"
			if arg {
				all[i] = "1"
			}
		default:
			all[i] = fmt.Sprint(arg)
		}
	}
	return all
}

// number is a number; one that makes no sense is 0.
func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
