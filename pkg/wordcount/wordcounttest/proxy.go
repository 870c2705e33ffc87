package wordcounttest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/protocol"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// Proxy stands between a client and Redis, sees every command, and can cut the connection before a
// command is forwarded or instead of its reply.
//
// It forwards one command of a connection at a time, so that "the Nth command" means something; a
// pipeline's commands wait in the socket meanwhile.
type Proxy struct {
	listener net.Listener
	upstream string
	strike   func(point string, before bool) (cut bool)

	conns sync.WaitGroup
	mu    sync.Mutex
	open  map[net.Conn]struct{} // nil: closed for ever
	seen  map[string]int        // commands by name
	log   []string              // the points, in their order
}

// NewProxy starts a proxy before the server at upstream. It calls strike twice a command, before
// the command is forwarded and once its reply is there, with a point that names the command:
// "commit.2" is the second commit.
func NewProxy(tb testing.TB, upstream string, strike func(point string, before bool) (cut bool)) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check.Must(tb, err)
	p := &Proxy{
		listener: listener, upstream: upstream, strike: strike, open: map[net.Conn]struct{}{}, seen: map[string]int{},
	}
	p.conns.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.conns.Go(func() { p.serve(client) })
		}
	})
	tb.Cleanup(func() { p.Close(); p.conns.Wait() })
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Points are the commands so far.
func (p *Proxy) Points() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// Close cuts every connection, and refuses new ones for ever: to the server, the client has died.
func (p *Proxy) Close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
	p.open = nil
}

// keep registers a connection, so that Close can cut it.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		return false
	}
	p.open[c] = struct{}{}
	return true
}

// drop ends a connection.
func (p *Proxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

func (p *Proxy) serve(client net.Conn) {
	defer p.drop(client)
	if !p.keep(client) {
		return
	}
	server, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	requests, replies := bufio.NewReader(client), bufio.NewReader(server)
	for {
		var command, reply bytes.Buffer
		args, err := readValue(requests, &command)
		if err != nil {
			return
		}
		point := p.count(commandName(args))
		if p.strike(point, true) {
			return
		}
		// A client that hangs up in mid-command (a blocking read, say) takes its connection to the
		// server along.
		hungUp := make(chan struct{})
		go func() {
			defer close(hungUp)
			if _, err := requests.Peek(1); err != nil {
				server.Close()
			}
		}()
		_, err = server.Write(command.Bytes())
		if err == nil {
			_, err = readValue(replies, &reply)
		}
		if err != nil || p.strike(point, false) {
			client.Close()
			<-hungUp
			return
		}
		_, err = client.Write(reply.Bytes())
		<-hungUp
		if err != nil {
			return
		}
	}
}

// count makes a point of a command.
func (p *Proxy) count(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[name]++
	point := fmt.Sprintf("%s.%d", name, p.seen[name])
	p.log = append(p.log, point)
	return point
}

// commandName is what distinguishes a command for people: the function's name, whether an
// XREADGROUP asks for new entries or for its own, what INFO is about.
func commandName(args []string) string {
	name := strings.ToLower(args[0])
	switch name {
	case "fcall", "fcall_ro":
		return strings.TrimPrefix(args[1], "wordcount_"+protocol.Schema+"_")
	case "xreadgroup":
		kind := "own"
		if args[len(args)-1] == ">" {
			kind = "new"
		}
		if slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "block") }) {
			kind = "wait"
		}
		return name + "-" + kind
	case "info":
		return strings.ToLower(strings.Join(args, "-"))
	case "client", "function":
		return strings.ToLower(strings.Join(args[:min(2, len(args))], "-"))
	}
	return name
}

// readValue copies one value of RESP 2 or 3 to raw, and returns its strings, one level deep.
func readValue(r *bufio.Reader, raw *bytes.Buffer) ([]string, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	raw.Write(line)
	text := strings.TrimRight(string(line[1:]), "\r\n")
	n, _ := strconv.Atoi(text)
	switch line[0] {
	case '$', '=', '!':
		if n < 0 {
			return []string{""}, nil
		}
		at := raw.Len()
		if _, err := io.CopyN(raw, r, int64(n)+2); err != nil {
			return nil, err
		}
		return []string{string(raw.Bytes()[at : at+n])}, nil
	case '%', '|':
		n *= 2
		fallthrough
	case '*', '~', '>':
		var all []string
		for range n {
			part, err := readValue(r, raw)
			if err != nil {
				return nil, err
			}
			all = append(all, part...)
		}
		if line[0] == '|' || line[0] == '>' { // not the value itself yet
			return readValue(r, raw)
		}
		return all, nil
	}
	return []string{text}, nil
}
