//go:build !amd64

package record

func mark(text []byte, marks []uint64) { markGo(text, marks) }
