// Package lua embeds the Redis Function library of a word count job, so that the binary carries its protocol with it.
package lua

import _ "embed"

// Wordcount is the source of wordcount.lua. Its first line names the library.
//
//go:embed wordcount.lua
var Wordcount string
