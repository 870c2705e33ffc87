package input

import "testing"

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
