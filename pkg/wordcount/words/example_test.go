package words_test

import (
	"bytes"
	"fmt"

	"github.com/magereduce/magereduce/pkg/wordcount/words"
)

// Hosts of mail addresses are counted, in small letters.
func init() {
	words.Register("host", func(value []byte, word func([]byte)) {
		if _, host, found := bytes.Cut(value, []byte("@")); found {
			word(host)
		}
	})
}

func Example() {
	choice, err := words.Parse("func:host", "case")
	if err != nil {
		panic(err)
	}
	cutter, err := choice.Cutter()
	if err != nil {
		panic(err)
	}
	for _, value := range []string{"ann@Example.com", "nobody", "bob@mail.example.org"} {
		cutter.Cut([]byte(value), func(word []byte) { fmt.Printf("%s\n", word) })
	}
	// Output:
	// example.com
	// mail.example.org
}
