package record

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// accessLog is log lines in JSON with eight fields.
func accessLog(size int) []byte {
	dice := rand.New(rand.NewPCG(1, 2))
	var text bytes.Buffer
	agents := []string{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36", "curl/8.5.0", "Googlebot/2.1 (+http://www.google.com/bot.html)"}
	for text.Len() < size {
		fmt.Fprintf(&text, `{"time":"2026-11-27T12:%02d:%02d.%03dZ","remote":"10.%d.%d.%d","method":"GET","path":"/articles/%d?page=%d","status":%d,"bytes":%d,"ms":%.3f,"agent":"%s"}`+"\n",
			dice.IntN(60), dice.IntN(60), dice.IntN(1000), dice.IntN(256), dice.IntN(256), dice.IntN(256), dice.IntN(1e6), dice.IntN(9), 200+dice.IntN(4)*101, dice.IntN(1e5), dice.Float64()*100, agents[dice.IntN(3)])
	}
	return text.Bytes()
}

// table is rows in CSV with six columns. Of each hundred rows some have a field in quotes.
func table(size, quoted int) []byte {
	dice := rand.New(rand.NewPCG(1, 2))
	var text bytes.Buffer
	text.WriteString("id,time,name,city,amount,note\n")
	for text.Len() < size {
		note := "nothing to say"
		if dice.IntN(100) < quoted {
			note = `"a note, with ""quotes"""`
		}
		fmt.Fprintf(&text, "%d,2026-11-27 12:%02d:%02d,name%d,city%d,%d.%02d,%s\n",
			dice.IntN(1e7), dice.IntN(60), dice.IntN(60), dice.IntN(1e5), dice.IntN(1000), dice.IntN(1e5), dice.IntN(100), note)
	}
	return text.Bytes()
}

func BenchmarkReader(b *testing.B) {
	for _, c := range []struct {
		name, field string
		text        []byte
	}{
		{"line", "line", accessLog(8 << 20)},
		{"jsonl-first", "jsonl:time", accessLog(8 << 20)},
		{"jsonl-last", "jsonl:agent", accessLog(8 << 20)},
		{"csv", "csv:city", table(8<<20, 0)},
		{"csv-quotes", "csv:city", table(8<<20, 100)},
		{"csv-quoted", "csv:note", table(8<<20, 100)},
		{"csv-some-quotes", "csv-lines:city", table(8<<20, 10)},
		{"tsv", "tsv:4", bytes.ReplaceAll(table(8<<20, 0), []byte(","), []byte("\t"))},
	} {
		b.Run(c.name, func(b *testing.B) {
			f, err := Parse(c.field)
			if err != nil {
				b.Fatal(err)
			}
			r := NewReader(f, true)
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				size := 0
				tally, err := r.Each(bytes.NewReader(c.text), Range{0, math.MaxInt64}, nil, func(v []byte) error {
					size += len(v)
					return nil
				})
				if err != nil || tally.Records == 0 || size == 0 {
					b.Fatal(tally, err)
				}
			}
		})
	}
}
