// Package retry decides how often, and for how long, something is tried that fails because of Redis.
//
// # Basics
//
// [Do] is for an operation that may be done twice. It tries until the operation succeeds, meets an
// error that another try can't mend, or has failed for [Patience]. Before each further try it
// revives the server:
//
//	err := retry.Do(ctx, revive, func() error { return client.Dismiss(ctx, fence) })
//
// A loop that does more than one operation has a [Backoff] of its own:
//
//	var backoff retry.Backoff
//	for {
//		err := look(ctx)
//		switch {
//		case err == nil:
//			backoff.Reset()
//		case protocol.Transient(err):
//			if late := backoff.Wait(ctx); late != nil {
//				return retry.Unreachable(late, err)
//			}
//		default:
//			return err
//		}
//	}
//
// # Caveats
//
// [protocol.Transient] decides which errors pass. An error that nobody listed there is final.
//
// Reviving is different: nobody can list what goes wrong when a server is started. So an error of a
// revive function is final only if it has a class already, such as protocol.ErrRedis, comes from the
// disk, or is a reply of the server that stays the same. See [Revive].
package retry
