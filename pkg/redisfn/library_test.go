package redisfn

import (
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
)

const body = "redis.register_function('f', function() return 1 end)\n"

func TestTheNameIsReadFromTheFirstLine(t *testing.T) {
	for _, first := range []string{
		"#!lua name=counter_1",
		"#!LUA NAME=counter_1",
		"#!lua\tname=counter_1  ",
		"#!lua name=counter_1\r",
	} {
		library, err := Parse(first + "\n" + body)
		if err != nil || library.Name != "counter_1" {
			t.Errorf("Parse(%q…) = %q, %v; want counter_1", first, library.Name, err)
		}
	}
}

func TestWhatParseRefusesTheServerRefusesToo(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for _, source := range []string{
		"",
		"#!lua name=counter",
		body,
		"\n#!lua name=counter\n" + body,
		"#!lua\n" + body,
		"#! lua name=counter\n" + body,
		"#!lua name=\n" + body,
		"#!lua name=a-b\n" + body,
		"#!lua name=a name=b\n" + body,
		"#!lua name=a engine=b\n" + body,
		"#!lua title=a\n" + body,
	} {
		if _, err := Parse(source); err == nil {
			t.Errorf("Parse(%q) found nothing wrong", source)
		} else if !strings.HasPrefix(err.Error(), "redisfn: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("Parse(%q) says %q; want one line that says whose it is", source, err)
		}
		if err := client.FunctionLoad(t.Context(), source).Err(); err == nil {
			t.Errorf("the server took %q", source)
		}
	}
}

func TestMustParsePanicsOnABadSource(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	MustParse("no library")
}

func TestTheTitleIsTheCommentBelowTheName(t *testing.T) {
	for source, want := range map[string]string{
		"#!lua name=a\n-- a 1.2: adds\n" + body: "a 1.2: adds",
		"#!lua name=a\r\n--a 1.2\r\n" + body:    "a 1.2",
		"#!lua name=a\n" + body:                 "",
		"#!lua name=a\n":                        "",
	} {
		if got := MustParse(source).Title(); got != want {
			t.Errorf("title of %q = %q, want %q", source, got, want)
		}
	}
}
