// Command platforms checks the types of every package, tests included, for each platform that it
// is given, as linux/arm64. It is run in .lint, and reads the module above.
//
// go vet would do that too, but it compiles the standard library for each platform first. Reading
// the sources finds the same mistakes, a name that a system lacks or a field of another size, in a
// twentieth of the time.
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	broken := 0
	for _, platform := range os.Args[1:] {
		system, processor, _ := strings.Cut(platform, "/")
		all, err := packages.Load(&packages.Config{
			Mode:       packages.LoadAllSyntax,
			Dir:        "..",
			Env:        append(os.Environ(), "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0"),
			BuildFlags: []string{"-tags=mage"},
			Tests:      true,
		}, "./...")
		if err != nil {
			fmt.Fprintf(os.Stderr, "load for %s: %v\n", platform, err)
			os.Exit(1)
		}
		if n := packages.PrintErrors(all); n > 0 {
			fmt.Fprintf(os.Stderr, "%s: %d errors\n", platform, n)
			broken += n
		}
	}
	if broken > 0 {
		os.Exit(1)
	}
}
