// Package versions runs the tests and the main commands of this repository on each Redis and Valkey of today. It is a
// chore of the repository: nothing else imports it.
//
// The servers are packages of Debian's releases, fetched by apt from the mirror that the system itself uses, signatures
// checked, into the user's cache. Each comes with the libraries of its release, down to the C library, and patchelf writes
// their paths into it. So it is a program like any other: no environment has to lead it to its libraries, and would lead
// its children astray. Remove wordcount/versions-* from the cache to fetch them anew.
package versions
