// Package count is the counting kernel: it cuts bytes into words and counts
// them. It knows nothing of Redis, of jobs, or of files beyond io.ReaderAt.
//
// A word is a maximal run of bytes that aren't white space, white space being
// that of [unicode.IsSpace] over UTF-8. Bytes are kept as they are, valid UTF-8
// or not, so that [bytes.Fields] is the oracle.
package count
