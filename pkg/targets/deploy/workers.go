package deploy

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/template"
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

//go:embed kubernetes.yaml compose.yaml
var templates embed.FS

// Write writes a manifest. The error says what a manifest can't express.
func (w Workers) Write(to io.Writer, format Format) error {
	for _, text := range w.texts() {
		if !utf8.ValidString(text) {
			return fmt.Errorf("a manifest can't hold %q, which is not valid UTF-8", text)
		}
	}
	name := string(format) + ".yaml"
	t := template.New(name).Funcs(functions(format))
	return template.Must(t.ParseFS(templates, name)).Execute(to, w)
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

// functions are those of the templates. A valid text that is quoted as in Go means the same in YAML.
// Compose and Kubernetes then replace references to variables: compose in all texts, Kubernetes in
// the values of variables. value quotes a text such that it has no reference.
func functions(format Format) template.FuncMap {
	references := strings.NewReplacer("$", "$$")
	if format == Kubernetes {
		references = strings.NewReplacer("$$", "$$$$", "$(", "$$(")
	}
	return template.FuncMap{
		"quote": strconv.Quote,
		"value": func(text string) string { return strconv.Quote(references.Replace(text)) },
	}
}

// Input is what the workers are told to read, one input a line.
func (w Workers) Input() string { return strings.Join(w.Inputs, "\n") }

// Shared is the folder of the map outputs, which a container mounts; "": there is none.
func (w Workers) Shared() string {
	if w.StoreInS3 {
		return ""
	}
	return w.Store
}

// Mebibytes is the memory of a container.
func (w Workers) Mebibytes() int64 { return (w.Memory + besides + 1<<20 - 1) >> 20 }

// Grace is how many seconds a container may take to end.
func (w Workers) Grace() int { return drainSeconds }

// Files are the secrets that are files.
func (w Workers) Files() []Secret {
	return slices.DeleteFunc(slices.Clone(w.Secrets), func(s Secret) bool { return !s.File })
}
