//go:build !linux

package count

func hugePages[T any](table []T) {}
