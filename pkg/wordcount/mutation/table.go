package mutation

const (
	library = "lua/wordcount.lua"
	job     = "pkg/wordcount/"
	server  = "pkg/redisd/"
	kernel  = "pkg/wordcount/count/"
	target  = "pkg/targets/"
)

// Mutations are the guards of the protocol, and what becomes of the code without each.
var Mutations = []Mutation{
	{
		Guard: "a batch names each task once",
		File:  library,
		Edits: []Edit{{`if given <= before then`, `if given < before then`}},
		Tests: "^TestABatchThatNamesATaskTwiceIsRefused$",
	},
	{
		Guard: "counts are decimal numbers",
		File:  library,
		Edits: []Edit{{`    check_counts(args, at + 1)
`, ``}},
		Tests: "^TestACountThatIsNoDecimalNumberIsNotCommitted$",
	},
	{
		Guard: "a batch's tasks are all pending",
		File:  library,
		Edits: []Edit{{
			`    refused = refused or standings[i + 1] ~= 'pending'
`, `    refused = false
`,
		}, {
			`  if redis.call('XACK', keys[MAP], GROUP, unpack(ids)) ~= n then
    refuse('WCSTATE', 'pending tasks could not be acknowledged')
  end
`, `  redis.call('XACK', keys[MAP], GROUP, unpack(ids))
`,
		}},
		Tests: "^TestABatchIsCommittedAltogetherOrNotAtAll$",
	},
	{
		Guard: "a refused batch is not acknowledged",
		File:  library,
		Edits: []Edit{{
			`  if refused then return refused end
  if meta.phase ~= 'map' then`, `  if refused then
    redis.call('XACK', keys[MAP], GROUP, unpack(ids))
    return refused
  end
  if meta.phase ~= 'map' then`,
		}},
		Tests: "^TestABatchIsCommittedAltogetherOrNotAtAll$",
	},
	{
		Guard: "a commit is acknowledged",
		File:  library,
		Edits: []Edit{{
			`  if redis.call('XACK', keys[MAP], GROUP, unpack(ids)) ~= n then
    refuse('WCSTATE', 'pending tasks could not be acknowledged')
  end
`, ``,
		}},
		Tests: "^TestABatchIsCommittedAltogetherOrNotAtAll$",
	},
	{
		Guard: "another run's calls are refused",
		File:  library,
		Edits: []Edit{{`  if meta.run ~= run then refuse('WCRUN', 'the job belongs to run %s', meta.run) end
  check_number`, `  check_number`}},
		Tests: "^TestAZombieOfAnotherRunReachesNothing$",
	},
	{
		Guard: "a job is deleted by its own run only",
		File:  library,
		Edits: []Edit{{`    if run ~= args[1] then refuse('WCRUN', 'the job belongs to run %s', tostring(run)) end
`, ``}},
		Tests: "^TestAZombieOfAnotherRunReachesNothing$",
	},
	{
		Guard: "seeding leaves no gap",
		File:  library,
		Edits: []Edit{{`  if first <= top + 1 then
    for n = top + 1, last do`, `  if true then
    for n = math.max(first, top + 1), last do`}},
		Tests: "^TestAChunkThatWouldLeaveAGapIsNotAppended$",
	},
	{
		Guard: "a job that lost a stream is not seeded anew",
		File:  library,
		Edits: []Edit{{`    if redis.call('EXISTS', keys[MAP], keys[REDUCE]) ~= 2 or not (delivered(keys[MAP]) and delivered(keys[REDUCE])) then
      refuse('WCSTATE', 'a stream of the job was deleted by someone, or its group')
    end
`, ``}},
		Tests: "^TestAJobThatLostAStreamIsNotSeededAnew$",
	},
	{
		Guard: "a job of another schema is left alone",
		File:  library,
		Edits: []Edit{{`  if meta.schema ~= SCHEMA then
    refuse('WCSTATE', 'the job has schema %s, this library has %s', tostring(meta.schema), SCHEMA)
  end
`, ``}},
		Tests: "^TestAJobOfAnotherSchemaIsLeftAlone$",
	},
	{
		Guard: "tasks have explicit IDs",
		File:  library,
		Edits: []Edit{{`redis.call('XADD', keys[MAP], entry(n), 'path'`, `redis.call('XADD', keys[MAP], '*', 'path'`}},
		Tests: "^TestAChunkThatWouldLeaveAGapIsNotAppended$",
	},
	{
		Guard: "without meta everything is wiped",
		File:  library,
		Edits: []Edit{{`    redis.call('DEL', unpack(keys))
`, `    redis.call('DEL', keys[MAP], keys[REDUCE])
`}},
		Tests: "^TestSeedingWithoutMetaBeginsWithNothing$",
	},
	{
		Guard: "a stored partition is acknowledged",
		File:  library,
		Edits: []Edit{{`  redis.call('XACK', keys[REDUCE], GROUP, unpack(ids))
`, ``}},
		Tests: "^TestAPartitionIsStoredOnce$",
	},
	{
		Guard: "only a pending partition is stored",
		File:  library,
		Edits: []Edit{{`  if refused then return nil, refused end
  if meta`, `  if meta`}},
		Tests: "^TestAPartitionIsStoredOnce$",
	},
	{
		Guard: "totals join on to what their attempt has stored",
		File:  library,
		Edits: []Edit{{`  if from ~= stored then return {'at', stored} end
`, ``}},
		Tests: "^TestTotalsJoinOnToWhatTheirAttemptHasStored$",
	},
	{
		Guard: "totals are stored only while the job is of their run",
		File:  job + "protocol.go",
		Edits: []Edit{{`	}, p.job.Key("map"))
`, `	})
`}},
		Tests: "^TestTotalsOfAnotherRunAreNotStored$",
	},
	{
		Guard: "totals and their note are one transaction",
		File:  job + "protocol.go",
		Edits: []Edit{{`tx.TxPipelined(ctx,`, `tx.Pipelined(ctx,`}},
		Tests: "^TestWhatARollbackMustNotTearApartIsOneCommandOrTransaction$",
	},
	{
		Guard: "a put names each partition once",
		File:  library,
		Edits: []Edit{{`if given <= before then`, `if given < before then`}},
		Tests: "^TestPartitionsAreStoredTogetherOrNotAtAll$",
	},
	{
		Guard: "partial counts join on to what their attempt has brought",
		File:  library,
		Edits: []Edit{{`    if from ~= brought then return {'at', brought} end
`, ``}},
		Tests: "^TestPartialCountsJoinOnToWhatTheirAttemptHasBrought$",
	},
	{
		Guard: "tasks are acknowledged with the last of their partial counts",
		File:  library,
		Edits: []Edit{{`    if upto < meta.reducers then return {'at', upto} end
`, ``}},
		Tests: "^TestPartialCountsJoinOnToWhatTheirAttemptHasBrought$",
	},
	{
		Guard: "partial counts of attempts that are not committed count for nothing",
		File:  job + "spill.go",
		Edits: []Edit{{`		if _, counts := committed[attempt]; counts && !seen[attempt] {`, `		if !seen[attempt] {`}},
		Tests: "^TestPartialCountsJoinOnToWhatTheirAttemptHasBrought$",
	},
	{
		Guard: "partial counts bear the name of their attempt",
		File:  library,
		Edits: []Edit{{`      if args[i] ~= '' and args[i]:sub(1, #attempt) ~= attempt then refuse('WCARG', 'a blob of another attempt') end
`, ``}},
		Tests: "^TestPartialCountsBearTheNameOfTheirAttempt$",
	},
	{
		Guard: "each commit is an attempt of its own",
		File:  job + "spill.go",
		Edits: []Edit{{`w.packed, w.nonce = make([][]byte, w.Job.Reducers), newNonce()`, `w.packed = make([][]byte, w.Job.Reducers)
		if w.nonce == "" {
			w.nonce = newNonce()
		}`}},
		Tests: "^TestPartialCountsBearTheNameOfTheirAttempt$",
	},
	{
		Guard: "partial counts are given out while their partition is pending",
		File:  library,
		Edits: []Edit{{`  if standing(keys[REDUCE], entry(part + 1)) ~= 'pending' then refuse('WCPHASE', 'partition %.0f is not pending', part) end
`, ``}},
		Tests: "^TestPartialCountsAreGivenOutWhileTheirPartitionIsPending$",
	},
	{
		Guard: "the partial counts of a stored partition are dropped",
		File:  library,
		Edits: []Edit{{`  for i = PARTS, #keys do redis.call('LTRIM', keys[i], 1, 0) end
  local reduced`, `  local reduced`}},
		Tests: "^TestPartialCountsAreGivenOutWhileTheirPartitionIsPending$",
	},
	{
		Guard: "a partition is read in one call",
		File:  job + "protocol.go",
		Edits: []Edit{{`	frames, err = framesOf(committed, partials.Val())
`, `	_ = partials
	var paged []string
	for {
		page, err := p.rdb.LRange(ctx, key, int64(len(paged)), int64(len(paged))).Result()
		if err != nil || len(page) == 0 {
			break
		}
		paged = append(paged, page...)
	}
	frames, err = framesOf(committed, paged)
`}},
		Tests: "^TestWhatARollbackMustNotTearApartIsOneCommandOrTransaction$",
	},
	{
		Guard: "a partition is read where it is asked for",
		File:  job + "protocol.go",
		Edits: []Edit{{`		return transaction(p.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			maps`, `		return transaction(p.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			maps`}},
		Tests: "^TestWhatARollbackMustNotTearApartIsOneCommandOrTransaction$",
	},
	{
		Guard: "a job is deleted in one call",
		File:  job + "protocol.go",
		Edits: []Edit{{`	return p.call(ctx, "clean", p.job.Keys(), run).Int()
`, `	n := 0
	for _, key := range p.job.Keys() {
		deleted, err := p.rdb.Del(ctx, key).Result()
		if err != nil {
			return n, err
		}
		n += int(deleted)
	}
	return n, nil
`}},
		Tests: "^TestWhatARollbackMustNotTearApartIsOneCommandOrTransaction$",
	},
	{
		Guard: "only a finished job has a result",
		File:  library,
		Edits: []Edit{{`  if meta.phase ~= 'done' then refuse('WCPHASE', 'the job is in phase %s', meta.phase) end
`, ``}},
		Tests: "^TestAJobThatIsNotDoneHasNoResult$",
	},
	{
		Guard: "a result is read under its fence",
		File:  library,
		Edits: []Edit{{`  open_final(keys, args[1])
  local from, n `, `  read_meta(keys)
  local from, n `}},
		Tests: "^TestAResultIsReadUnderItsFenceAlone$",
	},
	{
		Guard: "the fence that stands is everybody's",
		File:  library,
		Edits: []Edit{{`  local fence = meta.final or args[2]
`, `  local fence = args[2]
`}},
		Tests: "^(TestAResultIsReadUnderItsFenceAlone|TestFault35SupervisorOfAnotherFolderSealsWhatIsSealedAndTakesNothingAway)$",
	},
	{
		Guard: "workers are released under the fence",
		File:  library,
		Edits: []Edit{{`  open_final(keys, args[1])
  redis.call('HSET', keys[META], 'released', args[1])`, `  redis.call('HSET', keys[META], 'released', args[1])`}},
		Tests: "^TestAResultIsReadUnderItsFenceAlone$",
	},
	{
		Guard: "commits are discarded under the fence",
		File:  library,
		Edits: []Edit{{`  open_final(keys, args[1], 'all')
`, `  read_meta(keys)
`}},
		Tests: "^TestAResultIsReadUnderItsFenceAlone$",
	},
	{
		Guard: "a buried task is not a done one",
		File:  library,
		Edits: []Edit{{`  if mapped == meta.maps then`, `  if mapped + redis.call('HLEN', keys[DEAD]) == meta.maps then`}},
		Tests: "^TestABuriedTaskIsNotADoneOne$",
	},
	{
		Guard: "a heartbeat renews its owner's leases only",
		File:  library,
		Edits: []Edit{{`    if p and p[2] == consumer then`, `    if p then`}},
		Tests: "^TestAHeartbeatRenewsOnlyWhatIsStillOwned$",
	},
	{
		Guard: "types are checked before the first write",
		File:  library,
		Edits: []Edit{{`  check_types(keys)
  local meta`, `  local meta`}},
		Tests: "^TestNothingIsWrittenWhereAKeyHasAnotherType$",
	},
	{
		Guard: "sealing takes a checkpoint of its own",
		File:  job + "checkpoint.go",
		Edits: []Edit{{`		if before.saving {
			// A save under way began earlier, and may lack what was committed since.
			if err := sleep(ctx, savePoll); err != nil {
				return err
			}
			continue
		}
		if err := home.BgSave(ctx).Err(); err != nil {`, `		if err := home.BgSave(ctx).Err(); err != nil && !before.saving {`}},
		Tests: "^TestACheckpointThatWasUnderWayIsNotEnough$",
	},
	{
		Guard: "sealing takes its checkpoint under the fence",
		File:  job + "seal.go",
		Edits: []Edit{{`	end, err := s.final(ctx, s.run(), newNonce())
`, `	settled := make(chan error, 1)
	settled <- s.settle(ctx, newNonce())
	end, err := s.final(ctx, s.run(), newNonce())
`}, {`	settled := make(chan error, 1)
	go func() { settled <- s.settle(ctx, fence) }()
`, ``}},
		Tests: "^TestASealedResultOutlivesACrashRightAfterTheSeal$",
	},
	{
		Guard: "input is compared after it was counted",
		File:  job + "map.go",
		Edits: []Edit{{`		how, err = f.compare(s.Off+s.Len == s.Size)
`, ``}},
		Tests: "^TestAFileThatChangesWhileItIsCountedIsNoticed$",
	},
	{
		Guard: "input is compared before it is read",
		File:  job + "input.go",
		Edits: []Edit{{`	if how := file.compare(now); how != "" {`, `	if how := file.compare(now); how == "\x00" {`}},
		Tests: "^TestFault57AnInputThatIsReplacedByWhatIsNoFileEndsTheRun$",
	},
	{
		Guard: "what is no regular file is no input",
		File:  job + "manifest.go",
		Edits: []Edit{{`	case !now.regular:
		return "it is not a regular file any more"
`, ``}},
		Tests: "^TestFault57AnEmptyInputThatIsReplacedAfterItWasCountedIsNoticed$",
	},
	{
		Guard: "a file ends where its size says",
		File:  job + "input.go",
		Edits: []Edit{{`	now.longer = f.longer
`, ``}},
		Tests: "^TestFault56AFileOfSizeZeroThatHasContentsIsNeverCountedAsEmpty$",
	},
	{
		Guard: "a file of size 0 is looked into when it is listed",
		File:  job + "scan.go",
		Edits: []Edit{{`			now, s.err = checkEmpty(s.path)
`, ``}},
		Tests: "^TestFault56AFileOfSizeZeroThatHasContentsIsRefusedAtSeeding$",
	},
	{
		Guard: "a worker does what its folder planned",
		File:  job + "trust.go",
		Edits: []Edit{{`n < len(planned) || planned != t.digest {`, `n < len(planned) && planned != t.digest {`}},
		Tests: "^TestFault62AWorkerOpensOnlyWhatItsFolderPlanned$",
	},
	{
		Guard: "a task has a range that its file can have",
		File:  job + "trust.go",
		Edits: []Edit{{`part.Len > part.Size-part.Off:`, `part.Off+part.Len > part.Size:`}},
		Tests: "^TestFault62ATaskThatNoPlanHasIsRefusedAsItIsRead$",
	},
	{
		Guard: "a joined worker opens what is in its own input",
		File:  job + "trust.go",
		Edits: []Edit{{`		case !c.holds(part.Path):
			return c.outside(part.Path)
`, ``}},
		Tests: "^TestFault62AJoinedWorkerLeavesWhatIsNotInItsInput$",
	},
	{
		Guard: "links to folders lead out of no input",
		File:  job + "trust.go",
		Edits: []Edit{{`there, err := filepath.EvalSymlinks(dir)`, `there, err := dir, error(nil)`}},
		Tests: "^TestFault62AJoinedWorkerOpensOnlyWhatIsInItsInput$",
	},
	{
		Guard: "a joined worker gives up no task",
		File:  job + "map.go",
		Edits: []Edit{{`w.Trust.Joined && stranger(cause) {`, `w.Trust.Joined && cause == nil {`}},
		Tests: "^TestFault78AJoinedWorkerThatSeesAnotherFileGivesItsTasksBack$",
	},
	{
		Guard: "a host looks at inputs before it joins",
		File:  job + "join.go",
		Edits: []Edit{{`			if how := part.File.differs(ctx); how != "" {`, `			if how := part.File.differs(ctx); how == "\x00" {`}},
		Tests: "^TestFault78AHostLooksAtInputsFromAllOverTheJobBeforeItJoins$",
	},
	{
		Guard: "a worker that is stuck ends with its supervisor",
		File:  job + "serve.go",
		Edits: []Edit{{`func() { os.Exit(1) })`, `func() { _ = os.Args })`}},
		Tests: "^TestFault57AWorkerThatIsStuckDoesNotOutliveItsSupervisor$",
	},
	{
		Guard: "a file that may grow is the one that it was",
		File:  job + "manifest.go",
		Edits: []Edit{{`f.mayGrow() && now.inode != f.Inode:`, `f.mayGrow() && now.inode == 0:`}},
		Tests: "^TestFault44FileThatMayGrowEndsTheRunIfItChangesOtherwise$",
	},
	{
		Guard: "a file that may grow has not shrunk",
		File:  job + "manifest.go",
		Edits: []Edit{{`f.mayGrow() && now.size > f.Size && now.mtime >= f.MTime:`, `f.mayGrow() && now.size != f.Size && now.mtime >= f.MTime:`}},
		Tests: "^TestAFileThatMayGrowHasNotChangedIfItGrew$",
	},
	{
		Guard: "what a file has grown by is not recounted",
		File:  job + "verify.go",
		Edits: []Edit{{`io.NewSectionReader(&in, 0, f.Size)`, `io.NewSectionReader(&in, 0, 1<<62)`}},
		Tests: "^TestFault44FilesThatMayGrowAreCountedUpToTheirPlannedSize$",
	},
	{
		Guard: "a task says whether its files may grow",
		File:  job + "split.go",
		Edits: []Edit{{`strconv.AppendUint(digits, part.Inode, 10)`, `strconv.AppendUint(digits, 0, 10)`}},
		Tests: "^TestFault44FilesThatMayGrowAreCountedUpToTheirPlannedSize$",
	},
	{
		Guard: "a job is named by whether its files may grow",
		File:  job + "job.go",
		Edits: []Edit{{`	m.WriteTo(h) // a hash never fails to write
`, `	for _, f := range m.Files {
		fmt.Fprintln(h, f.Size, f.MTime, f.Path)
	}
`}},
		Tests: "^TestJobIsNamedByAllThatGivesATaskItsMeaning$",
	},
	{
		Guard: "a plan is resumed if its files have only grown",
		File:  job + "job.go",
		Edits: []Edit{{` && was.compare(found{regular: true, size: is.Size, mtime: is.MTime, inode: is.Inode}) == ""`, ``}},
		Tests: "^TestAnEarlierPlanIsResumedIfItsFilesHaveOnlyGrown$",
	},
	{
		Guard: "what was skipped is published",
		File:  job + "seal.go",
		Edits: []Edit{{`		Skipped: s.Plan.Manifest.Skips(),
`, ``}},
		Tests: "^TestWhatIsSkippedIsPartOfTheResult$",
	},
	{
		Guard: "input is compared before it is sealed",
		File:  job + "seal.go",
		Edits: []Edit{{`	path, how := s.Plan.Manifest.Changed()
`, `	path, how := "", ""
`}},
		Tests: "^TestAFileThatChangedAfterItWasCountedIsNoticed$",
	},
	{
		Guard: "a run that the folder does not know is wiped",
		File:  job + "supervisor.go",
		Edits: []Edit{{`		if owner != mine && known {`, `		if owner != mine && known && owner == "" {`}},
		Tests: "^TestARunThatTheFolderDoesNotKnowIsWiped$",
	},
	{
		Guard: "workers stay until they are released",
		File:  job + "worker.go",
		Edits: []Edit{{`	w.run, w.phase = run, phase
	return nil
`, `	w.run, w.phase = run, phase
	if st, err := w.status(ctx); err == nil && st.Pending() == 0 && st.Mapped > 0 {
		return errReleased
	}
	return nil
`}},
		Tests: "^TestAWorkerWithNothingToDoStaysUntilTheJobIsSealed$",
	},
	{
		Guard: "tasks of the dead are taken over",
		File:  job + "steal.go",
		Edits: []Edit{{`	if w.phase == "done" {
		return 0, nil
	}
`, `	if w.phase != "" {
		return 0, nil
	}
`}},
		Tests: "^TestAWorkerTakesOverWhatOthersLeft$",
	},
	{
		Guard: "what a refused batch has left is counted anew",
		File:  job + "commit.go",
		Edits: []Edit{{`	w.empty()
	w.sent = s
`, `	w.sent, w.held = s, nil
`}},
		Tests: "^TestWhatARefusedBatchHasLeftIsCountedAnew$",
	},
	{
		Guard: "what a failed split has spoilt is counted anew",
		File:  job + "map.go",
		Edits: []Edit{{`	w.recount()
	if w.Trust != nil`, `	if w.Trust != nil`}},
		Tests: "^TestWhatAFailedSplitHasSpoiltIsCountedAnew$",
	},
	{
		Guard: "refusals keep their code",
		File:  library,
		Edits: []Edit{{`    if not reply:find('^%u+ ') then reply = 'ERR ' .. reply end
`, `    reply = 'ERR ' .. reply
`}},
		Tests: "^TestAJobWhoseMetaVanishesIsCountedAnew$",
	},
	{
		Guard: "a task that runs alone is blamed only if it was begun",
		File:  library,
		Edits: []Edit{{`if deaths < alone or redis.call('HGET', keys[ATTEMPTS], task .. ' by') == consumer then`, `if true then`}},
		Tests: "^TestADeathIsCountedAgainstTheTasksThatMayHaveCausedIt$",
	},
	{
		Guard: "a death that is told twice is one",
		File:  library,
		Edits: []Edit{{`elseif p[3] < LONG_AGO then`, `else`}},
		Tests: "^TestADeathIsCountedAgainstTheTasksThatMayHaveCausedIt$",
	},
	{
		Guard: "only a death that was seen is counted",
		File:  library,
		Edits: []Edit{{`        elseif p[3] < LONG_AGO then`, `        end
        if p[3] < LONG_AGO then`}, {`if deaths < alone or`, `if deaths < 2 or`}},
		Tests: "^TestADeathIsCountedAgainstTheTasksThatMayHaveCausedIt$",
	},
	{
		Guard: "the fence is looked at once more before the result is published",
		File:  job + "seal.go",
		Edits: []Edit{{`		_, _, err = s.sum(ctx, fence, 0, 1)
`, ``}},
		Tests: "^TestAFenceThatIsLostAfterTheResultWasReadIsNoticed$",
	},
	{
		Guard: "the counts come to the words that were committed",
		File:  job + "seal.go",
		Edits: []Edit{{`	if total != tokens {`, `	if total != tokens && total == 0 {`}},
		Tests: "^TestCountsThatDoNotAddUpAreNeverPublished$",
	},
	{
		Guard: "counts are whole numbers below 2^53",
		File:  library,
		Edits: []Edit{{`    if not (n > 0 and n < 2 ^ 53 and n % 1 == 0) then
      refuse('WCSTATE', '%s is no count: it is beyond 2^53, or somebody else wrote it', first[2])
    end
`, ``}},
		Tests: "^TestCountBeyond2To53IsNoResult$",
	},
	{
		Guard: "up to date is what can still be read",
		File:  job + "seal.go",
		Edits: []Edit{{`	_, err = s.conserved(ctx, sealed.Fence, sealed.Tokens)
`, ``}},
		Tests: "^TestFinishedJobIsUpToDateUntilItsResultIsGone$",
	},
	{
		Guard: "a result lacks no buried task",
		File:  library,
		Edits: []Edit{{`  if redis.call('EXISTS', keys[DEAD]) == 1 then refuse('WCSTATE', 'tasks were buried') end
`, ``}},
		Tests: "^TestAResultThatLacksABuriedTaskIsNotFenced$",
	},
	{
		Guard: "a job keeps its size",
		File:  library,
		Edits: []Edit{{`    if meta.maps ~= maps or meta.reducers ~= reducers then`, `    if false then`}},
		Tests: "^TestASeedForAJobOfAnotherSizeIsRefused$",
	},
	{
		Guard: "an error is counted once for each attempt",
		File:  library,
		Edits: []Edit{{`  if redis.call('HSETNX', keys[ATTEMPTS], task .. ' ' .. token, 1) == 0 then return 'failed' end
`, ``}},
		Tests: "^TestAnErrorIsCountedOnceForEachAttempt$",
	},
	{
		Guard: "who gives up gives up its own",
		File:  library,
		Edits: []Edit{{`redis.call('XPENDING', stream, GROUP, from, '+', 1000, consumer)`, `redis.call('XPENDING', stream, GROUP, from, '+', 1000)`}},
		Tests: "^TestAHeartbeatRenewsOnlyWhatIsStillOwned$",
	},
	{
		Guard: "a task that is held is not taken again",
		File:  job + "worker.go",
		Edits: []Edit{{`		if w.leases.add(w.run, t.taskID) {`, `		if w.leases.add(w.run, t.taskID) || true {`}},
		Tests: "^TestATaskThatIsDeliveredAgainIsCountedOnce$",
	},
	{
		Guard: "the silent are told by the thief's own clock",
		File:  job + "steal.go",
		Edits: []Edit{{`		stolen, err = w.silent(ctx)
`, ``}},
		Tests: "^TestWhoIsSilentByTheThiefsOwnClockIsRobbed$",
	},
	{
		Guard: "who is heard of is not silent",
		File:  job + "steal.go",
		Edits: []Edit{{`ok && before.beat == beat {`, `ok {`}},
		Tests: "^TestWhoIsSilentByTheThiefsOwnClockIsRobbed$",
	},
	{
		Guard: "a task that workers died of runs alone",
		File:  job + "map.go",
		Edits: []Edit{{`	t.alone = deaths >= aloneFrom
`, ``}},
		Tests: "^(TestAMapThatMayHaveKilledItsWorkersRunsAlone|TestAReduceThatRunsAloneIsBegunAlone)$",
	},
	{
		Guard: "what is held is committed before a task that runs alone",
		File:  job + "worker.go",
		Edits: []Edit{{`	if (t.alone || t.stream == "reduce") && (`, `	if t.stream == "reduce" && (`}},
		Tests: "^TestAMapThatMayHaveKilledItsWorkersRunsAlone$",
	},
	{
		Guard: "a task that runs alone is committed alone",
		File:  job + "map.go",
		Edits: []Edit{{`	if t.alone || w.Job.Reducers == 0 {
		return w.commitHeld`, `	if w.Job.Reducers == 0 {
		return w.commitHeld`}},
		Tests: "^TestAMapThatMayHaveKilledItsWorkersRunsAlone$",
	},
	{
		Guard: "a checkpoint that failed is none",
		File:  job + "checkpoint.go",
		Edits: []Edit{{`case now.status != "ok" || now.saves`, `case now.saves`}},
		Tests: "^(TestFault17DiskFullAtACheckpoint|TestFault17CheckpointThatCannotBeWrittenIsSaidAndTriedAgain|TestFault20ChildOfACheckpointKilled)$",
	},
	{
		Guard: "a checkpoint that never began is none",
		File:  job + "checkpoint.go",
		Edits: []Edit{{` || now.saves <= before.saves`, ``}},
		Tests: "^TestACheckpointThatNeverBeganIsNone$",
	},
	{
		Guard: "a checkpoint is of one life of the server",
		File:  job + "checkpoint.go",
		Edits: []Edit{{`			case now.runID != before.runID:
`, `			case now.runID == "":
`}},
		Tests: "^TestACheckpointOfAnotherLifeOfTheServerIsNone$",
	},
	{
		Guard: "a job is named by its split",
		File:  job + "job.go",
		Edits: []Edit{{`count.PartitionVersion, p.Split, p.Job.Reducers)`, `count.PartitionVersion, 0, p.Job.Reducers)`}},
		Tests: "^TestJobIsNamedByAllThatGivesATaskItsMeaning$",
	},
	{
		Guard: "a job is named by its partitions",
		File:  job + "job.go",
		Edits: []Edit{{`count.PartitionVersion, p.Split, p.Job.Reducers)`, `count.PartitionVersion, p.Split, 0)`}},
		Tests: "^TestJobIsNamedByAllThatGivesATaskItsMeaning$",
	},
	{
		Guard: "a job is named by the times of its files",
		File:  job + "job.go",
		Edits: []Edit{{`	m.WriteTo(h) // a hash never fails to write
`, `	for _, f := range m.Files {
		fmt.Fprintln(h, f.Size, f.Path)
	}
`}},
		Tests: "^TestJobIsNamedByAllThatGivesATaskItsMeaning$",
	},
	{
		Guard: "a job is named by the sizes of its files",
		File:  job + "job.go",
		Edits: []Edit{{`	m.WriteTo(h) // a hash never fails to write
`, `	for _, f := range m.Files {
		fmt.Fprintln(h, f.MTime, f.Path)
	}
`}},
		Tests: "^TestJobIsNamedByAllThatGivesATaskItsMeaning$",
	},
	{
		Guard: "a task without reducers has a bounded number of words",
		File:  job + "map.go",
		Edits: []Edit{{`w.table.Len() > MaxLiveWords:`, `w.table.Len() > 10*MaxLiveWords:`}},
		Tests: "^TestFault51MillionsOfDistinctWordsInOneTaskWithoutReducersAreRefused$",
	},
	{
		Guard: "a worker stays with the run that it read first",
		File:  job + "worker.go",
		Edits: []Edit{{`	case w.run != "" && run != w.run:`, `	case run == "":`}},
		Tests: "^TestAWorkerStaysWithTheRunThatItReadFirst$",
	},
	{
		Guard: "a worker that finds no task reads the phase again",
		File:  job + "worker.go",
		Edits: []Edit{{`	if err := w.look(ctx); err != nil {
		return err
	}
	if w.phase != "done" {`, `	if w.phase != "done" {`}},
		Tests: "^TestAWorkerThatFindsNoTaskLooksAtTheJobAgain$",
	},
	{
		Guard: "a function asks for the rights to all its commands first",
		File:  library,
		Edits: []Edit{{`      check_rights(commands, keys[META] or '')
`, ``}},
		Tests: "^TestAFunctionWritesNothingIfTheRightToAnyOfItsCommandsLacks$",
	},
	{
		Guard: "a worker has one commit under way at a time",
		File:  job + "worker.go",
		Edits: []Edit{{`	if w.due() {
		if err := w.land(ctx); err != nil {
			return err
		}
`, `	if w.due() {
`}},
		Tests: "^TestAWorkerHasOneCommitUnderWayAtATime$",
	},
	{
		Guard: "what is held is committed after what was sent",
		File:  job + "commit.go",
		Edits: []Edit{{`	if err := w.land(ctx); err != nil || len(w.held) == 0 {
		return err
	}
`, `	if len(w.held) == 0 {
		return w.land(ctx)
	}
`}},
		Tests: "^TestAWorkerHasOneCommitUnderWayAtATime$",
	},
	{
		Guard: "what a refused batch lost may be delivered again",
		File:  job + "commit.go",
		Edits: []Edit{{`		} else {
			w.leases.drop(t.taskID)
		}
`, `		}
`}},
		Tests: "^TestWhatARollbackTookFromARefusedBatchIsForgotten$",
	},
	{
		Guard: "what a rollback took from a refused batch is forgotten",
		File:  job + "commit.go",
		Edits: []Edit{{`		if s.standings[i] == pending {`, `		if s.standings[i] != settled {`}},
		Tests: "^TestWhatARollbackTookFromARefusedBatchIsForgotten$",
	},
	{
		Guard: "a split is committed with all its files",
		File:  job + "split.go",
		Edits: []Edit{{`		for _, f := range s.More {
			if !yield(`, `		for _, f := range s.More[:len(s.More)/2] {
			if !yield(`}},
		Tests: "^TestOfVeryManyFilesSmallOnesGoTogether$|^TestASplitCanBeReadFromItsEntry$",
	},
	{
		Guard: "a supervisor holds the lock that names it",
		File:  job + "living_linux.go",
		Edits: []Edit{{`		return err == nil && exclusive.Match(info)`, `		return err == nil && info != nil`}},
		Tests: "^TestFault62TheSupervisorIsTheProcessThatHoldsTheLock$",
	},
	{
		Guard: "a lock lies in the folder",
		File:  job + "living.go",
		Edits: []Edit{{`root.OpenFile(filepath.Join("jobs"`, `os.OpenFile(filepath.Join(f.Dir, "jobs"`}},
		Tests: "^TestFault62ALockOutsideOfTheFolderHasNoSupervisor$",
	},
	{
		Guard: "a worker that gets a signal is a child of the supervisor",
		File:  job + "living_linux.go",
		Edits: []Edit{{` || parentOf(dir) != parent`, ``}},
		Tests: "^TestFault62AWorkerIsAChildOfTheSupervisorUnderItsName$",
	},
	{
		Guard: "words are written as an absolute sum",
		File:  library,
		Edits: []Edit{{`  local mapped, phase = meta.mapped + n, meta.phase
`, `  redis.call('HINCRBY', keys[META], 'tokens', string.format('%.0f', tokens))
  local mapped, phase = meta.mapped + n, meta.phase
`}, {`, 'tokens', string.format('%.0f', meta.tokens + tokens),
    'bytes'`, `,
    'bytes'`}},
		Tests: "^TestFault55ALogThatIsTornInACallIsNeverSealedWithOtherCounts$",
	},
	{
		Guard: "an attempt counts once in a partition",
		File:  job + "spill.go",
		Edits: []Edit{{`counts && !seen[attempt] {`, `counts {`}},
		Tests: "^TestAnAttemptCountsOnceInAPartition$",
	},
	{
		Guard: "nothing is reduced of commits that don't cover the job",
		File:  job + "protocol.go",
		Edits: []Edit{{`	if err := covered(committed, all); err != nil {
		return nil, err
	}
`, `	_ = all
`}},
		Tests: "^TestNothingIsReducedOfCommitsThatDoNotCoverTheJob$",
	},
	{
		Guard: "commits that don't cover the job are not sealed",
		File:  job + "seal.go",
		Edits: []Edit{{`		err = covered(committedOf(commits), len(s.splits))
`, `		_ = commits
`}},
		Tests: "^TestCommitsThatDoNotCoverTheJobAreNeverSealed$",
	},
	{
		Guard: "a result has all its maps",
		File:  job + "seal.go",
		Edits: []Edit{{`		{"maps are committed", e.mapped, int64(len(s.splits))},
`, ``}},
		Tests: "^TestCountersThatDoNotFitThePlanAreNeverSealed$",
	},
	{
		Guard: "a result has all its partitions",
		File:  job + "seal.go",
		Edits: []Edit{{`		{"partitions are stored", e.reduced, int64(job.Reducers)},
`, ``}},
		Tests: "^TestCountersThatDoNotFitThePlanAreNeverSealed$",
	},
	{
		Guard: "a result has all bytes of the manifest",
		File:  job + "seal.go",
		Edits: []Edit{{`		{"bytes are committed", e.bytes, s.Plan.Manifest.Bytes},
`, ``}},
		Tests: "^TestCountersThatDoNotFitThePlanAreNeverSealed$",
	},
	{
		Guard: "partitions have all words that were committed",
		File:  job + "seal.go",
		Edits: []Edit{{`		{"words are in stored partitions", e.put, inPartitions},
`, `		{"", 0, 0 * inPartitions},
`}},
		Tests: "^TestCountersThatDoNotFitThePlanAreNeverSealed$",
	},
	{
		Guard: "a job that nobody can finish ends",
		File:  job + "supervisor.go",
		Edits: []Edit{{`w.stuck > stuckMax {`, `w.stuck < 0 {`}},
		Tests: "^TestAJobThatNobodyCanFinishEndsTheRun$",
	},
	{
		Guard: "nothing is committed once all is",
		File:  library,
		Edits: []Edit{{`  if meta.phase ~= 'map' then refuse('WCSTATE', 'tasks of phase map are pending in phase %s', meta.phase) end
`, ``}},
		Tests: "^TestNothingIsCommittedOnceAllIs$",
	},
	{
		Guard: "nothing is stored once all is",
		File:  library,
		Edits: []Edit{{`  if meta.phase ~= 'reduce' then refuse('WCSTATE', 'partitions are pending in phase %s', meta.phase) end
`, ``}},
		Tests: "^TestNothingIsStoredOnceAllIs$",
	},
	{
		Guard: "a job that lost a task is not seeded anew",
		File:  library,
		Edits: []Edit{{`    if stream.length ~= top then
      refuse('WCSTATE', '%.0f of the first %.0f tasks were deleted by someone', top - stream.length, top)
    end
`, ``}},
		Tests: "^TestAJobThatLostATaskIsNotSeededAnew$",
	},
	{
		Guard: "who listens on a socket is this user",
		File:  server + "peer_linux.go",
		Edits: []Edit{{`	if int(peer.Uid) != os.Geteuid() {`, `	if peer == nil {`}},
		Tests: "^TestFault59WhoeverTakesTheDeadServersSocketGetsNoPassword$",
		In:    "./" + server,
	},
	{
		Guard: "who listens on a port is this user",
		File:  server + "follow.go",
		Edits: []Edit{{`		if !ours(l.uid) {`, `		if l.uid < 0 && !ours(l.uid) {`}, {
			`func(uid int) bool { return uid == 0 || ours(uid) }`, `func(int) bool { return true }`,
		}},
		Tests: "^TestFault59WhoeverTakesTheDeadServersPortGetsNoPassword$",
		In:    "./" + server,
	},
	{
		Guard: "passwords of users are new at each start",
		File:  server + "users.go",
		Edits: []Edit{{`		password, err := newPassword(base + passwordSuffix)`, `		password, err := readSecret(base + passwordSuffix)`}},
		Tests: "^TestFault60ClientsFollowTheirServerToAnotherPortWithOtherPasswords$",
		In:    "./" + server,
	},
	{
		Guard: "a folder is checked before anything in it is used",
		File:  server + "ensure.go",
		Edits: []Edit{{`	if err := CheckFolder(dir); err != nil {`, `	if err := error(nil); err != nil {`}},
		Tests: "^TestFault61AFolderThatMayBeSomebodyElsesIsNotUsed$",
		In:    "./" + server,
	},
	{
		Guard: "the rules of a user are rules and nothing else",
		File:  server + "users.go",
		Edits: []Edit{{`		if !userRule.MatchString(rule) {`, `		if rule == "" {`}},
		Tests: "^TestFault61AUserThatSomebodyPreparedHasNoMoreRightsThanRulesGive$",
		In:    "./" + server,
	},
	{
		Guard: "another user's process is not ours by its title",
		File:  server + "processes_linux.go",
		Edits: []Edit{{`err == nil && owner(info) == os.Geteuid()`, `err == nil && info != nil`}},
		Tests: "^TestFault61AnotherUsersProcessWithOurServersTitleIsNeitherKilledNorInTheWay$",
		In:    "./" + server,
	},
	{
		Guard: "a dump is read by the first server that can",
		File:  server + "launch.go",
		Edits: []Edit{{`if s.Kind != Process {`, `if s.Kind != "" {`}},
		Tests: "^TestADumpThatTheFirstServerOnPATHCannotReadIsReadByAnother$",
		In:    "./" + server,
	},
	{
		Guard: "a program in the cache is this user's",
		File:  server + "provision.go",
		Edits: []Edit{{`owner(info) != os.Geteuid() || info.Mode().Perm()&writable != 0`, `info.Size() < 0`}},
		Tests: "^TestFault61ACacheThatMayBeSomebodyElsesRunsNothing$",
		In:    "./" + server,
	},
	{
		Guard: "a record is this very folder's",
		File:  server + "state.go",
		Edits: []Edit{{`	if s.Name != name {`, `	if name == "" {`}},
		Tests: "^TestAMovedFolderKeepsItsServerAndACopyHasNone$",
		In:    "./" + server,
	},
	{
		Guard: "every table has a seed of its own",
		File:  kernel + "hash.go",
		Edits: []Edit{{"	_, _ = rand.Read(b[:]) // never fails\n", "	_ = rand.Read\n"}},
		Tests: "^TestFault63EveryTableHasAnOrderOfItsOwn$",
		In:    "./" + kernel,
	},
	{
		Guard: "keys are multiplied twice",
		File:  kernel + "hash.go",
		Edits: []Edit{{"	hi, lo = bits.Mul64(lo^s[2], hi^s[3])\n", ""}},
		Tests: "^TestPortable$",
		In:    "./" + kernel,
	},
	{
		Guard: "keys go through three rounds of AES",
		File:  kernel + "kernel_amd64.s",
		Edits: []Edit{{"	VAESENC X2, X1, X1 \\\n", ""}},
		Tests: "^TestFault63CraftedWordsTakeNoMoreSteps$",
		In:    "./" + kernel,
	},
	{
		Guard: "the hash of long words has a seed",
		File:  kernel + "long.go",
		Edits: []Edit{{"maphash.Bytes(l.seed, word)", "xxhash.Sum64(word)"}, {`"hash/maphash"
`, `"hash/maphash"

	"github.com/cespare/xxhash/v2"
`}},
		Tests: "^TestFault63CraftedWordsTakeNoMoreSteps$",
		In:    "./" + kernel,
	},
	{
		Guard: "export replaces nothing but files",
		File:  target + "export.go",
		Edits: []Edit{{"	if is.Mode().IsRegular() {\n", "	if true {\n"}},
		Tests: "^TestFault67ExportWritesThroughWhatIsNoFile$",
		In:    "./" + target,
	},
	{
		Guard: "export follows links",
		File:  target + "export.go",
		Edits: []Edit{{"filepath.EvalSymlinks(path)", "filepath.Clean(path), error(nil)"}},
		Tests: "^TestFault67ExportKeepsTheLinksToAFileAndItsMode$",
		In:    "./" + target,
	},
	{
		Guard: "export keeps a file's mode",
		File:  target + "export.go",
		Edits: []Edit{{", renameio.WithExistingPermissions())", ")"}},
		Tests: "^TestFault67ExportKeepsTheLinksToAFileAndItsMode$",
		In:    "./" + target,
	},
	{
		Guard: "events are shown escaped",
		File:  target + "progress.go",
		Edits: []Edit{{`	text = plain(text)
	if p.terminal`, `	if p.terminal`}},
		Tests: "^TestFault62EventsAreShownEscaped$",
		In:    "./" + target,
	},
	{
		Guard: "errors are shown escaped",
		File:  target + "exit.go",
		Edits: []Edit{{`	err = plainError{err}
`, ``}},
		Tests: "^TestFault62WhatRedisSaysIsShownEscaped$",
		In:    "./" + target,
	},
	{
		Guard: "the status is shown escaped",
		File:  target + "status.go",
		Edits: []Edit{{`plain(fmt.Sprintf(format, args...))`, `fmt.Sprintf(format, args...)`}},
		Tests: "^TestFault62WhatRedisSaysIsShownEscaped$",
		In:    "./" + target,
	},
	{
		Guard: "a job to join has the name of a job",
		File:  target + "targets.go",
		Edits: []Edit{{`wordcount.CheckID(*job)`, `error(nil)`}},
		Tests: "^TestFault62AJobsNameLeadsNowhereElse$",
		In:    "./" + target,
	},
	{
		Guard: "a folder opens no other folder as a job",
		File:  job + "folder.go",
		Edits: []Edit{{`	if err := CheckID(job); err != nil {
		return p, err
	}
`, ``}},
		Tests: "^TestFault62AFolderKnowsOnlyJobsWithAJobsName$",
	},
	{
		Guard: "numbers of a job are bounded",
		File:  job + "protocol.go",
		Edits: []Edit{{`err != nil || n < 0 || n > most`, `err != nil`}},
		Tests: "^TestFault62NumbersThatNoJobHasAreRefused$",
	},
	{
		Guard: "partial counts are of words that a table can hold",
		File:  job + "buried.go",
		Edits: []Edit{{`len(word) == 0 || len(word) > count.MaxWord || `, ``}},
		Tests: "^TestFault62WordsThatNoTableHoldsAreRefused$",
	},
}
