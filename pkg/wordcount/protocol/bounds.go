package protocol

import (
	"fmt"
	"strconv"
)

// Bounds of the numbers of a job. Redis may say anything, and no number from there may make this
// program take more memory than the largest job needs.
const (
	maxMaps  = 1 << 26 // a stream of more tasks takes more memory than servers have
	MaxCount = 1 << 53 // the library can't count further
)

// bounded reads a number from 0 to most. An empty text is 0.
func bounded(s string, most int) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%q is no number from 0 to %d", s, most)
	}
	return n, nil
}

// Number reads a number. It is 0 if the text is none.
func Number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
