// Package corpus writes text to count: any number of bytes, in words that look like words. As in
// real text, a few words are very frequent, and many are rare.
//
//	spec := corpus.Spec{Bytes: 1 << 30, Files: 64}
//	err := corpus.Write(ctx, "texts", spec, nil)
//
// # The same bytes everywhere
//
// A Spec stands for exactly one corpus, on every machine and operating system and with any number
// of CPUs. So a measurement or a bug report needs to name nothing but the Spec. Three rules ensure
// this:
//
//   - Each file has its own stream of random numbers, which depends only on the seed and on the
//     number of the file.
//   - Chances are compared as integers.
//   - The little floating-point arithmetic consists of operations that IEEE 754 rounds in only one
//     way; see power.
//
// # What the text is like
//
// The words are drawn by Zipf's law from a vocabulary of Spec.Words. The vocabulary counts "tide",
// "Tide" and "tide," as three words, because a program that splits at white space does so, too.
// Frequent words are short. A few in a hundred are Greek, Cyrillic, Hebrew, Arabic, Devanagari,
// Han, Kana, Hangul or emoji. Some are numbers, and one in a few hundred is as long as a URL.
// Between the words are spaces and line ends, sometimes a tab, a CRLF or two spaces, and rarely
// white space outside ASCII. No file ends inside a word.
//
// The text is no real language, so don't measure compression with it.
//
// # On disk
//
// A file gets its name when it is complete. DIR.spec.json, beside the folder DIR, records what DIR
// holds. The record is not inside the folder, because there it would be counted, too. When Write is
// called again for the same corpus, it keeps the files that are there, and completes the corpus
// after an interruption. It refuses a folder with any other content, and replaces nothing.
package corpus
