package endpoint

import (
	"net"
	"strconv"
	"strings"
)

// CLI is a command line for a shell that reaches the server with redis-cli. A command of Redis can
// be added to it. Neither the line nor an argument that the shell makes of it holds the password,
// because everybody on the machine can read arguments: the shell reads the password from its file
// into a variable, or redis-cli asks for it.
func (e Endpoint) CLI() (string, error) {
	o, err := e.address()
	if err != nil {
		return "", err
	}
	words := []string{"redis-cli"}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, quoted(value))
		}
	}
	to := func(addr string) {
		if strings.HasPrefix(addr, "/") {
			add("-s", addr)
		} else if host, port, err := net.SplitHostPort(addr); err == nil {
			add("-h", host)
			add("-p", port)
		}
	}
	secure := func() {
		if o.TLSConfig == nil {
			return
		}
		words = append(words, "--tls")
		if o.TLSConfig.InsecureSkipVerify {
			words = append(words, "--insecure")
		}
		add("--cacert", e.CAFile)
		add("--cert", e.CertFile)
		add("--key", e.KeyFile)
	}
	if o.MasterName != "" {
		// redis-cli can't follow Sentinels. They print the master's host and port in two lines.
		to(o.Addrs[0])
		secure()
		add("--user", o.SentinelUsername)
		if o.SentinelPassword != "" {
			words = append(words, "--askpass")
		}
		add("sentinel get-master-addr-by-name", o.MasterName)
		words = []string{"redis-cli", "$(" + strings.Join(words, " ") + " | sed '1s/^/-h /; 2s/^/-p /')"}
	} else {
		to(o.Addrs[0])
	}
	if o.IsClusterMode {
		words = append(words, "-c")
	}
	if o.DB != 0 {
		add("-n", strconv.Itoa(o.DB))
	}
	secure()
	add("--user", o.Username)
	switch file := e.passwordFile(); {
	case file != "":
		words = append([]string{`REDISCLI_AUTH="$(cat ` + quoted(file) + `)"`}, words...)
	case o.Password != "":
		words = append(words, "--askpass")
	}
	return strings.Join(words, " "), nil
}

// quoted quotes a word for a shell, if it needs that.
func quoted(word string) string {
	harmless := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:", r)
	}
	if strings.TrimFunc(word, harmless) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
