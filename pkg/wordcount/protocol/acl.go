package protocol

// Redis checks each command that a function calls against the rights of the caller. So these lists
// hold the commands that lua/wordcount.lua calls and those that Go calls. Tests run whole jobs with
// these rights, and with each of them missing.

const (
	// connecting is what any client sends.
	connecting = " +hello +auth +ping +client|setname +select"

	// working is what a worker needs to do tasks.
	working = " +fcall +fcall_ro +function|list +watch +unwatch +multi +exec" +
		" +xreadgroup +xautoclaim +xclaim +xpending +xrange +hmget +hget" +
		" +type +hgetall +hexists +hset +hincrby +hsetnx +hdel +xinfo|groups +xlen +xack +xadd +zincrby +zadd"

	// supervising is what a supervisor needs besides. The first line is what go-redis asks of a
	// cluster. Workers need that, too, but on a given server they connect as the supervisor's user.
	supervising = " +command +cluster|slots" +
		" +info +memory|usage +exists +hlen +hkeys +xread +xinfo|stream +xgroup|create +zrange +zcount" +
		" +del +unlink +expire"
)

// WorkerRules are the ACL rules for a worker of one job. It can do tasks. It can't seed, can't
// clean, and can't see the keys of another job.
func WorkerRules(job Job) string {
	return "~" + job.Key("*") + connecting + working + " +function|load"
}

// SupervisorRules are the ACL rules for all that a job does on a given server, once the server's
// owner has loaded the library: a user who may load one library may replace any. README has this
// line.
const SupervisorRules = "~wordcount:*" + connecting + working + supervising
