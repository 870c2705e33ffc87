package input

import (
	"fmt"
	"strconv"
)

// ChangedError reports that a file is not what the manifest says. Another try doesn't help.
type ChangedError struct {
	Path string
	How  string // one line, about "it"
	Grew bool   // it has only grown, which plan.Selection.Growing allows
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("input changed: %s: %s", strconv.Quote(e.Path), e.How)
}
