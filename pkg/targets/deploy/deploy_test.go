package deploy

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

var update = flag.Bool("update", false, "write the golden files anew")

// odd is a folder whose name has what YAML, compose and Kubernetes take for something else.
const odd = "/srv/a \"b\" #c: $d ${HOME} $(HOME) $$(e) \u0085\n- é"

func aJob() Workers {
	return Workers{
		Job: "0123456789abcdef", N: 6, Image: "registry.example:5000/wordcount:1", Store: "/srv/shuffle",
		Inputs:  []string{"/srv/texts", "/srv/one.txt"},
		Folders: []Folder{{Path: "/srv/texts"}, {Path: "/srv/one.txt", File: true}},
		User:    1000, Group: 1000, Memory: 256 << 20,
		Settings: []Setting{{"WORDCOUNT_LEASE", "5s"}},
		Secrets: []Secret{
			{Name: "REDIS_URL", Key: "url"}, {Name: "WORDCOUNT_REDIS_PASSWORD_FILE", Key: "password", File: true},
			{Name: "WORDCOUNT_REDIS_CA", Key: "ca.crt", File: true},
		},
	}
}

func written(t *testing.T, w Workers, as Format) []byte {
	t.Helper()
	var text bytes.Buffer
	check.Must(t, w.Write(&text, as))
	return text.Bytes()
}

func TestTheManifestsAreTheOnesThatPeopleKnow(t *testing.T) {
	t.Parallel()
	for _, as := range []Format{Kubernetes, Compose} {
		got := written(t, aJob(), as)
		golden := filepath.Join("testdata", string(as)+".golden.yaml")
		if *update {
			check.Must(t, os.WriteFile(golden, got, 0o644))
		}
		want, err := os.ReadFile(golden)
		check.Must(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("if this is meant: go test ./pkg/targets/deploy -run Known -update\n%s", got)
		}
	}
}

func TestWhatIsNotUTF8IsInNoManifest(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*Workers){
		func(w *Workers) { w.Store = "/\xff" },
		func(w *Workers) { w.Folders[1].Path = "/\xff" },
		func(w *Workers) { w.Inputs[1] = "/\xff" },
		func(w *Workers) { w.Settings[0].Value = "\xff" },
	} {
		w := aJob()
		change(&w)
		for _, as := range []Format{Kubernetes, Compose} {
			var text bytes.Buffer
			if err := w.Write(&text, as); err == nil || text.Len() > 0 {
				t.Errorf("%v: %s", err, &text)
			}
		}
	}
}

func TestNamesOfImages(t *testing.T) {
	t.Parallel()
	digest := "@sha256:" + strings.Repeat("0f", 32)
	for _, name := range []string{"wordcount", "localhost/wordcount:1.2-RC_3", "host:5000/a/b:v1", "a" + digest} {
		check.Must(t, CheckImage(name))
	}
	for _, name := range []string{"", "-f", "--force", "a b", "a\nb", "A", "a@sha256:1", "a\"b", "$a"} {
		if CheckImage(name) == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestAnImageHoldsAProgramCertificatesAndRoomToWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, authorities := filepath.Join(dir, "program"), filepath.Join(dir, "authorities")
	check.Must(t, os.WriteFile(program, []byte("a program"), 0o600))
	check.Must(t, os.WriteFile(authorities, []byte("certificates"), 0o600))
	files := func(i Image) (list []string) {
		var layer bytes.Buffer
		check.Must(t, i.Write(&layer))
		for r := tar.NewReader(&layer); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return list
			}
			check.Must(t, err)
			content, err := io.ReadAll(r)
			check.Must(t, err)
			list = append(list, h.FileInfo().Mode().String()+" "+h.Name+" "+string(content))
		}
	}
	room := []string{"dtrwxrwxrwx work/ ", "dtrwxrwxrwx tmp/ ", "-rwxr-xr-x wordcount a program"}
	if got := files(Image{Program: program}); !slices.Equal(got, room) {
		t.Errorf("%q", got)
	}
	want := append(room, "-rw-r--r-- etc/ssl/certs/ca-certificates.crt certificates")
	if got := files(Image{Program: program, Authorities: authorities}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAProgramThatNeedsOtherFilesIsNotStatic(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/bin/sh", "deploy_test.go", "/none"} {
		if isStatic(path) {
			t.Errorf("%s is static", path)
		}
	}
}

func TestComposeKeepsEachCharacterOfAName(t *testing.T) {
	t.Parallel()
	w := aJob()
	w.Inputs[0], w.Folders[0].Path = odd, odd
	// By the rules of YAML for what is in double quotes, and then of compose: two dollar signs are one.
	const want = `        target: "/srv/a \"b\" #c: $$d $${HOME} $$(HOME) $$$$(e) \u0085\n- é"`
	if text := string(written(t, w, Compose)); !strings.Contains(text, want+"\n") {
		t.Errorf("nothing about %s in\n%s", want, text)
	}
}
