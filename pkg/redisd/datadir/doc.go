// Package datadir reads and writes the files in a server's own folder.
//
//	server.json  the record: which server this is, and where it listens
//	password     random, new at each start
//	redis.sock   where the server listens
//	redis.conf   written anew at each start; it holds the password, because anybody could
//	             read an argument
//	redis.log    the server's own log; a log that has grown large becomes redis.log.old
//	dump.rdb     the last checkpoint, loaded at each start
//	checkpoints  the last few checkpoints that were kept, to fall back on
//	users        the rules of added users, and their passwords, new at each start
//	lock         held while a server is started or stopped
//
// The folder may have been unpacked from anywhere, so nothing in it decides which program runs or
// which process gets a signal.
package datadir
