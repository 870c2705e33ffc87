// duckdb lets DuckDB count in its own process:
//
//	duckdb THREADS SQL OUT
//
// The query gives rows of a count and a word. OUT gets a line of each, with a tab between them.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: duckdb THREADS SQL OUT")
		os.Exit(2)
	}
	if err := count(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func count(ctx context.Context, threads, query, to string) error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx) // what is set holds for one connection
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SET threads = "+threads+"; SET preserve_insertion_order = false"); err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	lines := bufio.NewWriter(out)
	for rows.Next() {
		var n int64
		var word string
		if err := rows.Scan(&n, &word); err != nil {
			return err
		}
		fmt.Fprintf(lines, "%d\t%s\n", n, word)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	return out.Close()
}
