// Package endpoint is how a client gets to a Redis server: by the address that somebody gave, or by
// the folder of a server that was started here. It connects, checks that the server is usable, and
// prints the command line that does the same with redis-cli.
package endpoint
