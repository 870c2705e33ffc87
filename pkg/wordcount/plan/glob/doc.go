// Package glob is the patterns that choose files: which are an input, and which are left out of it. It
// looks at no file.
//
// # Basics
//
// A [Pattern] is an input with * in its name. An [Exclusion] leaves out what it matches, as .gitignore
// does. Their syntax is that of [ParseList].
//
// # Caveats
//
// Paths are those below a folder, with slashes between names and none at their ends.
package glob
