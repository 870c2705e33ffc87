package protocol

import (
	"encoding/binary"
	"errors"
	"iter"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
)

// FrameVersion is the version of what a commit stores for a partition. That is a nonce, which names
// the output, and a frame: blobs one after the other, each behind its length as a uvarint. The
// version is part of the job's name.
const FrameVersion = 2

var errFrame = errors.New("partial counts are cut short")

// FramesOf returns the frames of the committed outputs among a partition's partial counts. An
// output has one frame in a partition. A torn log may bring the same one back twice, if a call was
// repeated; the second is left out.
func FramesOf(committed map[string]string, partials []string) (frames []string, err error) {
	seen := make(map[string]bool, len(partials))
	for _, partial := range partials {
		if len(partial) < nonceLen {
			return nil, errFrame
		}
		output := partial[:nonceLen]
		if _, counts := committed[output]; counts && !seen[output] {
			frames = append(frames, partial[nonceLen:])
		}
		seen[output] = true
	}
	return frames, nil
}

// blobs yields the blobs of a frame.
func blobs(frame string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for rest := []byte(frame); len(rest) > 0; {
			n, width := binary.Uvarint(rest)
			if width <= 0 || n > uint64(len(rest)-width) {
				yield(nil, errFrame)
				return
			}
			blob := rest[width : width+int(n)]
			if !yield(blob, nil) {
				return
			}
			rest = rest[width+int(n):]
		}
	}
}

// Merge adds the partial counts of a frame to a table.
func Merge(table *count.Table, frame string) error {
	for blob, err := range blobs(frame) {
		if err == nil {
			err = table.Merge(blob)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
