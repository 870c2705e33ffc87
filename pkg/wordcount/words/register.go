package words

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// ErrUnregistered is the error of a choice whose function this program doesn't have.
var ErrUnregistered = errors.New("words: function isn't registered")

var registered struct {
	sync.RWMutex
	functions map[string]func([]byte, func([]byte))
	awaited   string
	then      func()
}

const nameRule = "1 to 64 letters, digits, and characters of ._-, all ASCII"

var isName = regexp.MustCompile(`\A[A-Za-z0-9._-]{1,64}\z`).MatchString

// Register gives a function the name by which func:NAME finds it. Call it in an init function, so
// that each process of the program has it. It panics if the name is taken or isn't 1 to 64 letters,
// digits, and characters of ._-, all ASCII.
//
// The function gives each word of the value to word, any bytes; empty words are left out. What it
// gives must depend on the value alone, because a task may be done again, and by another process.
// It must not change or keep the value, and may be called by several goroutines at once.
//
// It must also be ready for use when it is registered: in a worker of a compiled magefile, Register of
// the job's function does the worker's work, and doesn't return.
func Register(name string, f func(value []byte, word func([]byte))) {
	keep(name, f)
	if registered.then != nil && name == registered.awaited {
		registered.then()
	}
}

// Await calls a function as soon as a name is registered. The imports of a magefile are initialized
// before the magefile itself, so this is how one of them waits for it. Only init functions may call it.
func Await(name string, then func()) {
	if _, err := Registered(name); err == nil {
		then()
	}
	registered.awaited, registered.then = name, then
}

func keep(name string, f func(value []byte, word func([]byte))) {
	if !isName(name) {
		panic(fmt.Sprintf("words: Register(%q): a name has %s", name, nameRule))
	}
	if f == nil {
		panic(fmt.Sprintf("words: Register(%q): no function", name))
	}
	registered.Lock()
	defer registered.Unlock()
	if _, taken := registered.functions[name]; taken {
		panic(fmt.Sprintf("words: Register(%q): the name is taken", name))
	}
	if registered.functions == nil {
		registered.functions = map[string]func([]byte, func([]byte)){}
	}
	registered.functions[name] = f
}

// Registered returns the function of that name. The error wraps ErrUnregistered.
func Registered(name string) (func(value []byte, word func([]byte)), error) {
	registered.RLock()
	defer registered.RUnlock()
	if f := registered.functions[name]; f != nil {
		return f, nil
	}
	have := "none is"
	if len(registered.functions) > 0 {
		have = "these are: " + strings.Join(slices.Sorted(maps.Keys(registered.functions)), ", ")
	}
	return nil, fmt.Errorf("%w: %q (%s): call words.Register in an init function of the magefile",
		ErrUnregistered, name, have)
}
