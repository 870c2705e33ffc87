package targets_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/s3"
	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// storesIn makes a folder use a store in S3.
func (f *folder) storesIn(server *s3test.Server, where string) {
	for name, value := range server.Variables(server.Addr) {
		f.set(name, value)
	}
	f.set("WORDCOUNT_SHUFFLE", where)
}

func TestFault83AHostJoinsAJobWhoseStoreIsInS3(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	host := newFolder(t)
	guest := host.guest()
	host.use(guest.env["REDIS_URL"], guest.env["WORDCOUNT_REDIS_PASSWORD_FILE"])
	host.slowTexts(40)
	host.storesIn(server, "s3://bucket/a prefix/")
	host.set("WORDCOUNT_KEEP", "3")
	host.set("WORDCOUNT_REDUCERS", "3")
	all := host.exits(0, "env", "stream:seed").String()
	join := []string{"workers:join", "-job=" + host.job().ID, "-input=" + filepath.Join(host.dir, "data")}
	for where, says := range map[string]string{
		"s3://bucket/another":     `"s3://bucket/another"`,
		"s3://nobucket/a prefix":  "NoSuchBucket",
		"":                        "set WORDCOUNT_SHUFFLE",
		"s3://bucket/a prefix?/ ": "no mark of the run",
		"s3://":                   "WORDCOUNT_SHUFFLE=s3://: write s3://bucket/prefix",
	} {
		guest.storesIn(server, where)
		r := guest.exits(2, join...)
		contains(t, r.err, says)
		if where != "s3://" {
			contains(t, r.err, `which are in "s3://bucket/a prefix"`)
		}
		all += r.String()
	}
	guest.storesIn(server, "s3://bucket/a prefix")
	guest.set("AWS_SECRET_ACCESS_KEY", "another secret")
	r := guest.exits(2, join...)
	contains(t, r.err, "S3 says 403")
	contains(t, r.err, "needs s3:ListBucket")
	all += r.String()

	r = host.exits(0, "workers:manifest", "-format=compose")
	contains(t, r.out, `WORDCOUNT_SHUFFLE: "s3://bucket/a prefix"`)
	contains(t, r.out, "AWS_SECRET_ACCESS_KEY: ")
	lacks(t, r.out, `source: "s3:`)
	all += r.String()

	guest.storesIn(server, "s3://bucket/a prefix")
	p := guest.start(join...)
	host.until("the guest has committed", func(st protocol.Status) bool { return st.Mapped > 0 })
	all += host.exits(0, "run", "verify", "top", "status").String() + p.exits(0).String()
	if got := host.exits(0, "export").out; got != host.counted() {
		t.Errorf("exported:\n%s", head(got))
	}
	all += host.exits(0, "clean").String()
	for o, err := range s3.List(t.Context(), s3.URL{Bucket: "bucket"}) {
		check.Must(t, err)
		t.Errorf("clean has left %q", o.Key)
	}
	for _, secret := range []string{s3test.Access, s3test.Secret, "another secret"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q was printed", secret)
		}
	}
}

func TestFault83AStoreThatCannotBeUsedExits2BeforeAnythingBegins(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	f := newFolder(t)
	f.texts(2)
	f.storesIn(server, "s3://nobucket/prefix")
	contains(t, f.exits(2, "run").err, "NoSuchBucket: make the bucket first")
	f.storesIn(server, "s3://bucket/prefix")
	f.set("AWS_SECRET_ACCESS_KEY", "another secret")
	contains(t, f.exits(2, "run").err, "S3 says 403")
	f.set("AWS_ACCESS_KEY_ID", "")
	f.set("AWS_SECRET_ACCESS_KEY", "")
	f.set("AWS_EC2_METADATA_DISABLED", "true")
	contains(t, f.exits(2, "run").err, "no credentials: set AWS_ACCESS_KEY_ID")
	f.storesIn(server, "s3://bucket/prefix")
	f.exits(0, "run")
	f.exact()
}
