// Package wordcount counts the words of many files, exactly once, with worker processes that may die at any moment and
// a Redis that may too.
//
// # The promise
//
// If Seal returns a result, it equals a serial count of the manifest's files. That holds under any schedule of worker
// crashes, pauses and thefts, of lost and repeated replies, of supervisors that are killed and started again, and of
// Redis servers that are killed and come back from any complete snapshot of the job, or from nothing. A task may run
// many times; it affects the counts once. Otherwise there is an error, of one of the classes in errors.go, and no
// published result.
//
// It is assumed that the files don't change meanwhile (size and time of modification are checked; files that may grow are
// counted up to the size that they had, see Selection), that nobody else
// writes to the job's keys, that Redis evicts nothing, and that each count stays below 2^53. Progress without Redis, and
// work done since the last checkpoint, are not promised.
//
// An append-only file that a kill tears in the middle of a commit is no snapshot: at the second restart Redis runs the part
// that is left, and then the whole of it once more. So counters are written as absolute values, each commit says which tasks
// it has, and a reducer and the seal check that those cover the job (cover.go); the seal compares all counters with the plan
// and with the sum of the counts. A job whose tasks are neither done nor anywhere else is stuck, which Watch notices. So such
// a job, and one whose keys somebody wrote to, is exact or ends with ErrState. Two counts that somebody swaps look right to
// all of them; verify.go tells.
//
// # Why it can hold
//
// The acknowledgement of a task and its effect on the counts are one call of one Redis Function. So every state that
// Redis can roll back to, an old snapshot or a replica that lags, is a prefix of the same history: a task is either
// acknowledged and counted, or neither. All the rest keeps this one idea from being undermined, and lua/wordcount.lua
// gives, for each guard, the accident that it prevents.
//
// # From a file to a count
//
// Follow a word through the files:
//
//	scan.go        which files there are
//	skip.go        which of them are left out, and how that is told
//	manifest.go    and in which state
//	input.go       how one is opened, and what may not be in its place
//	split.go       the ranges that they are counted in; of very many files small ones go together
//	job.go         the name of the job, which is a hash of all that gives a task its meaning
//	supervisor.go  Seed puts a task for each split into a stream; Watch brings back what a crash takes away
//	worker.go      a worker takes tasks: its own, the dead's (steal.go), new ones
//	trust.go       makes sure that they are what was planned
//	map.go         and counts them into a table (package count), several into one
//	due.go         until a commit pays
//	commit.go      commits the table: the tasks are acknowledged, and their partial counts count, in one step
//	reduce.go      merges the partial counts of some partitions, and stores their totals in the sorted set
//	cover.go       checks that commits have each task once, before that and before the seal
//	seal.go        waits until that is all, and lasts, and adds up; then it is published
//	result.go      reads it; verify.go compares it with a serial recount
//
// With MapOnly there are no reduce tasks: each commit adds its words to the sorted set itself. The counts can then be
// watched while they grow, and cost Redis some 5 µs a word instead of 0.02.
//
// protocol.go has one typed method for each function of the library. lease.go and steal.go are the two sides of a lease.
// team.go keeps the worker processes alive; serve.go is what they run; join.go is what another host looks at before its
// workers join. folder.go is the state that a working folder
// keeps; none of it is needed for the counts to be right, save for the run.
//
// # Who may believe what
//
// A worker believes nothing but the answer to its own commit. It sends the run it read at its start with every write,
// and if the job belongs to another run now it ends. What it is told is settled it forgets, what is pending it counts
// again, alone. What a task says it compares with the digest that its own folder has of it, so that who can write to Redis
// can't make it open a file. One that joined from another host has none, and reads in the input that it was started with; of
// files that are other than the job's it thinks that this host is wrong, gives its tasks back and leaves.
//
// A thief believes the server's clock, and where that stands still its own monotonic one: an owner whose heartbeat has
// not moved for a lease is robbed. It need not be right. The first to commit wins, so a theft from the living costs work
// and no correctness.
//
// A supervisor believes neither "nothing is pending", which is so before anything was delivered, nor the phase that it
// saw a moment ago. Seal first fences the result under a nonce. Then it waits for a checkpoint that began after that,
// meanwhile adds up the whole result under the fence and looks at the files again, and last makes sure that the fence
// still stands. A rollback to before it takes it away, and sealing starts over. Only then are workers let go.
//
// A fence that stands is not replaced but adopted, by another supervisor in another folder too: a state that has it is
// one of the finished job. So both publish results that can be read; with a fence of its own the second would take the
// first one's readers theirs. It is not enough to adopt a fence under which workers were let go, for who has published
// has not let them go yet. Each supervisor still does its own checkpoint, sum and look at the files.
//
// A folder remembers the run that it works on. A job of another run that turns up in its place, from an old dump that
// was restored after a clean, is wiped: its files may have had other contents behind equal sizes and times. A folder
// that sees a job for the first time adopts its run, so a second supervisor attaches to the first one's work. Two
// folders that both insist are told so.
//
// # Tasks that can't be done
//
// Errors and deaths are counted apart. A task that fails three times (errorLimit) is buried, at once if its file has
// changed. When a supervisor sees a worker killed or crash, that counts against each task of which it may have died; a
// task with two deaths runs alone from then on, so that it takes no neighbours along, and after six more of its own
// (deathLimit) it is buried too. What nobody saw, a lease that ran out, the end of a whole machine, counts against no
// task. The job then ends with ErrIncomplete; Buried lists such tasks, Requeue gives them another life, and Partial
// counts the rest for who asks.
//
// # What holds it
//
// Each claim, and the test that would fail without it. The tests named TestFaultNN have one fault or bad input each, and
// say which in their names; those that need whole processes are in package targets. README has the promise sentence by
// sentence.
//
//	any accident at any command, worker or supervisor     TestAJobIsExactWhereverAnAccidentStrikes (mage sweep: all of them)
//	any schedule, in a model, each guard needed           TestAnyScheduleOfTheModelIsExactOrPublishesNothing,
//	                                                      TestEachGuardOfTheModelIsMissedWhenItIsTakenOut
//	any schedule, on a real server                        TestAnyScheduleOnARealServerIsExact (mage properties: 200)
//	each guard is tested                                  mage mutation takes them out one by one
//	worker crashes, pauses, thefts                        TestFault01 to 07, 32, TestStealingAloneBringsEveryTaskHome
//	what is told to be redone was                         TestATaskThatIsTakenOverCountsOnce,
//	                                                      TestTasksOfTheDeadAreRedoneOnceWhetherReleasedOrNot
//	no task is buried for what others died of             TestADeathIsCountedAgainstTheTasksThatMayHaveCausedIt
//	errors and deaths are counted apart                   TestErrorsAndDeathsOfATaskAreCountedApart
//	Redis killed, at the worst moments                    TestFault08 to 15, 18, 19, 34
//	lost and repeated replies                             TestFault02, 05, 16
//	a log that was torn in the middle of a call           TestFault55
//	somebody who writes to the job's keys                 TestFault71
//	a commit in several calls counts all or nothing       TestPartialCountsJoinOnToWhatTheirAttemptHasBrought
//	supervisors killed, and two at once                   TestFault35, 36
//	two folders seal one job, both can read               TestFault35SupervisorOfAnotherFolderSealsWhatIsSealedAndTakesNothingAway
//	replicas that lag, Sentinel, Cluster                  TestFault33
//	a run that fails says so and publishes nothing        TestFault17, 20, 22, 25, 28, 31, 39, 44, 47, 53, 56, 57
//	nothing is opened but the job's inputs                TestFault58, 62
//	another host does no harm                             TestFault78
//	a result that is read is the one that was sealed      TestAResultIsReadUnderItsFenceAlone
//	the rights of README and of workers suffice           TestTheUserInTheREADMESuffices; whole jobs in package targets
//
// # Differences from the design
//
// The design brings a commit's partial counts in the one call that acknowledges its tasks, and reads a partition's in one
// too. Both held the server for as long as their bytes took, some 5 ms a MiB, for all that passes through Lua is copied
// thrice: half a second where words are long. Here a commit is an attempt with a nonce, which brings them in calls of
// some 4 MiB, and what it has brought counts from the moment the last of these calls acknowledges the tasks. A partition
// is read by HGETALL (which attempts count) and LRANGE, behind the function that allows it, in one transaction. The model has these calls,
// and fails without any of their guards.
//
// The design keeps all partial counts until the job is sealed. Here those of a partition go with the call that acknowledges
// its task: nobody needs them then, and the checkpoint that sealing waits for would write several times as much as the
// result. So they are given out only while the task is pending. Who read them later would take nothing for a total, and
// could store it once a rollback has made the task pending again; the model finds that at once.
//
// The design names give-up and renew with lists of tasks; give_up takes a consumer and gives up all it holds, since
// nobody ever had a reason to give up less. attempt and requeue are functions that it doesn't name: deaths must be
// counted where every thief sees them, and a buried task can only come back within the stream it is in. A count of
// takeovers instead of deaths buried good tasks when supervisors and servers were killed again and again. The model
// buries any task at any time, so no count of deaths can make a result wrong.
//
// The design stores a partition in one call. Here a worker stores several at once, in one descending order, for that is
// what a sorted set is fast at (1.0 µs a word of a million, where 256 partitions one after the other take 2.8), and so
// in several calls. What takes the place of the one call is a place: how much an attempt has stored is kept with the
// counts, goes back with them in a rollback, and a call that doesn't join on there is not noted. The model has it so,
// and fails without it ("put joins on").
//
// The words themselves don't pass through Lua, which would double what they cost: they are a ZADD in one transaction with
// the function that notes them. So they are written even where the function then refuses. In their own run that changes
// nothing, for totals are absolute and every attempt computes the same ones; another run is kept from them by WATCH. The
// model writes them whenever the run is the same, and a million schedules of it pass.
//
// A task is one range of one file in the design. Here those of very many small files are taken together (split.go): of
// 100,000 files of 1 KiB a third of the run went into handing each out and acknowledging it. They succeed and fail
// together, and it is still said which one failed.
//
// The result is added up on the server and not sent, by a function of its own, sum. The corpus generator is package
// corpus, not a file in data: what lies in data is counted.
package wordcount
