package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// role is the role of a process of the lab.
const role = "lab"

// programs are what a process of the lab can be, by the name of the file.
var programs = map[string]func(context.Context, *worker) error{
	"wrong_list":        wrongList,
	"wrong_increment":   wrongIncrement,
	"wrong_acknowledge": wrongAcknowledge,
	"wrong_ids":         wrongIDs,
	"wrong_loyal":       wrongLoyal,
	"wrong_multi":       wrongMulti,
	"wrong_leave":       wrongLeave,
	"wrong_save":        wrongSave,
	"right_worker":      rightWorker,
	"right_seed":        rightSeed,
	"right_seal":        rightSeal,
}

// instructions are what a process is told on its standard input, as one line of JSON.
type instructions struct {
	Program string // one of programs
	Name    string // of the worker
	Server  redisd.Endpoint
	Job     protocol.Job
	Tasks   []protocol.Entry // what is to be seeded
}

// Main runs a process of the lab if this process is meant to be one, and then ends the process. In
// all other processes it returns at once. A program that calls Run must call Main before it does
// anything else.
func Main() {
	if wordcount.Role() != role {
		return
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve runs the program that standard input asks for.
func serve() error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the instructions: %w", err)
	}
	var told instructions
	if err := json.Unmarshal(line, &told); err != nil {
		return fmt.Errorf("read the instructions: %w", err)
	}
	program := programs[told.Program]
	if program == nil {
		return fmt.Errorf("there is no program %q", told.Program)
	}
	rdb, err := told.Server.Client(told.Name)
	if err != nil {
		return err
	}
	defer rdb.Close()
	return program(context.Background(), &worker{
		name: told.Name, redis: rdb, job: protocol.Client{Redis: rdb, Job: told.Job}, tasks: told.Tasks,
		stream: told.Job.StreamKey(protocol.Maps), list: listKey(told.Job), counts: told.Job.Key("counts"),
		at: func(point string) {
			fmt.Println(point)
			if _, err := in.ReadByte(); err != nil {
				os.Exit(1) // the lab has ended
			}
		},
	})
}
