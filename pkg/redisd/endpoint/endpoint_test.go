package endpoint

import (
	"encoding/json"
	"testing"
)

func TestAnEndpointWithAnyPathIsReadFromJSONAsItWas(t *testing.T) {
	t.Parallel()
	for _, e := range []Endpoint{
		{Folder: "/home/\xff/.wordcount/redis", User: "worker"},
		{URL: "redis://host", PasswordFile: "/\xff", CAFile: "/\xfe", CertFile: "/a", KeyFile: "/\xfd\xfc"},
		{},
	} {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var again Endpoint
		if err := json.Unmarshal(text, &again); err != nil || again != e {
			t.Errorf("%q became %q, %v", e, again, err)
		}
	}
}

func TestAnAddressForPeopleHasNoPasswordWhereverThatIs(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"redis://:secret@host:1/0":                                       "redis://host:1/0",
		"rediss://user:secret@host:1":                                    "rediss://host:1",
		"redis://secret@host":                                            "redis://host",
		"redis://secret:user@host":                                       "redis://host",
		"unix://user:secret@/a/socket?db=2":                              "unix:///a/socket?db=2",
		"redis://host?addr=b:1&addr=c:1":                                 "redis://host?addr=b%3A1&addr=c%3A1",
		"redis://s:secret@host?master_name=m&username=u&password=secret": "redis://host?master_name=m&username=u",
		"redis://host?password=secret":                                   "",
		"redis://host:secret":                                            "",
		"redis://host/secret":                                            "",
		"redis://:12#secret@host":                                        "",
		"redis://:12/secret@host":                                        "",
		"redis://:12?secret@host":                                        "",
		"secret":                                                         "",
	} {
		if got := (Endpoint{URL: from}).ForPeople(); got != want {
			t.Errorf("%q became %q, and not %q", from, got, want)
		}
	}
}

func TestAnAddressThatIsRecordedHasNoPassword(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"redis://:secret@host:1/0":                                       "redis://host:1/0",
		"rediss://user:secret@host:1":                                    "rediss://user@host:1",
		"unix://user:secret@/a/socket?db=2":                              "unix://user@/a/socket?db=2",
		"redis://host?addr=b&addr=c":                                     "redis://host?addr=b&addr=c",
		"redis://s:secret@host?master_name=m&username=u&password=secret": "redis://s@host?master_name=m&username=u",
		"redis://us:se\x7fcret@host":                                     "",
	} {
		if got := (Endpoint{URL: from}).WithoutPassword().URL; got != want {
			t.Errorf("%q became %q, and not %q", from, got, want)
		}
	}
}
