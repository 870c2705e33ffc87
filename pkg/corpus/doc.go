// Package corpus writes text to count: as many bytes as you like, in words that
// look like words, with the few very common and the many rare ones that real
// text has.
//
//	spec := corpus.Spec{Bytes: 1 << 30, Files: 64}
//	err := corpus.Write(ctx, "texts", spec, nil)
//
// # The same bytes everywhere
//
// A Spec stands for exactly one corpus, whatever the machine, the operating
// system and the number of CPUs, so that a measurement or a bug report needs to
// name nothing else. Three things see to that. Each file draws from a random
// stream of its own, which only the seed and the file's number decide. Chances
// are compared as integers. And the little floating-point arithmetic there is
// consists of operations that IEEE 754 rounds in one way only; see power.
//
// # What it is like
//
// The words are drawn by Zipf's law from a vocabulary of Spec.Words, in which
// "tide", "Tide" and "tide," are three, as they are to anyone who splits at
// white space. The common ones are short. A few in a hundred are Greek,
// Cyrillic, Hebrew, Arabic, Devanagari, Han, Kana, Hangul or emoji, some are
// numbers, and one in some hundreds is as long as a URL. Between them stand
// spaces and line ends, now and then a tab, a CRLF or two spaces, and rarely
// white space beyond ASCII. No file ends within a word. No corpus of this kind
// is text in any language, though: don't measure compression with it.
//
// # On disk
//
// A file gets its name when it is whole. What DIR holds is recorded beside it,
// in DIR.spec.json, for inside the folder the record would be counted too.
// Writing the same corpus again keeps the files that are there; after an
// interruption it completes them. Any other content is refused, not replaced.
package corpus
