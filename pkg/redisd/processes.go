package redisd

import (
	"regexp"
	"strings"
)

// titleTemplate is the title that the server and its children give themselves,
// by an argument that carries the name before they have done so.
func titleTemplate(name string) string { return "{title} " + name }

// titles matches a server of ours, or a child of one, by its command line, and
// what comes behind: its name and, on Linux, leftovers of a longer title. Anybody
// may mention a name, as a pager reading our log does; that doesn't match.
var titles = regexp.MustCompile(`(?:^|/)(?:redis|valkey)-[\w-]+ (?:- --proc-title-template \{title\} )?(\S+)(?: |$)`)

// ours reports whether a command line is that of a process that bears name.
func ours(command, name string) bool {
	m := titles.FindStringSubmatch(strings.ReplaceAll(command, "\x00", " "))
	return m != nil && m[1] == name
}
