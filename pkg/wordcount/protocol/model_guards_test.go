package protocol_test

// guard is something that the protocol forbids or demands. A world has all guards, or is without
// one of them.
type guard string

const allGuards guard = "" // are in

const (
	ownRun          guard = "the caller's run is the job's"
	noGap           guard = "seed: leaves no gap"
	wipe            guard = "seed: wipes what it finds without meta"
	oneClean        guard = "clean: is one call"
	increasing      guard = "commit: tasks strictly increase"
	allPending      guard = "commit: all tasks are pending"
	oneCommit       guard = "commit: is one call"
	addOnce         guard = "phase: reduce tasks are added once"
	deadNotDone     guard = "phase: a buried task is not a done one"
	doneIfStored    guard = "phase: done if all partitions are stored"
	doneIfMapped    guard = "phase: not done while maps are missing"
	mapIfRevoked    guard = "phase: map if maps are missing"
	notInMap        guard = "outputs: not in phase map"
	notInDone       guard = "outputs: not in phase done"
	oneList         guard = "outputs: is one call"
	putPending      guard = "put: partitions are pending"
	putJoinsOn      guard = "put: joins on to what its attempt has stored"
	fillJoinsOn     guard = "fill: joins on to what is filled in"
	listWhenDone    guard = "results: in phase done"
	oneOrder        guard = "fill: everybody has one order of words of equal count"
	byName          guard = "revoke: names the output"
	notWhenDone     guard = "revoke: not in phase done"
	takesBack       guard = "revoke: takes mapped and tokens back"
	oneRevoke       guard = "revoke: is one call"
	limited         guard = "revoke: at the limit a task is buried"
	fenceWhenDone   guard = "final: in phase done"
	fullBeforeFence guard = "final: the sorted set is full"
	fillBeforeFence guard = "fill: before the fence"
	oneFence        guard = "final: the fence that stands is everybody's"
	readFenced      guard = "result: under its fence"
	dropFenced      guard = "discard: under its fence"
	checkFiles      guard = "seal: result files are read"
	ownSave         guard = "seal: a save of its own"
	noOrphan        guard = "seal: no save outlives its server"
	newName         guard = "file: other contents, other name"
	checksum        guard = "file: the checksum is right"
	header          guard = "file: the header is its own"
	ownFolder       guard = "file: only the own run's files are deleted"
	resultsStay     guard = "file: result files stay when the map outputs go"
	seeMark         guard = "mark: seen before each file and each revoke"
	restoreMark     guard = "mark: the supervisor restores it"
	markFirst       guard = "mark: made before the first seed"
	mapsFirst       guard = "worker: maps before reduces"
	newList         guard = "worker: lists the outputs again once one is lost"
	recount         guard = "worker: counts anew what a refused commit leaves pending"
	stay            guard = "worker: stays until it is dismissed"
	steal           guard = "worker: steals"
	onePhase        guard = "supervisor: over looks at one phase"
	noForeign       guard = "supervisor: its folder refuses a foreign run"
)

// guards are all of them.
var guards = []guard{
	ownRun,
	noGap, wipe,
	oneClean,
	increasing, allPending, oneCommit,
	addOnce, deadNotDone, doneIfStored, doneIfMapped, mapIfRevoked,
	notInMap, notInDone, oneList,
	putPending, putJoinsOn,
	fillJoinsOn, listWhenDone, oneOrder,
	byName, notWhenDone, takesBack, oneRevoke, limited,
	fenceWhenDone, fullBeforeFence, fillBeforeFence, oneFence,
	readFenced,
	dropFenced,
	checkFiles, ownSave, noOrphan,
	newName, checksum, header, ownFolder, resultsStay,
	seeMark, restoreMark, markFirst,
	mapsFirst, newList, recount, stay, steal,
	onePhase, noForeign,
}
