package wordcount

// Redis checks the commands that a function calls against the rights of its caller, so these lists hold what
// lua/wordcount.lua calls and what we call ourselves. Tests run whole jobs under them.

// connection is what any client of ours sends.
const connection = "+hello +auth +ping +client|setname +select"

// WorkerRules are the ACL rules that suffice for a worker of one job: it can do tasks, and neither seed, nor clean, nor
// see the keys of another job.
func WorkerRules(job Job) string {
	return "~" + job.Key("*") + " " + connection +
		" +fcall +fcall_ro +function|load +function|list" +
		" +watch +unwatch +multi +exec" +
		" +xreadgroup +xautoclaim +xclaim +xpending +xrange +hmget +hget" +
		" +type +hgetall +hset +hincrby +hsetnx +hdel +xinfo|groups +xack +xadd +rpush +zincrby +zadd +lrange +ltrim"
}

// clustered is what go-redis asks of a cluster besides. The workers of a server that was given are its supervisor's user.
const clustered = "+command +cluster|slots"

// SupervisorRules are the ACL rules that suffice for everything on a server that was given, once its owner has loaded the
// library: who may load one may replace everybody's. README has them as a line for that owner.
const SupervisorRules = "~wordcount:* " + connection + " " + clustered +
	" +info +fcall +fcall_ro +function|list" +
	" +watch +unwatch +multi +exec" +
	" +xreadgroup +xautoclaim +xclaim +xpending +xrange +hmget +hget +memory|usage" +
	" +type +exists +hgetall +hset +hincrby +hsetnx +hdel +hlen +hkeys +hexists +xinfo|groups +xinfo|stream +xack +xadd +xlen" +
	" +xgroup|create +rpush +lrange +ltrim +zincrby +zadd +zrange +zcount +del +unlink +expire"
