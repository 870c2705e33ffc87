package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// others returns what a goal compares whose input is no plain text on a disk: the job, and either a
// part of its work alone, or another program for the same.
func (b bench) others(ctx context.Context, g *goal) ([]entry, error) {
	switch g.name {
	case "gzip":
		c, err := b.packed(ctx)
		return b.againstPart(g, c, "klauspost/compress alone", partOf{role: "unpack"}), err
	case "jsonl":
		c, err := b.logs(ctx, "json", b.scaled(2<<30, 1<<20), defaultFiles)
		// It has few values, so that files would be for nothing.
		return append([]entry{{theJob, b.job("jsonl", "WORDCOUNT_FIELD=jsonl:user.agent"), c}},
			b.duckDB(ctx, c,
				query{"DuckDB's read_json", `SELECT count(*), "user".agent AS word FROM read_json('{dir}/*', format = 'newline_delimited',
					columns = {user: 'STRUCT(agent VARCHAR)'}) GROUP BY word`},
				query{"DuckDB's read_csv, and ->>", `SELECT count(*), line->>'$.user.agent' AS word FROM ` + linesInDuckDB + ` GROUP BY word`},
			)...), err
	case "csv":
		c, err := b.logs(ctx, "csv", b.scaled(1<<30, 1<<20), defaultFiles)
		g.base = inFilesRow
		return append(b.wholeAndInFiles(c, "WORDCOUNT_FIELD=csv:path"),
			b.duckDB(ctx, c,
				query{"DuckDB's read_csv", `SELECT count(*), path FROM read_csv('{dir}/*', header = true, all_varchar = true) GROUP BY path`},
			)...), err
	case "regexp":
		c, err := b.logs(ctx, "access", b.scaled(2<<30, 1<<20), defaultFiles)
		g.base = inFilesRow
		entries := append(b.wholeAndInFiles(c, `WORDCOUNT_WORDS=regexp:"(?:GET|POST) ([^ ?"]+)`), b.tools(c, `grep -ohP | sort | uniq -c`,
			`LC_ALL=C grep -ohP '"(?:GET|POST) \K[^ ?"]+' {dir}/* | LC_ALL=C sort | LC_ALL=C uniq -c >{out}`, "grep", "sort", "uniq")...)
		return append(entries, b.duckDB(ctx, c,
			query{"DuckDB's regexp_extract", `SELECT count(*), regexp_extract(line, '"(?:GET|POST) ([^ ?"]+)', 1) AS word FROM ` + linesInDuckDB + ` WHERE word <> '' GROUP BY word`},
		)...), err
	case "unicode":
		c, err := b.middle(ctx)
		return b.againstPart(g, c, "clipperhouse/uax29 alone", partOf{role: "segment"}, "WORDCOUNT_WORDS=unicode"), err
	case "s3":
		c, err := b.middle(ctx)
		if err != nil {
			return nil, err
		}
		variables, err := b.inS3(ctx, &c)
		if err != nil {
			b.say("skipped %s: %v", g.name, err)
			return nil, nil
		}
		return b.againstPart(g, c, "a download to nowhere", partOf{"download", variables}, variables...), nil
	}
	return nil, fmt.Errorf("there is no goal %q", g.name)
}

// againstPart compares the job with a part of its work.
func (b bench) againstPart(g *goal, c corpusDir, name string, part partOf, env ...string) []entry {
	entries := append(b.wholeAndInFiles(c, env...), entry{name, part, c})
	g.base = len(entries) - 1
	return entries
}

// inFilesRow is the row of wholeAndInFiles that other programs are compared with: no other has a
// sorted set.
const inFilesRow = 1

// wholeAndInFiles is the job with the whole sorted set, and with a result in files.
func (b bench) wholeAndInFiles(c corpusDir, env ...string) []entry {
	return []entry{
		{theJob, b.job("whole", env...), c},
		{theJob + ", " + inFiles, b.job("files", append(env, inFiles)...), c},
	}
}

// query is one for DuckDB, which gives rows of a count and a word.
type query struct{ name, sql string }

// linesInDuckDB is the fastest way to read lines as they are: as CSV without separators and quotes.
const linesInDuckDB = `read_csv('{dir}/*', columns = {line: 'VARCHAR'}, header = false, auto_detect = false,
	delim = '', quote = '', escape = '', strict_mode = false)`

// duckDB returns an entry for each query, in which {dir} stands for the folder of the corpus.
func (b bench) duckDB(ctx context.Context, c corpusDir, queries ...query) (entries []entry) {
	if b.quick {
		return nil
	}
	p, ok := b.build(ctx, "duckdb", "go", "build", "-C", filepath.Join(peersDir, "duckdb"), "-o")
	if !ok {
		return nil
	}
	for _, q := range queries {
		sql := strings.ReplaceAll(q.sql, "{dir}", strings.ReplaceAll(c.dir, "'", "''"))
		entries = append(entries, entry{q.name, b.line(strings.Join([]string{quote(p), strconv.Itoa(runtime.NumCPU()), quote(sql), "{out}"}, " ")), c})
	}
	return entries
}
