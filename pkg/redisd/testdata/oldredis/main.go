// Program oldredis answers as a server that is older than functions.
package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
)

func main() {
	l, err := net.Listen("tcp", ":6379")
	if err != nil {
		panic(err)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go serve(conn)
	}
}

func serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewScanner(conn)
	for in.Scan() {
		if !strings.HasPrefix(in.Text(), "*") {
			continue // an argument
		}
		in.Scan() // the command's length
		in.Scan()
		switch strings.ToLower(in.Text()) {
		case "auth", "client":
			fmt.Fprint(conn, "+OK\r\n")
		case "hello":
			fmt.Fprint(conn, "-ERR unknown command\r\n")
		case "ping":
			fmt.Fprint(conn, "+PONG\r\n")
		case "info":
			const info = "redis_version:6.2.14"
			fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(info), info)
		}
	}
}
