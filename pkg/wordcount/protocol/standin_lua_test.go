package protocol_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// shippedLibrary is a library of Redis Functions that is loaded outside Redis. It serves one
// goroutine.
type shippedLibrary struct {
	lua       *glua.LState
	functions map[string]shippedFunction
	redis     *standin // of the call that is made
	reading   bool     // that call must not write
	broken    error    // something that the stand-in can't do

	// witness is told of each call and each command; nil: nobody is.
	witness func(before, after *standin, reply any, command []string)
}

type shippedFunction struct {
	body    *glua.LFunction
	reading bool
}

// loadLibrary runs the source of a library, which registers its functions.
func loadLibrary(source string) (*shippedLibrary, error) {
	l := &shippedLibrary{
		lua:       glua.NewState(glua.Options{SkipOpenLibs: true}),
		functions: map[string]shippedFunction{},
	}
	for _, open := range []glua.LGFunction{glua.OpenBase, glua.OpenString, glua.OpenTable, glua.OpenMath} {
		l.lua.Push(l.lua.NewFunction(open))
		l.lua.Call(0, 0)
	}
	l.lua.SetGlobal("redis", l.lua.SetFuncs(l.lua.NewTable(), map[string]glua.LGFunction{
		"call":              l.redisCall,
		"register_function": l.register,
		"error_reply":       func(s *glua.LState) int { return reply(s, "err") },
		"status_reply":      func(s *glua.LState) int { return reply(s, "ok") },
		"acl_check_cmd": func(s *glua.LState) int {
			s.Push(glua.LTrue)
			return 1
		},
	}))
	return l, l.lua.DoString("--" + source) // the first line is Redis's
}

// reply pushes a table that Redis knows for a reply.
func reply(s *glua.LState, kind string) int {
	t := s.NewTable()
	t.RawSetString(kind, s.Get(1))
	s.Push(t)
	return 1
}

// register is redis.register_function{function_name = …, callback = …, flags = …}.
func (l *shippedLibrary) register(s *glua.LState) int {
	about := s.CheckTable(1)
	flags, _ := about.RawGetString("flags").(*glua.LTable)
	l.functions[about.RawGetString("function_name").String()] = shippedFunction{
		body:    about.RawGetString("callback").(*glua.LFunction),
		reading: flags != nil && flags.RawGetInt(1) == glua.LString("no-writes"),
	}
	return 0
}

// call calls a function, and returns its reply and what Redis has then. What it had before stays as
// it is.
func (l *shippedLibrary) call(before *standin, name string, keys []string, args ...any) (any, *standin) {
	f, ok := l.functions[name]
	if !ok {
		panic("no function " + name)
	}
	l.redis, l.reading = before, f.reading
	if !f.reading {
		l.redis = before.clone()
	}
	var reply any
	texts := textsOf(args)
	l.lua.Push(f.body)
	l.lua.Push(l.list(keys))
	l.lua.Push(l.list(texts))
	if err := l.lua.PCall(2, 1, nil); err != nil {
		reply = redisError("ERR " + err.Error())
	} else {
		reply = fromLua(l.lua.Get(-1))
		l.lua.Pop(1)
	}
	l.tell(before, l.redis, reply, slices.Concat([]string{"FCALL", name, strconv.Itoa(len(keys))}, keys, texts))
	return reply, l.redis
}

// send sends a command, as call calls a function.
func (l *shippedLibrary) send(before *standin, command string, args ...any) (reply any, after *standin) {
	after = before.clone()
	texts := textsOf(args)
	reply = after.do(command, texts...)
	l.tell(before, after, reply, slices.Concat([]string{command}, texts))
	return reply, after
}

func (l *shippedLibrary) tell(before, after *standin, reply any, command []string) {
	if l.witness != nil {
		l.witness(before, after, reply, command)
	}
}

// textsOf are arguments as they are sent.
func textsOf(args []any) []string {
	texts := make([]string, len(args))
	for i, arg := range args {
		texts[i] = fmt.Sprint(arg)
	}
	return texts
}

func (l *shippedLibrary) list(texts []string) *glua.LTable {
	t := l.lua.CreateTable(len(texts), 0)
	for _, text := range texts {
		t.Append(glua.LString(text))
	}
	return t
}

// redisCall is redis.call.
func (l *shippedLibrary) redisCall(s *glua.LState) int {
	command := strings.ToUpper(s.CheckString(1))
	args := make([]string, s.GetTop()-1)
	for i := range args {
		switch v := s.Get(i + 2).(type) {
		case glua.LString:
			args[i] = string(v)
		case glua.LNumber:
			args[i] = strconv.FormatFloat(float64(v), 'g', 17, 64)
		default:
			return l.raise("ERR Lua redis lib command arguments must be strings or integers")
		}
	}
	if l.reading && slices.Contains(writing, command) {
		return l.raise("ERR Write commands are not allowed from read-only scripts.")
	}
	answer := l.do(command, args)
	if err, ok := answer.(redisError); ok {
		return l.raise(string(err))
	}
	s.Push(l.toLua(answer))
	return 1
}

// do notes that the stand-in doesn't know a command. A function would take that for an error.
func (l *shippedLibrary) do(command string, args []string) any {
	defer func() {
		if r := recover(); r != nil {
			l.broken = fmt.Errorf("the stand-in doesn't know %s %q: %v", command, args, r)
			panic(r)
		}
	}()
	return l.redis.do(command, args...)
}

func (l *shippedLibrary) raise(text string) int {
	t := l.lua.NewTable()
	t.RawSetString("err", glua.LString(text))
	l.lua.Error(t, 1)
	return 0
}

// toLua makes of a reply what a script gets.
func (l *shippedLibrary) toLua(reply any) glua.LValue {
	switch v := reply.(type) {
	case nil:
		return glua.LFalse
	case int:
		return glua.LNumber(v)
	case string:
		return glua.LString(v)
	case status:
		t := l.lua.NewTable()
		t.RawSetString("ok", glua.LString(v))
		return t
	case []any:
		t := l.lua.CreateTable(len(v), 0)
		for i, one := range v {
			t.RawSetInt(i+1, l.toLua(one))
		}
		return t
	}
	panic(reply)
}

// fromLua makes a reply of what a script returns.
func fromLua(value glua.LValue) any {
	switch v := value.(type) {
	case glua.LNumber:
		return int(v)
	case glua.LString:
		return string(v)
	case glua.LBool:
		if v {
			return 1
		}
	case *glua.LTable:
		if err := v.RawGetString("err"); err != glua.LNil {
			return redisError(err.String())
		}
		if ok := v.RawGetString("ok"); ok != glua.LNil {
			return status(ok.String())
		}
		list := []any{}
		for i := 1; v.RawGetInt(i) != glua.LNil; i++ { // Redis, too, stops at the first nil
			list = append(list, fromLua(v.RawGetInt(i)))
		}
		return list
	}
	return nil
}
