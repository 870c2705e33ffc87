package config

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"text/tabwriter"

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
		value, source := os.Getenv(v.name), "environment"
		if value == "" {
			value, source = cmp.Or(v.byDefault, "-"), "default"
		}
		if i := slices.IndexFunc(taken, func(s setting) bool { return s.name == v.name }); i >= 0 {
			value, source = show.Printable(taken[i].value), "the last run"
		}
		if v.name == "REDIS_URL" {
			value = withoutPassword(value)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", v.name, value, source)
	}
	return table.Flush()
}

// withoutPassword returns an address in a form without passwords.
func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(not an address)"
	}
	query := u.Query()
	if query.Has("password") { // for the server that Sentinels lead to
		query.Set("password", "xxxxx")
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}
