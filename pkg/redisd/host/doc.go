// Package host asks the operating system what belongs to this user: folders, files, processes,
// and the listener at the other end of a connection. It trusts no name: a process is known by
// its title and its user, a folder by its owner and mode, a listener by the system's table of
// sockets.
//
// On systems other than Linux less can be asked. A listener that the system doesn't show counts as
// foreign there, and who has accepted a connection isn't checked.
package host
