package deploy

import (
	_ "embed" // the manifests
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Format is a kind of manifest.
type Format string

// The formats.
const (
	Kubernetes Format = "kubernetes"
	Compose    Format = "compose"
)

// ParseFormat reads the name of a format.
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case Kubernetes, Compose:
		return f, nil
	}
	return "", fmt.Errorf("%q is no format: write kubernetes or compose", name)
}

// Workers says which workers a manifest starts. Each has a container of its own.
type Workers struct {
	Job         string
	N           int
	Image       string
	Inputs      []string // files, folders, patterns and places in S3 that the workers read
	Folders     []Folder // of this host that they need for that
	Store       string   // of the map outputs; "": the job has none
	StoreInS3   bool     // it isn't a folder
	User, Group int      // of the containers
	Memory      int64    // bytes for each worker, without what its container needs besides
	Settings    []Setting
	Secrets     []Secret
}

// TellOfS3 adds where S3 is for this process, and as whom it asks.
func (w *Workers) TellOfS3() {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		if value := os.Getenv(name); value != "" {
			w.Settings = append(w.Settings, Setting{Name: name, Value: value})
		}
	}
	for _, secret := range []Secret{
		{Name: "AWS_ACCESS_KEY_ID", Key: "access-key-id"}, {Name: "AWS_SECRET_ACCESS_KEY", Key: "secret-access-key"},
		{Name: "AWS_SESSION_TOKEN", Key: "session-token"},
	} {
		if os.Getenv(secret.Name) != "" {
			w.Secrets = append(w.Secrets, secret)
		}
	}
}

// Folder is a folder, or a single file, that has the same path in a container as outside.
type Folder struct {
	Path string
	File bool
}

// Setting is an environment variable that is no secret.
type Setting struct{ Name, Value string }

// Secret is what must not stand in a manifest. It comes from the environment variable Name: its
// value, or the file that it names.
type Secret struct {
	Name string
	Key  string // of the Kubernetes Secret
	File bool
}

// besides is what a container needs besides its worker, in bytes: the process that watches it, and
// its state folder, which compose keeps in memory.
const besides = 64 << 20

// drainSeconds is how long a container may take to end: what a worker needs to commit is less than
// three seconds.
const drainSeconds = 10

// What a manifest is made of. Package text/template would do more with less code here, but it looks
// up methods by their names. So the linker would keep every method of every type that is used
// somewhere, and the program would be half as large again.
var (
	//go:embed kubernetes.yaml
	kubernetes string
	//go:embed compose.yaml
	compose string
)

// Write writes a manifest. The error says what a manifest can't express.
func (w Workers) Write(to io.Writer, format Format) error {
	for _, text := range w.texts() {
		if !utf8.ValidString(text) {
			return fmt.Errorf("a manifest can't hold %q, which is not valid UTF-8", text)
		}
	}
	text, blocks := compose, w.compose()
	if format == Kubernetes {
		text, blocks = kubernetes, w.kubernetes()
	}
	_, err := strings.NewReplacer(append(blocks,
		"{{n}}", strconv.Itoa(w.N), "{{job}}", w.Job, "{{user}}", strconv.Itoa(w.User), "{{group}}", strconv.Itoa(w.Group),
		"{{grace}}", strconv.Itoa(drainSeconds), "{{mebibytes}}", strconv.FormatInt(w.mebibytes(), 10),
	)...).WriteString(to, text)
	return err
}

func (w Workers) texts() []string {
	texts := append([]string{w.Image, w.Store}, w.Inputs...)
	for _, f := range w.Folders {
		texts = append(texts, f.Path)
	}
	for _, s := range w.Settings {
		texts = append(texts, s.Value)
	}
	return texts
}

// Input is what the workers are told to read, one input a line.
func (w Workers) Input() string { return strings.Join(w.Inputs, "\n") }

// shared is the folder of the map outputs, which a container mounts; "": there is none.
func (w Workers) shared() string {
	if w.StoreInS3 {
		return ""
	}
	return w.Store
}

// mebibytes is the memory of a container.
func (w Workers) mebibytes() int64 { return (w.Memory + besides + 1<<20 - 1) >> 20 }

// files are the secrets that are files.
func (w Workers) files() []Secret {
	return slices.DeleteFunc(slices.Clone(w.Secrets), func(s Secret) bool { return !s.File })
}

// settings are the variables of a container that are no secrets.
func (w Workers) settings() []Setting {
	all := []Setting{{"WORDCOUNT_INPUT", w.Input()}}
	if w.Store != "" {
		all = append(all, Setting{"WORDCOUNT_SHUFFLE", w.Store})
	}
	return append(append(all, Setting{"WORDCOUNT_WORKERS", "1"}), w.Settings...)
}
