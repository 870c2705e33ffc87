package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/targets/show"
)

// PrintEnv prints every variable with its value, and where that comes from.
func PrintEnv(w io.Writer, c Config) error {
	_, taken, err := c.lastRun()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range variables {
		value, source := cmp.Or(v.byDefault, "-"), "default"
		if set := os.Getenv(v.name); set != "" {
			value, source = v.withoutPassword(set), "environment"
		}
		if i := slices.IndexFunc(taken, func(s setting) bool { return s.name == v.name }); i >= 0 {
			value, source = show.Printable(taken[i].value), "the last run"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", v.name, value, source)
	}
	return table.Flush()
}

// withoutPassword returns a value as env shows it. What makes no sense isn't shown, because it may
// be the password of the server.
func (v variable) withoutPassword(value string) string {
	switch v.name {
	case "REDIS_URL":
		return cmp.Or(redisd.Endpoint{URL: value}.ForPeople(), "(not an address)")
	case "WORDCOUNT_REDIS_PASSWORD_FILE":
		if _, err := os.Stat(value); err != nil {
			return "(not a file)"
		}
	}
	if v.set(new(Config), value) != nil {
		return "(wrong)"
	}
	return value
}
