package input

import (
	"os"
	"path/filepath"
	"testing"
)

func TestACompressionIsKnownByTheFirstBytes(t *testing.T) {
	t.Parallel()
	for begin, want := range map[string]Compression{
		"": Plain, "\x1f": Plain, "\x1f\x8b": Plain, "\x1f\x8b\x08": Gzip, "\x1f\x8b\x07": Plain,
		"\x28\xb5\x2f\xfd": Zstd, "\x28\xb5\x2f": Plain, "\x28\xb5\x2f\xfc": Plain,
		"\x50\x2a\x4d\x18\x04\x00\x00\x00....\x28\xb5\x2f\xfd": Zstd,
		"\x50\x2a\x4d\x18\x04\x00\x00\x00....\x28\xb5\x2f":     Plain,
		"\x50\x2a\x4d\x18\x05\x00\x00\x00....\x28\xb5\x2f\xfd": Plain,
		"BZh91AY&SY": Bzip2, "BZh1\x17\x72\x45\x38\x50\x90": Bzip2, "BZh9": Plain, "BZh91AY&S": Plain, "BZh9 words": Plain,
		"PK\x03\x04": Plain, "\xfd7zXZ\x00": Plain,
	} {
		if is := CompressionOf([]byte(begin)); is != want {
			t.Errorf("%q is %v, want %v", begin, is, want)
		}
	}
}

func TestWhatAFileHasGrownByDoesntTellItsCompression(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for text, size := range map[string]int64{"\x1f\x8b\x08": 2, "BZh91AY&SY": 9} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		now, err := Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		var r Reader
		if err := r.Open(t.Context(), File{Path: path, Size: size, MTime: now.Mtime, Inode: now.Inode}, 0, size); err != nil {
			t.Fatal(err)
		}
		as, err := r.Compression()
		r.Close()
		if as != Plain || err != nil {
			t.Errorf("%d bytes of %q are %v, %v", size, text, as, err)
		}
	}
}
