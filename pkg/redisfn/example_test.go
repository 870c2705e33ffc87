package redisfn_test

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/redisfn"
)

// A till that can be closed. A real program embeds a .lua file.
var till = redisfn.MustParse(`#!lua name=till_1
-- till 1: takes money until it is closed
redis.register_function('till_1_take', function(keys, args)
	if redis.call('HGET', keys[1], 'closed') then
		return redis.error_reply('CLOSED come back tomorrow')
	end
	return redis.call('HINCRBY', keys[1], 'cents', args[1])
end)
`)

func Example() {
	ctx := context.Background()
	client, stop := connect()
	defer stop()

	outcome, err := till.Load(ctx, client)
	fmt.Println("library", till.Name, outcome, err)

	take := func(cents int) {
		sum, err := till.Call(ctx, client, till.Function("take"), []string{"till:north"}, cents).Int64()
		switch {
		case redisfn.Code(err) == "CLOSED":
			fmt.Println("too late")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println("in the till:", sum)
		}
	}
	take(250)
	client.FunctionFlush(ctx) // the next call loads the library again
	take(50)
	client.HSet(ctx, "till:north", "closed", 1)
	take(100)

	// Output:
	// library till_1 loaded <nil>
	// in the till: 250
	// in the till: 300
	// too late
}

// connect returns a client. Any client of go-redis will do; here it is one of a server that runs for
// this example only.
func connect() (client redis.UniversalClient, stop func()) {
	server, stop := redistest.ForExample()
	client, err := server.Endpoint().Client("example")
	if err != nil {
		panic(err)
	}
	return client, stop
}
