package shuffle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/count"
	"github.com/magereduce/magereduce/pkg/wordcount/shuffle/backend"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// memory is a backend that holds one map output, and the mark.
type memory struct {
	backend.Backend
	content []byte
}

type memoryObject struct{ *bytes.Reader }

func (o memoryObject) Close() error         { return nil }
func (o memoryObject) Size() (int64, error) { return o.Reader.Size(), nil }
func (o memoryObject) Expect(int64, int64)  {}

func (m memory) Open(path string) (backend.Object, error) {
	if path == (Run{job: aJob, run: aRun}).mark() {
		return memoryObject{bytes.NewReader([]byte(aRun))}, nil
	}
	return memoryObject{bytes.NewReader(m.content)}, nil
}

// accepted reads all of a map output of any bytes. If they are accepted, they must be the very bytes
// that a writer would have written of these segments.
func accepted(t *testing.T, content []byte, partitions int) {
	r := Run{&Store{backend: memory{content: content}}, aJob, aRun}
	out, err := r.Open(aName, partitions)
	if err != nil {
		if !errors.Is(err, ErrLost) {
			t.Fatal(err)
		}
		return
	}
	again := bytes.NewBuffer(out.id.header())
	var footer []byte
	var reader Reader
	for spill := range out.spills() {
		for p := range partitions {
			s := out.segment(spill, p)
			segment, err := io.ReadAll(s)
			if err != nil {
				return // a checksum is wrong
			}
			table, whole := count.New(), count.New()
			for step, err := range reader.Segment(out, spill, p) {
				if err != nil {
					if !errors.Is(err, ErrLost) {
						t.Fatal(err)
					}
					return // it is no blob
				}
				table.MergeStep(step)
			}
			if len(segment) > 0 {
				var u count.Unpacker
				u.Reset(bytes.NewReader(segment))
				s, err := u.Next()
				for ; err == nil; s, err = u.Next() {
					whole.MergeStep(s)
				}
				if !errors.Is(err, io.EOF) {
					t.Fatalf("partition %d of spill %d was read, and %v", p, spill, err)
				}
			}
			if table.Len() != whole.Len() || table.Tokens() != whole.Tokens() || table.Tokens() != s.tokens {
				t.Fatalf("partition %d of spill %d: %d tokens, want %d", p, spill, table.Tokens(), whole.Tokens())
			}
			again.Write(segment)
			sum := segmentSum(spill, p)
			sum.Write(segment)
			footer = entry{length: uint64(len(segment)), words: s.words, tokens: s.tokens, sum: sum.Sum64()}.append(footer)
		}
	}
	again.Write(footer)
	again.Write(tail(out.id.header(), footer))
	if !bytes.Equal(again.Bytes(), content) {
		t.Fatalf("accepted\n%q\nand not\n%q", content, again.Bytes())
	}
}

// FuzzFile reads any bytes as a map output.
func FuzzFile(f *testing.F) {
	v := newVictim(f)
	f.Add(v.content, uint16(victimParts-1))
	f.Add(v.content[:len(v.content)-1], uint16(victimParts-1))
	f.Add(make([]byte, len(v.content)), uint16(victimParts-1))
	r, dir := prepared(f)
	put(f, r, aName, 1)
	empty, err := os.ReadFile(dir + "/" + aName)
	check.Must(f, err)
	f.Add(empty, uint16(0))
	f.Fuzz(func(t *testing.T, content []byte, partitions uint16) {
		accepted(t, content, int(partitions)%MaxPartitions+1)
	})
}

// FuzzFooter reads any segments and any footer between a right header and a right tail. A segment
// whose checksum would be wrong gets the right one, so that what lies behind the checksums is
// reached.
func FuzzFooter(f *testing.F) {
	v := newVictim(f)
	end := int64(len(v.content)) - tailSize
	footer := v.footer(v.content)
	f.Add(v.content[headerSize:end-int64(len(footer))], footer, uint16(victimParts-1))
	f.Add([]byte{}, emptyFooter(), uint16(victimParts-1))
	f.Add([]byte("\x01\x01\x02to\x01"), entry{length: 6, words: 1, tokens: 1}.append(nil), uint16(0))
	f.Fuzz(func(t *testing.T, segments, footer []byte, partitions uint16) {
		n := int(partitions)%MaxPartitions + 1
		footer = bytes.Clone(footer)
		rest := segments
		for i := 0; i+entrySize <= len(footer); i += entrySize {
			length := binary.LittleEndian.Uint64(footer[i:])
			if length > uint64(len(rest)) {
				break
			}
			sum := segmentSum(i/entrySize/n, i/entrySize%n)
			sum.Write(rest[:length])
			binary.LittleEndian.PutUint64(footer[i+24:], sum.Sum64())
			rest = rest[length:]
		}
		header := identity{aJob, aRun, aName, n}.header()
		accepted(t, bytes.Join([][]byte{header, segments, footer, tail(header, footer)}, nil), n)
	})
}
