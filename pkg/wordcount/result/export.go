package result

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
)

// Export writes all words in a format. The error wraps protocol.ErrInput if the format can't hold
// one of them.
func Export(w io.Writer, words iter.Seq2[count.Entry, error], format Format) error {
	b := bufio.NewWriterSize(w, 1<<16)
	to := format.writer(b)
	for e, err := range words {
		if err != nil {
			return err
		}
		if err := to.write(e); err != nil {
			return notWritten(err)
		}
	}
	if err := to.flush(); err != nil {
		return notWritten(err)
	}
	if err := b.Flush(); err != nil {
		return notWritten(err)
	}
	return nil
}

// notWritten is the error of a result that can't be written.
func notWritten(err error) error {
	if errors.Is(err, protocol.ErrInput) {
		return err
	}
	return fmt.Errorf("write result: %w", err)
}
