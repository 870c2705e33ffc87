// Package place keeps the folders of a job's runs in the store of the map outputs: it makes them,
// finds them, restores their marks, and deletes them.
//
// # Basics
//
//	keeper := place.Keeper{Job: job, Folder: folder, Store: store, Events: events}
//	err := keeper.Prepare(ctx, run) // before workers can know of the run
//	keeper.Restore(ctx, run)        // now and then, while the job runs
//	keeper.Discard(ctx, run)        // when it is sealed
//
// # Caveats
//
// What a job in Redis says of its place is compared, and never obeyed: [Find] uses a place only if
// it belongs to this user and has the run's mark.
//
// A folder deletes and restores only the places that it made itself. The mark of an adopted run may
// be missing here because this host has mounted something else.
package place
