package s3test

import "testing"

func TestTheServerIsBuiltAndAnswers(t *testing.T) {
	server := Start(t)
	server.Bucket(t, "bucket")
	server.Put(t, "bucket", "key", "words")
	if got := server.Get(t, "bucket", "key"); got != "words" {
		t.Errorf("it has %q", got)
	}
}
