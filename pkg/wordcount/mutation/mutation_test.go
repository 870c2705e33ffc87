package mutation

import (
	"os"
	"path/filepath"
	"testing"
)

// The check itself takes minutes; that it still knows the code takes none.
func TestEveryMutationFindsItsText(t *testing.T) {
	repo := filepath.Join("..", "..", "..")
	for _, m := range Mutations {
		text, err := os.ReadFile(filepath.Join(repo, m.File))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.apply(string(text)); err != nil {
			t.Errorf("%s: %v", m.Guard, err)
		}
	}
}
