package arguments

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Check refuses the arguments of this program if one is neither a target nor a flag of the target
// before it. The error wraps protocol.ErrInput.
func Check(args []string) error {
	words, ok := targetsIn(args)
	if !ok || len(words) < 2 {
		return nil // Mage refuses a single wrong word before it runs anything
	}
	var last target
	for i, word := range words {
		var err error
		if strings.HasPrefix(word, "-") {
			err = last.checkFlag(word, append(words, "")[i+1])
		} else {
			last, err = lookUp(word, last)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", protocol.ErrInput, err)
		}
	}
	return nil
}

// targetsIn returns the arguments behind Mage's own flags. It returns false if Mage is to run no
// target.
func targetsIn(args []string) (targets []string, ok bool) {
	mage := flag.NewFlagSet("", flag.ContinueOnError)
	mage.SetOutput(io.Discard)
	mage.Bool("v", false, "")
	mage.Duration("t", 0, "")
	list := mage.Bool("l", os.Getenv("MAGEFILE_LIST") != "", "")
	help := mage.Bool("h", os.Getenv("MAGEFILE_HELP") != "", "")
	if mage.Parse(args) != nil {
		return nil, false
	}
	return mage.Args(), !*list && !*help
}

// target is a target of this program, as Mage describes it.
type target struct {
	name  string
	flags map[string]string // types by names in lower case, because Mage ignores the case
}

var flagInHelp = regexp.MustCompile(`-(\w+)=<([\w.]+)>`)

// lookUp asks Mage about a target of this program. before is the target in front of it on the command
// line. lookUp returns an error if there is no such target.
func lookUp(name string, before target) (target, error) {
	cmd := wordcount.Program("")
	cmd.Args = append(cmd.Args, "-h", name)
	help, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && strings.HasPrefix(string(exit.Stderr), "Unknown target") {
		err = fmt.Errorf("there is no target %s", strconv.Quote(name))
		if before.flags["input"] != "" {
			err = fmt.Errorf("%w: to count it, write -input=%s", err, name)
		}
		return target{}, err
	}
	if err != nil {
		return target{}, fmt.Errorf("look up target %s: %w", name, err)
	}
	found := target{name: name, flags: map[string]string{}}
	_, usage, _ := strings.Cut(string(help), "\nUsage:\n")
	for _, m := range flagInHelp.FindAllStringSubmatch(usage, -1) {
		found.flags[strings.ToLower(m[1])] = m[2]
	}
	return found, nil
}

// checkFlag refuses an argument that is no flag of the target in the form that Mage reads. next is
// the argument after it.
func (t target) checkFlag(arg, next string) error {
	name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	kind := t.flags[strings.ToLower(name)]
	switch {
	case kind == "" && strings.EqualFold(name, "input"):
		return fmt.Errorf("%s has no flag -%s: write it behind run", t.name, name)
	case kind == "":
		return fmt.Errorf("%s has no flag -%s", t.name, name)
	case !hasValue && kind != "bool":
		if next == "" || strings.HasPrefix(next, "-") {
			next = "VALUE"
		}
		return fmt.Errorf("-%s has no value: write -%s=%s", name, name, next)
	case strings.HasPrefix(arg, "--") && hasValue:
		return fmt.Errorf("%s has two dashes: write -%s=%s", arg, name, value)
	case strings.HasPrefix(arg, "--"):
		return fmt.Errorf("%s has two dashes: write -%s", arg, name)
	}
	return nil
}
