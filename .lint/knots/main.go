// Knots finds files of a package that can only be understood together: a file uses what another one
// declares, and that one, on some way, uses what the first declares. It prints each such knot of more
// than three files, and then exits with 1.
package main

import (
	"flag"
	"fmt"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// most is how many files may form a knot.
const most = 3

func main() {
	allowed := flag.String("allow", "", "packages with knots that are known, with commas between")
	flag.Parse()
	pkgs, err := packages.Load(&packages.Config{
		Dir:  "..", // this program has a module of its own
		Mode: packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps,
	}, flag.Args()...)
	if err != nil || packages.PrintErrors(pkgs) > 0 {
		fmt.Fprintln(os.Stderr, "knots:", err)
		os.Exit(2)
	}
	found := false
	for _, pkg := range pkgs {
		known := slices.ContainsFunc(strings.Split(*allowed, ","), func(p string) bool { return p != "" && strings.HasSuffix(pkg.PkgPath, p) })
		for _, knot := range components(uses(pkg)) {
			if len(knot) > most && !known {
				found = true
				fmt.Printf("%s: %d files form a knot: %s\n", pkg.PkgPath, len(knot), strings.Join(knot, " "))
			}
		}
	}
	if found {
		os.Exit(1)
	}
}

// uses returns the files of a package, each with those that declare what it uses: functions, types,
// variables, constants, methods and fields.
func uses(pkg *packages.Package) map[string]map[string]bool {
	graph := map[string]map[string]bool{}
	file := func(o types.Object) string { return filepath.Base(pkg.Fset.Position(o.Pos()).Filename) }
	for id, o := range pkg.TypesInfo.Uses {
		if o.Pkg() != pkg.Types || !declared(o) {
			continue
		}
		from, to := filepath.Base(pkg.Fset.Position(id.Pos()).Filename), file(o)
		if graph[from] == nil {
			graph[from] = map[string]bool{}
		}
		graph[from][to] = true
	}
	return graph
}

// declared reports whether an object is one of a package, a method or a field, and no local variable.
func declared(o types.Object) bool {
	switch o := o.(type) {
	case *types.Func:
		return true
	case *types.Var:
		return o.IsField() || o.Parent() == o.Pkg().Scope()
	}
	return o.Parent() == o.Pkg().Scope()
}

// components returns the strongly connected components of a graph (Tarjan, "Depth-first search and
// linear graph algorithms", 1972), each sorted.
func components(graph map[string]map[string]bool) (all [][]string) {
	index, low := map[string]int{}, map[string]int{}
	var stack []string
	var visit func(string)
	visit = func(v string) {
		index[v] = len(index) + 1
		low[v] = index[v]
		stack = append(stack, v)
		for w := range graph[v] {
			switch {
			case index[w] == 0:
				visit(w)
				low[v] = min(low[v], low[w])
			case slices.Contains(stack, w):
				low[v] = min(low[v], index[w])
			}
		}
		if low[v] == index[v] {
			at := slices.Index(stack, v)
			all = append(all, slices.Sorted(slices.Values(stack[at:])))
			stack = stack[:at]
		}
	}
	for _, v := range slices.Sorted(maps.Keys(graph)) {
		if index[v] == 0 {
			visit(v)
		}
	}
	return all
}
