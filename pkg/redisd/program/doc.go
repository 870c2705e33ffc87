// Package program finds a server program: on PATH, or in the signed packages of Debian and Ubuntu,
// which it unpacks into the user's cache. It asks each program for its version and takes none that
// is too old.
package program
