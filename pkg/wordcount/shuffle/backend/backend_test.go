package backend

import "testing"

func TestAPlaceIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"s3://bucket": "s3://bucket", "s3://bucket/": "s3://bucket", "s3://bucket/a/b//": "s3://bucket/a/b", "/a/../b/": "/b",
	} {
		if got, err := Where(text); got != want || err != nil {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, wrong := range []string{"s3://", "s3:///a", "s3://a b/c", "s3://bucket/\x00"} {
		if _, err := Where(wrong); err == nil || err.Error() != "write s3://bucket/prefix" {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
