package redistest

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// Engine returns a container engine that answers. The test is skipped if there is none.
func Engine(tb testing.TB) string {
	tb.Helper()
	for _, engine := range []string{"docker", "podman"} {
		if exec.Command(engine, "ps", "-q").Run() == nil {
			return engine
		}
	}
	tb.Skip("no container engine answers")
	return ""
}

// Image makes an image of the server's program, without any registry, for this test only.
func (s *Server) Image(tb testing.TB, engine string) string {
	tb.Helper()
	return ImageOfProgram(tb, engine, "/usr/bin/redis-server", s.Program, s.Libs)
}

// ImageOfProgram makes an image of a program and its libraries, without any registry, for this test
// only. path is where the program is in the image; libs is where its libraries are, "" for the usual
// places.
func ImageOfProgram(tb testing.TB, engine, path, program, libs string) string {
	tb.Helper()
	loader, err := loaderOf(program)
	if err != nil {
		tb.Skipf("an image can't be made from %s: %v", program, err)
	}
	list := exec.Command(loader, "--list", program)
	list.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libs)
	libraries, err := list.Output()
	if err != nil {
		tb.Fatalf("the libraries of %s: %v", program, err)
	}
	files := map[string]string{path: program, loader: loader}
	for _, m := range regexp.MustCompile(`=> (/\S+) \(0x`).FindAllStringSubmatch(string(libraries), -1) {
		path := m[1]
		if i := strings.LastIndex(path, "/usr/lib/"); libs != "" && i > 0 {
			path = path[i:] // where a program finds them without LD_LIBRARY_PATH
		}
		if m[1] != loader {
			files[path] = m[1]
		}
	}
	return ImageOf(tb, engine, files)
}

// loaderOf is the path of the loader that a program names.
func loaderOf(program string) (string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, part := range f.Progs {
		if part.Type == elf.PT_INTERP {
			path, err := io.ReadAll(part.Open())
			return strings.TrimRight(string(path), "\x00"), err
		}
	}
	return "", fmt.Errorf("it names no loader")
}

var images atomic.Int64

// ImageOf makes an image of files, by their paths in the image, for this test only.
func ImageOf(tb testing.TB, engine string, files map[string]string) string {
	tb.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for path, from := range files {
		content, err := os.ReadFile(from)
		must(tb, err)
		must(tb, w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(path, "/"), Mode: 0o755, Size: int64(len(content))}))
		_, err = w.Write(content)
		must(tb, err)
	}
	must(tb, w.Close())
	image := fmt.Sprintf("redistest-%d:%d", os.Getpid(), images.Add(1))
	cmd := exec.Command(engine, "import", "-", image)
	cmd.Stdin = &layer
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("import an image: %v: %s", err, out)
	}
	tb.Cleanup(func() {
		if out, err := exec.Command(engine, "rmi", "--force", image).CombinedOutput(); err != nil {
			tb.Errorf("remove %s: %v: %s", image, err, out)
		}
	})
	return image
}
