package redisfn

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

func TestACallLoadsALibraryThatTheServerLost(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for want := 1; want <= 3; want++ {
		if n, err := counter.Call(t.Context(), client, "add", []string{"visits"}, 1).Int(); err != nil || n != want {
			t.Fatalf("add = %d, %v; want %d", n, err, want)
		}
		if err := client.FunctionFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := counter.CallRO(t.Context(), client, "value", []string{"visits"}).Int(); err != nil || n != 3 {
		t.Errorf("value = %d, %v; want 3", n, err)
	}
}

func TestACallDoesNotReplaceOtherCode(t *testing.T) {
	client := redistest.Start(t).Client(t)
	mustLoad(t, client, MustParse("#!lua name=counter\n"+body))
	err := counter.Call(t.Context(), client, "add", []string{"visits"}, 1).Err()
	var conflict *ConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("add = %v, want a ConflictError", err)
	}
}

func TestAFunctionThatNobodyRegisteredIsNamed(t *testing.T) {
	client := redistest.Start(t).Client(t)
	err := counter.Call(t.Context(), client, "subtract", nil).Err()
	if err == nil || !strings.Contains(err.Error(), "library counter has no function subtract") {
		t.Errorf("subtract = %v", err)
	}
}

func TestAFunctionsOwnErrorIsReturnedUntouchedWithItsCode(t *testing.T) {
	client := redistest.Start(t).Client(t)
	mustLoad(t, client, counter)
	if err := client.Set(t.Context(), "text", "abc", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.LPush(t.Context(), "list", "abc").Err(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		function, key, arg string
		code, message      string
	}{
		{"fail", "", "CLOSED the counter was closed", "CLOSED", "CLOSED the counter was closed"},
		{"fail", "", "CLOSED", "ERR", "ERR CLOSED"}, // Redis wants two words or more
		{"fail", "", "no code at all", "", "no code at all"},
		{"add", "list", "1", "WRONGTYPE", ""},
		{"add", "text", "1", "ERR", ""},
		{"stumble", "", "", "ERR", ""},
	} {
		err := counter.Call(t.Context(), client, c.function, []string{c.key}, c.arg).Err()
		if err == nil || Code(err) != c.code {
			t.Errorf("%s %s %q = %v with code %q, want code %q", c.function, c.key, c.arg, err, Code(err), c.code)
		}
		if c.message != "" && err.Error() != c.message {
			t.Errorf("%s %q says %q", c.function, c.arg, err)
		}
	}
}

func TestOnlyAReplyOfRedisHasACode(t *testing.T) {
	for _, err := range []error{nil, io.EOF, redis.Nil, redis.TxFailedErr, errors.New("CLOSED by somebody else")} {
		if code := Code(err); code != "" {
			t.Errorf("Code(%v) = %q", err, code)
		}
	}
	client := redistest.Start(t).Client(t)
	err := counter.Call(t.Context(), client, "fail", nil, "CLOSED for today").Err()
	if code := Code(fmt.Errorf("count a visit: %w", err)); code != "CLOSED" {
		t.Errorf("the code of a wrapped error is %q", code)
	}
}
