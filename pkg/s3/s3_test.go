package s3

import (
	"testing"
)

func TestURLsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]URL{
		"s3://b": {"b", ""}, "s3://b/": {"b", ""}, "s3://b/k": {"b", "k"}, "s3://b//k/": {"b", "/k/"}, "s3://b/a b?c#d%20*\xff": {"b", "a b?c#d%20*\xff"},
	} {
		u, err := Parse(text)
		if err != nil || u != want {
			t.Errorf("%q is %+v, %v", text, u, err)
		}
	}
	for _, text := range []string{"", "s3:", "s3://", "s3:///k", "b/k", "S3://b/k", "s3://a b/k", "s3://b/\x00", "s3://user:pass@b/k", "s3://*/k"} {
		if u, err := Parse(text); err == nil {
			t.Errorf("%q is %+v", text, u)
		}
	}
}
