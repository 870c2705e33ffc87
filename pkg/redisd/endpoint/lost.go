package endpoint

import (
	"net"
	"time"
)

const (
	// lostAfter is how long the system of a given server may acknowledge nothing. Then the
	// connection is lost: the network has parted, or the host is gone. A server that is busy or
	// stopped doesn't matter, because its system answers for it.
	lostAfter = 5 * time.Second
	// dialWithin bounds a dial to one address.
	dialWithin = 5 * time.Second
	// findWithin bounds a dial by way of Sentinels: to the one that was asked last, to it once more,
	// and to the others. go-redis asks no others once this time is over.
	findWithin = 3 * dialWithin
)

// dialer connects to a given server.
var dialer = net.Dialer{
	Timeout:         dialWithin,
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: lostAfter, Interval: time.Second, Count: int(lostAfter / time.Second)},
	Control:         loseUnacknowledged,
}
