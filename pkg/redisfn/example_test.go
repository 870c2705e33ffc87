package redisfn_test

import (
	"context"
	"fmt"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisfn"
)

// A till that can be closed. A real program would embed a .lua file.
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
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer client.Close()

	outcome, err := till.Load(ctx, client)
	if err != nil {
		log.Fatal(err) // "… library till_1 on the server is …", if it is another one
	}
	fmt.Println("library", till.Name, outcome)

	cents, err := till.Call(ctx, client, "till_1_take", []string{"till:north"}, 250).Int64()
	switch {
	case redisfn.Code(err) == "CLOSED":
		fmt.Println("too late")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("in the till:", cents)
	}
}
