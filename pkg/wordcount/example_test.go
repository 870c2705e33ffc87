package wordcount_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount"
)

// The words of a file, counted by goroutines of this program.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server, stop := redistest.ForExample()
	defer stop()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("to be or not to be that is"), 0o600); err != nil {
		log.Fatal(err)
	}

	job, err := wordcount.Open(ctx, wordcount.Config{
		Dir: filepath.Join(dir, "state"), Inputs: []string{text}, Workers: 2, InProcess: true, Redis: server.Given().URL,
		Server: redisd.Config{PasswordFile: server.Given().PasswordFile},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer job.Close()
	result, err := job.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range result.Top(ctx, 2) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.N, e.Word)
	}
	fmt.Println(result.Tokens, "words,", result.Distinct, "distinct")

	// Output:
	// 2 be
	// 2 to
	// 8 words, 6 distinct
}
