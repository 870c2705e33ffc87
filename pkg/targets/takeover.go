package targets

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// setting is a variable and its value.
type setting struct{ name, value string }

// lastRun returns the configuration with what it takes over from the last run in its folder, and these settings for people:
// none if it names an input. Otherwise they are that run's input, and, where the configuration leaves them open, the options
// that say which job it was. So a run after a failure goes on with the job that failed, and a run after a change counts
// the same input anew.
func (c Config) lastRun() (Config, []setting, error) {
	if c.Input != "" {
		return c, nil, nil
	}
	input, o, err := state.Folder{Dir: cmp.Or(c.Dir, defaultDir)}.Asked()
	if input == "" || err != nil {
		return c, nil, err
	}
	var taken []setting
	take := func(name, value string) { taken = append(taken, setting{name, value}) }
	checked := func(name, value string) { // what a folder says may be out of bounds
		take(name, value)
		err = cmp.Or(err, c.set(name, value))
	}
	c.Input = input
	take("WORDCOUNT_INPUT", input)
	if len(c.Exclude) == 0 && len(o.Exclude) > 0 {
		c.Exclude = o.Exclude
		take("WORDCOUNT_EXCLUDE", strings.Join(o.Exclude, ","))
	}
	if c.Skip == (plan.Skip{}) && o.Skip != c.Skip {
		c.Skip = o.Skip
		take("WORDCOUNT_SKIP", o.Skip.String())
	}
	if !c.Growing && o.Growing {
		c.Growing = true
		take("WORDCOUNT_GROWING", "planned")
	}
	if c.Split == 0 && !c.WholeFiles && (o.Split != 0 || o.WholeFiles) {
		checked("WORDCOUNT_SPLIT", strconv.FormatInt(o.Split, 10))
	}
	if c.Reducers == 0 && !c.Direct && (o.Reducers != 0 || o.Direct) {
		checked("WORDCOUNT_REDUCERS", strconv.Itoa(o.Reducers))
	}
	return c, taken, err
}

// takeOver applies lastRun. What differs from the defaults is noted, for people to be told.
func (c Config) takeOver() (Config, error) {
	c, settings, err := c.lastRun()
	if err != nil {
		return c, err
	}
	var told []string
	for _, s := range settings {
		told = append(told, s.name+"="+printable(s.value))
	}
	if len(told) > 1 || c.Input != defaultInput {
		c.taken = strings.Join(told, " ")
	}
	return c, nil
}
