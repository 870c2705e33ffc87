package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/magereduce/magereduce/pkg/targets/show"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/state"
)

// setting is the name of a variable and its value.
type setting struct{ name, value string }

// lastRun returns the configuration with the settings that it takes over from the last run in its
// folder, and a list of these settings. If the configuration names an input, it takes over nothing.
// Otherwise it takes over that run's input. It also takes over the options that decide which job it
// was, if it doesn't set them itself. So a run after a failure continues the job that failed, and a
// run after a change of the input counts the same input anew.
func (c Config) lastRun() (Config, []setting, error) {
	if len(c.Inputs) > 0 {
		return c, nil, nil
	}
	inputs, o, err := state.Folder{Dir: cmp.Or(c.Dir, defaultDir)}.Asked()
	if len(inputs) == 0 || err != nil {
		return c, nil, err
	}
	var taken []setting
	take := func(name, value string) { taken = append(taken, setting{name, value}) }
	checked := func(name, value string) { // a value from the folder may be out of bounds
		take(name, value)
		err = cmp.Or(err, c.set(name, value))
	}
	c.Inputs = inputs
	take("WORDCOUNT_INPUT", namesOf(inputs))
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
	counting := c.Field == "" && c.Words == "" && c.Fold == "" && !c.Strict // they belong together
	for _, s := range []setting{{"WORDCOUNT_FIELD", o.Field}, {"WORDCOUNT_WORDS", o.Words}, {"WORDCOUNT_FOLD", o.Fold}} {
		if counting && s.value != "" {
			checked(s.name, s.value)
		}
	}
	if counting && o.Strict {
		checked("WORDCOUNT_STRICT", "1")
	}
	if c.Split == 0 && !c.WholeFiles && (o.Split != 0 || o.WholeFiles) {
		checked("WORDCOUNT_SPLIT", strconv.FormatInt(o.Split, 10))
	}
	if c.Reducers == 0 && !c.Direct && (o.Reducers != 0 || o.Direct) {
		checked("WORDCOUNT_REDUCERS", strconv.Itoa(o.Reducers))
	}
	if c.Keep == 0 && !c.keepAll && !c.Direct && o.Keep != 0 {
		checked("WORDCOUNT_KEEP", strconv.Itoa(o.Keep))
	}
	return c, taken, err
}

// Taken returns the settings that a configuration has taken over from the last run, as NAME=value.
// It is what people should know, so it is "" if the default input is the only one.
func Taken(c Config) string { return c.taken }

// takeOver applies lastRun, and keeps what Taken returns.
func (c Config) takeOver() (Config, error) {
	c, settings, err := c.lastRun()
	if err != nil {
		return c, err
	}
	var told []string
	for _, s := range settings {
		told = append(told, s.name+"="+show.Printable(s.value))
	}
	if len(told) > 1 || !slices.Equal(c.Inputs, []string{defaultInput}) {
		c.taken = strings.Join(told, " ")
	}
	return c, nil
}
