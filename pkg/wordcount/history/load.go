package history

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Load returns all calls that were recorded in a folder, in the order in which they began. A last
// line that was not written completely is left out.
func Load(dir string) ([]*Call, error) {
	files, err := fs.Glob(os.DirFS(dir), "*"+suffix)
	if err != nil {
		return nil, err
	}
	var all []*Call
	for _, file := range files {
		path := filepath.Join(dir, file)
		some, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the history %s: %w", path, err)
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b *Call) int { return cmp.Compare(a.Start, b.Start) })
	return all, nil
}

func readFile(path string) (all []*Call, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	calls := map[int]*Call{}
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		if !whole {
			break
		}
		text = rest
		c := &Call{Process: filepath.Base(path)}
		if err := json.Unmarshal(line, c); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if c.Start != 0 {
			calls[c.N] = c
			all = append(all, c)
		} else if begun := calls[c.N]; begun != nil { // else it began in another file: see Turn
			begun.End, begun.Answer, begun.Refused, begun.Lost = c.End, c.Answer, c.Refused, c.Lost
		}
	}
	return all, nil
}
