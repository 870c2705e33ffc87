package versions

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magefile/mage/mg"

	"github.com/magereduce/magereduce/pkg/redisd"
)

func TestTheGateFailsIfNoNewRedisCanBeFetched(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var out strings.Builder
	if err := Gate(t.Context(), &out); !errors.Is(err, redisd.ErrUnavailable) {
		t.Error(err)
	}
	for _, name := range newest {
		if !strings.Contains(out.String(), "! "+name+" can't be fetched: ") {
			t.Errorf("said: %s", &out)
		}
	}
}

func TestServersAreFetchedFromTheSystemsMirrors(t *testing.T) {
	bin := t.TempDir()
	script := `#!/bin/sh
echo bookworm main mirror:one
echo bookworm main mirror:one
echo bookworm contrib mirror:one
echo bookworm-updates main mirror:one
echo bookworm-security main mirror:security
echo stable main mirror:two
`
	if err := os.WriteFile(filepath.Join(bin, "apt-get"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	keyring = filepath.Join(bin, "apt-get") // any file that exists
	got, err := sources(t.Context(), "experimental")
	var want []string
	for _, mirror := range []string{"one", "two"} {
		for _, suite := range []string{"experimental", "sid"} {
			want = append(want, "deb [signed-by="+keyring+"] mirror:"+mirror+" "+suite+" main")
		}
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAServerThatIsNotThereIsWrongUsage(t *testing.T) {
	only := "redis-6"
	if err := Target(t.Context(), &only, nil); mg.ExitStatus(err) != 2 || !strings.Contains(err.Error(), "redis-experimental, valkey-sid") {
		t.Error(err)
	}
}

func TestThePluginImportsNoChores(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "github.com/magereduce/magereduce/pkg/targets").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, chore := range []string{"/pkg/versions", "/gotest", "/bench"} {
		if strings.Contains(string(out), chore+"\n") {
			t.Errorf("it imports %s", chore)
		}
	}
}
