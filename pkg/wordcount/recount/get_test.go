package recount_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/input"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/recount"
)

// A server need not heed If-Match or Range.
func TestFault75VerifyReadsNoOtherVersionAndNoOtherRange(t *testing.T) {
	server := s3test.Start(t)
	m := plan.Manifest{Files: []input.File{{Path: "s3://bucket/key", Size: 10, ETag: "planned"}}, Bytes: 10}
	const changed, other = `"s3://bucket/key" isn't what was counted: another object`, "S3 answers with another range"
	// The first answer breaks off behind "te". Then the rest is asked for.
	rest := func(etag, contentRange, body string) s3test.Fault {
		header := http.Header{"Etag": {`"` + etag + `"`}}
		if contentRange != "" {
			header.Set("Content-Range", contentRange)
		}
		return s3test.Fault{Status: http.StatusOK, Header: header, Body: body}
	}
	first := rest("planned", "", "ten bytes.")
	first.Cut = 2
	for what, c := range map[string]struct {
		answers []s3test.Fault
		says    string // "": it is what was asked for
	}{
		"the object":                {[]s3test.Fault{rest("planned", "", "ten bytes.")}, ""},
		"the object in two parts":   {[]s3test.Fault{first, rest("planned", "bytes 2-9/10", "n bytes.")}, ""},
		"another version":           {[]s3test.Fault{rest("other", "", "TEN BYTES.")}, changed},
		"no version":                {[]s3test.Fault{rest("", "", "ten bytes.")}, changed},
		"another version's rest":    {[]s3test.Fault{first, rest("other", "bytes 2-9/10", "N BYTES.")}, changed},
		"more":                      {[]s3test.Fault{rest("planned", "", "ten bytes. And more")}, other},
		"less":                      {[]s3test.Fault{rest("planned", "", "ten byte")}, other},
		"the whole instead of rest": {[]s3test.Fault{first, rest("planned", "", "ten bytes.")}, other},
		"as long as the rest":       {[]s3test.Fault{first, rest("planned", "", "ten byte")}, other},
		"another rest":              {[]s3test.Fault{first, rest("planned", "bytes 0-7/10", "ten byte")}, other},
	} {
		server.Before(t, func(r *http.Request) s3test.Fault {
			if r.Header.Get("Range") == "" {
				return c.answers[0]
			}
			return c.answers[len(c.answers)-1]
		})
		counts, _, err := recount.Files(t.Context(), m, plan.Counting{}, recount.Share{}, func(int64) {})
		if c.says == "" && (err != nil || counts["ten"] != 1 || counts["bytes."] != 1) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, %v", what, counts, err)
		}
	}
}
