package words

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	uax29 "github.com/clipperhouse/uax29/v2/words"
)

// accessLog is lines of the combined log format.
func accessLog(lines int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	log := make([][]byte, lines)
	for i := range log {
		log[i] = fmt.Appendf(nil, `%d.%d.%d.%d - - [27/Nov/2026:%02d:%02d:%02d +0000] "%s %s%d HTTP/1.1" %s %d "%s" "%s"`,
			r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(24), r.IntN(60), r.IntN(60),
			pick("GET", "GET", "GET", "POST", "HEAD"), pick("/images/", "/api/v1/users/", "/search?q=", "/blog/2026/"),
			r.IntN(1000), pick("200", "200", "200", "304", "404"), r.IntN(100_000),
			pick("-", "https://www.example.com/start"),
			pick("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "curl/8.9.1",
				"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"))
	}
	return log
}

func cutterOf(b *testing.B, words, fold string) *Cutter {
	choice, err := Parse(words, fold)
	if err != nil {
		b.Fatal(err)
	}
	k, err := choice.Cutter()
	if err != nil {
		b.Fatal(err)
	}
	return k
}

func cutAll(b *testing.B, words, fold string, values [][]byte) {
	k := cutterOf(b, words, fold)
	size, count := 0, 0
	for _, v := range values {
		size += len(v) + 1
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	word := func([]byte) { count++ }
	for b.Loop() {
		for _, v := range values {
			k.Cut(v, word)
		}
	}
}

func cutLines(b *testing.B, words string, log [][]byte) {
	k := cutterOf(b, words, "")
	if !k.CutsLines() {
		b.Skip("these lines are cut one by one")
	}
	lines := append(bytes.Join(log, []byte("\n")), '\n')
	b.SetBytes(int64(len(lines)))
	count := 0
	for b.Loop() {
		k.CutLines(lines, func([]byte) { count++ })
	}
}

func BenchmarkAccessLogByRegexp(b *testing.B) {
	log := accessLog(10_000)
	for _, expression := range []string{`"(?:GET|POST) ([^ ?"]+)`, `"([^"]*)"$`, ` (\d{3}) `, `^(\S+)`, `(\d+)\.(\d+)`} {
		b.Run(expression, func(b *testing.B) { cutAll(b, "regexp:"+expression, "", log) })
		b.Run(expression+" in lines", func(b *testing.B) { cutLines(b, "regexp:"+expression, log) })
		b.Run(expression+" by package regexp", func(b *testing.B) {
			re, count, size := regexp.MustCompile(expression), 0, 0
			for _, line := range log {
				size += len(line) + 1
			}
			b.SetBytes(int64(size))
			for b.Loop() {
				for _, line := range log {
					count += len(re.FindAllSubmatchIndex(line, -1))
				}
			}
		})
	}
}

// texts in which nearly all is ASCII, and in which little is.
var benchTexts = map[string]string{
	"English": "The quick brown fox can't jump 32.3 feet, right? It costs $1,000 (or less); see https://example.com/a_b. ",
	"code":    "func (k *Cutter) Cut(value []byte, word func([]byte)) { for i := range 10 { word(value[i:]) } } // done\t",
	"German":  "Größere Übungen für müde Füße: „schön“ – das heißt 3,5 Äpfel. ",
	"Greek":   "Ο ταχύς καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί. ",
	"Chinese": "我能吞下玻璃而不傷身體。",
}

func BenchmarkUnicode(b *testing.B) {
	for _, name := range []string{"English", "code", "German", "Greek", "Chinese"} {
		text := bytes.Repeat([]byte(benchTexts[name]), 100_000/len(benchTexts[name]))
		b.Run(name, func(b *testing.B) { cutAll(b, "unicode", "", [][]byte{text}) })
		b.Run(name+" by the library alone", func(b *testing.B) {
			b.SetBytes(int64(len(text) + 1))
			count := 0
			for b.Loop() {
				for segments := uax29.FromBytes(text); segments.Next(); {
					count += len(segments.Value())
				}
			}
		})
		for _, fold := range []string{"case", "nfc", "case,nfc"} {
			b.Run(name+" folded by "+fold, func(b *testing.B) { cutAll(b, "unicode", fold, [][]byte{text}) })
		}
	}
}
