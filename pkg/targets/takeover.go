package targets

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount"
)

// setting is a variable and its value.
type setting struct{ name, value string }

// lastRun returns the settings that a run of this configuration takes over from the last one in its folder: none if it
// names an input. Otherwise it is that run's input, and with it, where the configuration leaves them open, the options
// that say which job it was. So a run after a failure goes on with the job that failed, and a run after a change counts
// the same input anew.
func (c Config) lastRun() ([]setting, error) {
	if c.Input != "" {
		return nil, nil
	}
	input, o, err := wordcount.Folder{Dir: cmp.Or(c.Dir, defaultDir)}.Asked()
	if input == "" || err != nil {
		return nil, err
	}
	taken := []setting{{"WORDCOUNT_INPUT", input}}
	if c.Split == 0 && o.Split != 0 {
		taken = append(taken, setting{"WORDCOUNT_SPLIT", strconv.FormatInt(max(0, o.Split), 10)})
	}
	if c.Reducers == 0 && o.Reducers != 0 {
		taken = append(taken, setting{"WORDCOUNT_REDUCERS", strconv.Itoa(max(0, o.Reducers))})
	}
	return taken, nil
}

// takeOver applies lastRun. What differs from the defaults is noted, for people to be told.
func (c Config) takeOver() (Config, error) {
	settings, err := c.lastRun()
	if err != nil {
		return c, err
	}
	var told []string
	for _, s := range settings {
		if err := c.set(s.name, s.value); err != nil {
			return c, err
		}
		told = append(told, s.name+"="+printable(s.value))
	}
	if len(told) > 1 || c.Input != defaultInput {
		c.taken = strings.Join(told, " ")
	}
	return c, nil
}
