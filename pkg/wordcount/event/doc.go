// Package event is what a running job tells people.
//
// # Basics
//
// The rooms that do something worth telling have a [Receiver], which the front door gives them:
//
//	var events event.Receiver = func(e event.Event) { fmt.Println(e) }
//	events.Info("checkpoint %d", n)
//	events.Warn("redis answers again")
//
// # Caveats
//
// Events are for people. No code acts on one, and the text of one may change.
package event
