//go:build !amd64

package words

func (p pair) index(text []byte) int { return p.indexGo(text) }
