package targets_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/s3/s3test"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

func TestSeveralInputsPatternsAndListsAreOneRun(t *testing.T) {
	t.Parallel()
	f := newFolder(t)
	f.write("logs/a/1.log", "one two")
	f.write("logs/b/2.log", "two")
	f.write("logs/b/3.txt", "no log")
	f.write("more words", "three, three")
	f.write("a*b", "star")
	f.write("list", "logs/**/*.log\na*b\n\nmore words\n")
	want := "2\ttwo\n1\tone\n1\tstar\n1\tthree\n1\tthree,\n"
	for what, input := range map[string]string{
		"lines": "logs/**/*.log\nmore words\na*b\nlogs/a", "a list": "@list", "both": "logs/a/1.log\n@list",
	} {
		f.exits(0, "clean")
		f.set("WORDCOUNT_INPUT", input)
		f.exits(0, "run")
		if got := f.exits(0, "export").out; got != want {
			t.Errorf("%s: %s", what, got)
		}
	}
	f.set("WORDCOUNT_INPUT", "")
	contains(t, f.exits(0, "run").err, "up to date") // the inputs of the last run
	f.exits(0, "clean")
	cmd := exec.Command(f.program, "run", "-input=@-", "verify")
	cmd.Stdin = strings.NewReader("more words\nlogs/a/1.log\n")
	f.startCommand(cmd).exits(0)
	if got := f.exits(0, "export").out; got != "1\tone\n1\tthree\n1\tthree,\n1\ttwo\n" {
		t.Errorf("standard input: %s", got)
	}
	contains(t, f.exits(0, "status").out, `/logs/a/1.log" and 1 more`)
	for input, says := range map[string]string{
		"@none": `the list none: no such file`, "logs/**/*.gz": "no file and no folder matches", "none": "no such file", "\n": "no file and no folder is named",
	} {
		if r := f.exits(2, "run", "-input="+input); !strings.Contains(r.err, says) {
			t.Errorf("%q: %v", input, r)
		}
	}
}

func TestFault75ARunOverS3IsExactAndExportsThere(t *testing.T) {
	server := s3test.Start(t)
	server.Bucket(t, "bucket")
	f := newFolder(t)
	f.texts(3)
	for name, value := range server.Variables(server.Addr) {
		f.set(name, value)
	}
	files, err := filepath.Glob(filepath.Join(f.dir, "data", "*"))
	check.Must(t, err)
	for _, path := range files {
		text, err := os.ReadFile(path)
		check.Must(t, err)
		server.Put(t, "bucket", "logs/"+filepath.Base(path)+".gz", string(check.Gzip(t, string(text))))
	}
	f.set("WORDCOUNT_INPUT", "s3://bucket/logs/**/*.gz")
	said := f.exits(0, "run", "verify", "export", "-out=s3://bucket/counts.tsv")
	if got, want := server.Get(t, "bucket", "counts.tsv"), f.counted(); got != want {
		t.Errorf("exported %d lines, a serial count has %d", lines(got), lines(want))
	}
	all := said.String() + f.exits(0, "status", "-json").out
	for what, c := range map[string]struct {
		code int
		args []string
		says string
	}{
		"no bucket":       {2, []string{"run", "-input=s3://nobucket/logs"}, `list "s3://nobucket/logs/": S3 says 404 NoSuchBucket`},
		"no object":       {2, []string{"run", "-input=s3://bucket/none"}, `there is no object "s3://bucket/none", and none below it`},
		"no key":          {2, []string{"export", "-out=s3://bucket/"}, "-out=s3://bucket/: it is a folder"},
		"no bucket there": {2, []string{"export", "-out=s3://nobucket/key"}, "-out=s3://nobucket/key: S3 says 404 NoSuchBucket"},
	} {
		r := f.exits(c.code, c.args...)
		contains(t, r.err, c.says)
		all += r.String() + what
	}
	f.set("AWS_SECRET_ACCESS_KEY", "another secret")
	r := f.exits(2, "run", "-input=s3://bucket/logs")
	contains(t, r.err, `s3://bucket/logs": S3 says 403`)
	all += r.String()
	for _, secret := range []string{s3test.Access, s3test.Secret, "another secret"} {
		lacks(t, all, secret)
	}
}
