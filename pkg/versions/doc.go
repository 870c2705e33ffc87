// Package versions runs the tests and the main commands of this repository on each current version of Redis and
// Valkey. It is a chore of the repository: only the magefile imports it.
//
// The servers are packages of Debian's releases. apt fetches them from the mirror that the system itself uses, and checks
// their signatures. Each server comes with the libraries of its release, down to the C library, and patchelf writes their
// paths into the program. So the program needs no LD_LIBRARY_PATH, which would mislead its children. Remove
// wordcount/versions-* from the user's cache to fetch the servers anew.
package versions
