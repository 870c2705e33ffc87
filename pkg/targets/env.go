package targets

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"text/tabwriter"
)

// Env shows every option: its value, and where that comes from
func Env(ctx context.Context) error {
	if _, err := FromEnvironment(); err != nil {
		return coded(ctx, err)
	}
	return printEnv(os.Stdout)
}

func printEnv(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range variables {
		value, source := os.Getenv(v.name), "environment"
		if value == "" {
			value, source = cmp.Or(v.byDefault, "-"), "default"
		}
		if v.name == "REDIS_URL" {
			value = withoutPassword(value)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", v.name, value, source)
	}
	return table.Flush()
}

// withoutPassword is an address as it may be shown.
func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(not an address)"
	}
	query := u.Query()
	if query.Has("password") { // of what Sentinels lead to
		query.Set("password", "xxxxx")
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}
