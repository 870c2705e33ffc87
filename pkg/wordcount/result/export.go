package result

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strconv"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// Export writes a line "count<TAB>word" for each word.
func Export(w io.Writer, words iter.Seq2[count.Entry, error]) error {
	b := bufio.NewWriterSize(w, 1<<16)
	for e, err := range words {
		if err != nil {
			return err
		}
		b.WriteString(strconv.FormatUint(e.N, 10))
		b.WriteByte('\t')
		b.WriteString(e.Word)
		if err := b.WriteByte('\n'); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
