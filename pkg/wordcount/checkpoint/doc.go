// Package checkpoint makes what is in Redis outlive its server.
//
// # Basics
//
//	saver := &checkpoint.Saver{Client: client, Every: 5 * time.Second, Events: events}
//	go saver.Loop(ctx, progress)
//	err := saver.MakeDurable(ctx, checkpoint.BGSave, run, fence)
//
//	checkpoint.go  a snapshot that started after the call
//	durability.go  what sealing waits for: a snapshot, the append-only file, or nothing
//
// # Caveats
//
// A snapshot that was under way when the call came may lack what was written since, so Take waits
// for its end, and starts another one. A snapshot counts only if the server's run_id is the same
// before and after it.
//
// WAITAOF covers only what its own connection has written.
package checkpoint
