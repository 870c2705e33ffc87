// Package words cuts values into words, as a person chooses.
//
// # Basics
//
// A value is a line of a text, or a field of a record: any bytes. A [Choice] says what its words
// are, and how they are folded:
//
//	choice, err := words.Parse("unicode", "case")
//	cutter, err := choice.Cutter()
//	cutter.Cut(value, func(word []byte) { … })
//
// These are the choices:
//
//	fields       maximal runs of bytes without white space (unicode.IsSpace), as bytes.Fields
//	value        the value as it is
//	unicode      the words of UAX #29, Unicode 17: see below
//	regexp:EXPR  each match in the value, or what its first group matched, in Go's syntax
//	func:NAME    what the function gives that this program has registered under the name
//
// And these are the foldings. They change the words, after the value is cut:
//
//	case      full case folding: Straße and STRASSE become strasse
//	nfc       Normalization Form C: e and U+0301 become é
//	case,nfc  NFD, case folding, NFC: words become one if they are a canonical caseless match (D145)
//
// No choice gives an empty word: an empty value, match or group, or a group that isn't part of the
// match.
//
// # Unicode words
//
// A segment of UAX #29 is a word unless all of its characters are marks, punctuation, symbols,
// separators, controls or format characters. So it is a word if it has a letter or a number, as
// section 4 suggests, or a character for private use, or one that Go's tables don't know yet. Emoji
// aren't words.
//
// Bytes that aren't UTF-8 are never lost. Each maximal run of them is a word, and the texts before
// and after it are segmented by themselves.
//
// # Bytes that aren't UTF-8
//
// For fields, value and func:NAME all bytes are alike. An expression sees each byte that isn't
// UTF-8 as U+FFFD, and the word has the byte. The foldings leave such bytes as they are.
//
// # Expressions
//
// Matches are those of regexp's FindAll: leftmost, first alternative first, not overlapping. They
// are found by an automaton, which is made from the same program while it runs. Its states keep the
// priorities of alternatives, so that it finds the same, and fuzzing compares the two. An
// expression that would need an automaton of more than some MiB is left to package regexp. Lines of a
// text are searched together, unless the expression asks about neighbours, as ^, $ and \b do.
//
// # Caveats
//
// Case folding and NFC, and what is a letter, have the version of Go's own tables: Unicode 15 with
// Go 1.26. Newer characters are segmented, but their case isn't folded. The library's NFC puts a
// U+034F into more than 30 marks in a row.
//
// A function that is registered must depend on the value alone. Each process needs it, so it is
// registered in an init function of the magefile.
package words
