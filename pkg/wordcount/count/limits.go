package count

import "fmt"

// MaxWord is the longest word, in bytes, that is counted. It bounds the memory
// of a split. No text comes near it; a binary file may.
const MaxWord = 1 << 20

// block is how many bytes one mask speaks of.
const block = 64

// A WordTooLongError reports a word of more than MaxWord bytes.
type WordTooLongError struct {
	Offset int64 // of the word's first byte in the file
}

func (e *WordTooLongError) Error() string {
	return fmt.Sprintf("count: word of more than %d bytes at offset %d", MaxWord, e.Offset)
}
