package lab

// lessons are in the order in which they build on each other.
var lessons = []lesson{
	{
		question: "Who has which text?",
		fault:    "ann is killed (kill -9) when she has taken text 2. She is started again, under the same name.",
		scenario: func(t *trial) {
			if t.way.right {
				t.seed()
			} else {
				t.seedList()
			}
			t.start(t.way.program, "ann").reach(taken, 2).kill()
			if t.way.right {
				t.note("XPENDING while she is dead: %s", t.pending())
			}
			t.finish(t.start(t.way.program, "ann"))
		},
		ways: []way{
			{program: "wrong_list", means: "a list, of which each worker takes the next text: LPOP"},
			{program: "right_worker", means: "a stream with a consumer group: XREADGROUP", stays: true, right: true},
		},
		why: "LPOP takes the text out of Redis, and the text dies with ann. A stream keeps an entry until it is " +
			"acknowledged, and knows who has it. So ann asks first for what she had.",
		look: "pkg/lab/wrong_list.go; Next in pkg/wordcount/claim/next.go",
	},
	{
		question: "Count first, or acknowledge first?",
		fault:    "one worker is killed before its calls, the next between them, the next after them. One call has no between.",
		scenario: func(t *trial) {
			t.seed()
			t.start(t.way.program, "ann").reach(counted, 1).kill()
			if !t.way.right {
				t.start(t.way.program, "bob").reach(between, 1).kill()
			}
			t.start(t.way.program, "cat").reach(committed, 1).kill()
			t.finish(t.start(t.way.program, "dan"))
		},
		ways: []way{
			{program: "wrong_increment", means: "ZINCRBY for each word, then XACK"},
			{program: "wrong_acknowledge", means: "XACK, then ZINCRBY for each word"},
			{program: "right_worker", means: "a Redis Function does both, as one step", stays: true, right: true},
		},
		why: "Between two calls there is always a moment to be killed in. Then a text is counted twice, or never. Redis runs " +
			"a function as one step: nobody ever meets half of it.",
		look: "pkg/lab/wrong_increment.go, wrong_acknowledge.go; commit in lua/wordcount.lua",
	},
	{
		question: "What if the texts are put into the stream twice?",
		fault:    "the seeder is killed when it has added two texts. It is started again, and begins anew.",
		scenario: func(t *trial) {
			t.start(t.way.program, "seeder").reach(added, 2).kill()
			t.start(t.way.program, "seeder").leave()
			worker := "right_worker"
			if !t.way.right {
				worker = "wrong_multi" // the function refuses automatic IDs; without a fault of its own, this worker is right
			}
			t.finish(t.start(worker, "ann"))
		},
		ways: []way{
			{program: "wrong_ids", means: "automatic IDs: XADD *"},
			{program: "right_seed", means: "explicit IDs: text 3 is the entry 3-0", stays: true, right: true},
		},
		why: "With an automatic ID each XADD is a new entry, and Redis can't know that the text is there. An explicit ID is " +
			"taken once. So a seed may be repeated, as often as you like.",
		look: "pkg/lab/wrong_ids.go; seed in lua/wordcount.lua",
	},
	{
		question: "Who does the text of a dead worker?",
		fault:    "ann is killed when she has taken text 2, and never comes back. bob goes on.",
		scenario: func(t *trial) {
			t.seed()
			t.start(t.way.program, "ann").reach(taken, 2).kill()
			bob := t.start(t.way.program, "bob")
			bob.rest()
			t.note("XPENDING when bob has nothing to do: %s", t.pending())
			t.finish(bob)
		},
		ways: []way{
			{program: "wrong_loyal", means: "bob reads new entries, and his own"},
			{program: "right_worker", means: "bob also takes what ann has held for too long: XAUTOCLAIM", stays: true, right: true},
		},
		why: "XREADGROUP gives an entry to one worker, and then to nobody else. What a dead worker has is pending for ever, " +
			"unless a thief takes it over. A thief waits for the end of a lease. Here the lab knows that ann is dead.",
		look: "pkg/lab/wrong_loyal.go; pkg/wordcount/claim/steal.go",
	},
	{
		question: "What if the dead worker was only slow?",
		fault:    "ann stands still when she has counted text 2. bob takes text 2 over, and commits it. Then ann goes on.",
		scenario: func(t *trial) {
			t.seed()
			ann := t.start(t.way.program, "ann").reach(counted, 2)
			t.finish(t.start(t.way.program, "bob"), ann)
		},
		ways: []way{
			{program: "wrong_multi", means: "MULTI, XACK, ZINCRBY for each word, EXEC"},
			{program: "right_worker", means: "the function adds only if the text is still pending", stays: true, right: true},
		},
		why: "Nobody can tell a slow worker from a dead one. So a text may be counted by two workers, and the second one must " +
			"be refused. MULTI makes one step of the calls, but can't look at the answer of XACK: 0, it is done already.",
		look: "pkg/lab/wrong_multi.go; refusal in lua/wordcount.lua",
	},
	{
		question: "When may a worker leave?",
		fault: "ann has done text 1 and taken text 2, and Redis is saved. She does the rest. Then Redis is killed, and comes " +
			"back with what was saved: ann has text 2, and nobody was given texts 3 and 4.",
		scenario: func(t *trial) {
			t.seed()
			ann := t.start(t.way.program, "ann").reach(taken, 2)
			t.save()
			ann.rest()
			t.note("XPENDING when all is done: %s", t.pending())
			t.crash()
			t.note("XPENDING when Redis is back: %s", t.pending())
			t.finish(ann)
		},
		ways: []way{
			{program: "wrong_leave", means: "when there is nothing new, and XPENDING is 0"},
			{program: "right_worker", means: "when it is dismissed, after the seal", stays: true, right: true},
		},
		why: "XPENDING counts what workers hold, and no text that waits in the stream. And Redis may go back in time. Until the " +
			"result is sealed, there must be somebody who does lost work again.",
		look: "pkg/lab/wrong_leave.go; pkg/wordcount/protocol/phase.go, doc.go",
	},
	{
		question: "Which save makes a result safe?",
		fault: "Redis begins a save. Then ann commits the last text, and the job is sealed. Then Redis is killed, and comes back " +
			"with what was saved.",
		scenario: func(t *trial) {
			t.seed()
			ann := t.start("right_worker", "ann").reach(counted, len(texts))
			t.beginSave()
			ann.rest()
			t.start(t.way.program, "sealer").leave()
			ann.leave()
			t.note("the result that was sealed: %d words", t.counted().words())
			t.crash()
		},
		ways: []way{
			{program: "wrong_save", means: "the seal waits until the save under way has ended"},
			{program: "right_seal", means: "the seal begins a save of its own, and waits for that one", right: true},
		},
		why: "A save has what was there when it began, however late it ends. So the seal first marks the result as " +
			"final, which is the fence. Only a save that begins after that counts, and only then may the workers leave.",
		look: "pkg/lab/wrong_save.go; pkg/wordcount/checkpoint/checkpoint.go; pkg/wordcount/supervisor/seal.go",
	},
}
