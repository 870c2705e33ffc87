package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// StrangeNames are names of files that an incautious program stumbles over.
var StrangeNames = []string{
	"with space", "with\nnewline", "with\ttab", "invalid\xff\xfeutf8", "\"quoted\"", "-flag", "ünïcödé", "\\n",
}

// Texts are the contents of n files, by name. They have some words in common, and some of their
// own.
func Texts(n, words int) map[string]string {
	files := map[string]string{}
	for i := range n {
		var b strings.Builder
		for w := range words {
			fmt.Fprintf(&b, "common%d own%d-%d\u00a0tail%d\n", w%7, i, w%11, w%3)
		}
		files[fmt.Sprintf("file %02d.txt", i)] = b.String()
	}
	return files
}

// Words are n different words.
func Words(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "w%d ", i)
	}
	return b.String()
}

// Folder makes a folder of files, given by name and content.
func Folder(tb testing.TB, files map[string]string) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		Must(tb, os.MkdirAll(filepath.Dir(path), 0o755))
		Must(tb, os.WriteFile(path, []byte(content), 0o644))
	}
	return dir
}

// Append makes a file longer.
func Append(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
