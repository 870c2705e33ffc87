package bench

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
)

// request is what a web server logs of a request.
type request struct {
	day, second, millis int // of November 2026, and of the day
	remote              uint32
	method              string
	path                uint64 // its number; small ones are frequent
	page                int
	status, bytes       int
	agent               uint64 // likewise
	note                string
}

var (
	methods  = []string{"GET", "GET", "GET", "GET", "GET", "POST", "POST", "HEAD", "PUT"}
	statuses = []int{200, 200, 200, 200, 200, 301, 304, 404, 500}
	// One note in eight has a quote, which JSON escapes, and for which CSV has its own quotes.
	notes    = []string{"", "", "cached", "", "slow upstream", "retried twice", "", `refused "token"`}
	browsers = []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML like Gecko) Chrome/%d.0.0.0 Safari/537.%d",
		"curl/8.%d.%d", "Googlebot/2.1 build %d.%d",
	}
	sections = []string{"articles", "images", "api/v1/users", "search", "blog/2026"}
)

// logKinds are the ways in which a request is written, by their names.
var logKinds = map[string]func(to []byte, r *request) []byte{"json": asJSON, "csv": asCSV, "access": asAccessLog}

// csvHeader is the first line of each file of CSV.
const csvHeader = "time,remote,method,path,status,bytes,agent,note\n"

func asJSON(to []byte, r *request) []byte {
	to = fmt.Appendf(to, `{"time":"2026-11-%02dT%02d:%02d:%02d.%03dZ","remote":"`, r.day, r.second/3600, r.second/60%60, r.second%60, r.millis)
	to = append(appendRemote(to, r), `","request":{"method":"`...)
	to = append(append(to, r.method...), `","path":"`...)
	to = append(appendPath(to, r), `"},"status":`...)
	to = append(strconv.AppendInt(to, int64(r.status), 10), `,"bytes":`...)
	to = append(strconv.AppendInt(to, int64(r.bytes), 10), `,"user":{"id":`...)
	to = append(strconv.AppendUint(to, uint64(r.remote), 10), `,"agent":"`...)
	to = append(appendAgent(to, r), `"},"tls":true,"note":`...)
	return append(strconv.AppendQuote(to, r.note), "}\n"...)
}

func asCSV(to []byte, r *request) []byte {
	to = fmt.Appendf(to, "2026-11-%02d %02d:%02d:%02d.%03d,", r.day, r.second/3600, r.second/60%60, r.second%60, r.millis)
	to = append(appendRemote(to, r), ',')
	to = append(append(to, r.method...), ',')
	to = append(appendPath(to, r), ',')
	to = append(strconv.AppendInt(to, int64(r.status), 10), ',')
	to = append(strconv.AppendInt(to, int64(r.bytes), 10), ',')
	to = append(appendAgent(to, r), ',')
	if r.note == notes[len(notes)-1] {
		return append(to, "\"refused \"\"token\"\"\"\n"...)
	}
	return append(append(to, r.note...), '\n')
}

// asAccessLog is the combined log format.
func asAccessLog(to []byte, r *request) []byte {
	to = appendRemote(to, r)
	to = fmt.Appendf(to, ` - - [%02d/Nov/2026:%02d:%02d:%02d +0000] "%s `, r.day, r.second/3600, r.second/60%60, r.second%60, r.method)
	to = append(appendPath(to, r), ` HTTP/1.1" `...)
	to = append(strconv.AppendInt(to, int64(r.status), 10), ' ')
	to = append(strconv.AppendInt(to, int64(r.bytes), 10), ` "-" "`...)
	return append(appendAgent(to, r), "\"\n"...)
}

func appendRemote(to []byte, r *request) []byte {
	return fmt.Appendf(to, "10.%d.%d.%d", r.remote>>16&255, r.remote>>8&255, r.remote&255)
}

func appendPath(to []byte, r *request) []byte {
	to = append(append(to, '/'), sections[r.path%uint64(len(sections))]...)
	to = strconv.AppendUint(append(to, '/'), r.path, 10)
	return strconv.AppendInt(append(to, "?page="...), int64(r.page), 10)
}

func appendAgent(to []byte, r *request) []byte {
	return fmt.Appendf(to, browsers[r.agent%uint64(len(browsers))], r.agent/100, r.agent%100)
}

// logs returns a corpus of log lines, which is generated if it isn't there.
func (b bench) logs(ctx context.Context, kind string, bytes int64, files int) (corpusDir, error) {
	c := corpusDir{bytes: bytes, files: files, as: "log lines as " + kind}
	c.dir = filepath.Join(b.dir, "corpora", fmt.Sprintf("%s-%d-%d", kind, bytes, files))
	return c, b.derive(ctx, c, "logs", kind, strconv.FormatInt(bytes/int64(files), 10), strconv.Itoa(files))
}

// writeLogs writes files of log lines. Each has its own stream of random numbers, so that they are
// the same with any number of processors.
func writeLogs(_ context.Context, args []string) error {
	dir, line := args[0], logKinds[args[1]]
	size, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	files, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	return each(files, func(i int) error {
		return create(filepath.Join(dir, fmt.Sprintf("part-%05d.log", i)), func(b *bufio.Writer) {
			dice := rand.New(rand.NewPCG(20, uint64(i)))
			paths, agents := rand.NewZipf(dice, 1.1, 10, 200_000), rand.NewZipf(dice, 1.2, 5, 2_000)
			var text []byte
			if args[1] == "csv" {
				text = append(text, csvHeader...)
			}
			for written := 0; written < size; written += len(text) {
				if written > 0 {
					text = text[:0]
				}
				text = line(text, &request{
					day: 1 + dice.IntN(30), second: dice.IntN(86400), millis: dice.IntN(1000), remote: dice.Uint32(),
					method: methods[dice.IntN(len(methods))], path: paths.Uint64(), page: dice.IntN(3),
					status: statuses[dice.IntN(len(statuses))], bytes: dice.IntN(200_000), agent: agents.Uint64(),
					note: notes[dice.IntN(len(notes))],
				})
				b.Write(text)
			}
		})
	})
}
