package targets_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/redisd"
	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/targets"
)

// A target of another magefile depends on a job, and reads its words.
func ExampleResult() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("be or not be"), 0o600); err != nil {
		log.Fatal(err)
	}
	server, stop := redistest.ForExample()
	defer stop()
	given := server.Given()
	job := targets.Config{
		Dir: filepath.Join(dir, "state"), Inputs: []string{text}, Workers: 1, AsIs: true,
		Redis: redisd.Config{URL: given.URL, PasswordFile: given.PasswordFile},
	}

	ctx := context.Background()
	mg.CtxDeps(ctx, targets.Job(job))
	result, err := targets.Result(ctx, job)
	if err != nil {
		log.Fatal(err)
	}
	for word, err := range result.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if word.N == 1 {
			fmt.Println("only once:", word.Word)
		}
	}

	// Output:
	// sealed  4 words, 3 distinct, in 1 file; nothing redone; durability: none
	//            2  be
	//            1  not
	//            1  or
	// only once: not
	// only once: or
}
