package deploy

import (
	"fmt"
	"strconv"
	"strings"
)

// A valid text that is quoted as in Go means the same in YAML. Compose and Kubernetes then replace
// references to variables: compose in all texts, Kubernetes in the values of variables. These two
// replacers make a text that has no reference.
var (
	inCompose    = strings.NewReplacer("$", "$$")
	inKubernetes = strings.NewReplacer("$$", "$$$$", "$(", "$$(")
)

// block is some lines of a manifest. Each begins with its line end.
type block struct{ strings.Builder }

func (b *block) line(format string, values ...any) { fmt.Fprintf(b, "\n"+format, values...) }

// kubernetes are the parts of a manifest for Kubernetes, each after its name.
func (w Workers) kubernetes() []string {
	var literals, env, mounts, volumes block
	for _, s := range w.Secrets {
		from := "literal"
		env.line("            - name: %s", s.Name)
		if s.File {
			from = "file"
			env.line("              value: /secrets/%s", s.Key)
		} else {
			env.line("              valueFrom:\n                secretKeyRef:\n                  name: wordcount-redis\n                  key: %s", s.Key)
		}
		literals.WriteString(" \\")
		literals.line("#     --from-%s=%s=\"$%s\"", from, s.Key, s.Name)
	}
	for _, s := range w.settings() {
		env.line("            - name: %s\n              value: %s", s.Name, strconv.Quote(inKubernetes.Replace(s.Value)))
	}
	if files := w.files(); len(files) > 0 {
		mounts.line("            - name: secrets\n              mountPath: /secrets\n              readOnly: true")
		volumes.line("        - name: secrets\n          secret:\n            secretName: wordcount-redis\n            defaultMode: 288 # 0440\n            items:")
		for _, s := range files {
			volumes.line("              - {key: %s, path: %[1]s}", s.Key)
		}
	}
	for i, f := range w.Folders {
		kind := "Directory"
		if f.File {
			kind = "File"
		}
		mounts.line("            - name: input-%d\n              mountPath: %q\n              readOnly: true", i, f.Path)
		volumes.line("        - name: input-%d\n          hostPath:\n            path: %q\n            type: %s", i, f.Path, kind)
	}
	if folder := w.shared(); folder != "" {
		mounts.line("            - name: shuffle\n              mountPath: %q", folder)
		volumes.line("        - name: shuffle\n          hostPath:\n            path: %q\n            type: Directory", folder)
	}
	return []string{
		"{{literals}}", literals.String(), "{{env}}", env.String(), "{{mounts}}", mounts.String(), "{{volumes}}", volumes.String(),
		"{{image}}", strconv.Quote(w.Image),
	}
}

// compose are the parts of a manifest for compose, each after its name.
func (w Workers) compose() []string {
	quote := func(text string) string { return strconv.Quote(inCompose.Replace(text)) }
	var names strings.Builder
	var env, volumes, secrets block
	for _, s := range w.Secrets {
		names.WriteString(s.Name + "=… ")
		if s.File {
			env.line("      %s: /run/secrets/%s", s.Name, s.Key)
		} else {
			env.line("      %s: \"${%[1]s:?is not set}\"", s.Name)
		}
	}
	for _, s := range w.settings() {
		env.line("      %s: %s", s.Name, quote(s.Value))
	}
	for _, f := range w.Folders {
		volumes.line("      - type: bind\n        source: %s\n        target: %[1]s\n        read_only: true", quote(f.Path))
	}
	if folder := w.shared(); folder != "" {
		volumes.line("      - type: bind\n        source: %s\n        target: %[1]s", quote(folder))
	}
	if files := w.files(); len(files) > 0 {
		secrets.line("    secrets:")
		for _, s := range files {
			secrets.line("      - %s", s.Key)
		}
		secrets.line("secrets:")
		for _, s := range files {
			secrets.line("  %s:\n    file: \"${%s:?names the file}\"", s.Key, s.Name)
		}
	}
	return []string{
		"{{names}}", names.String(), "{{env}}", env.String(), "{{volumes}}", volumes.String(), "{{secrets}}", secrets.String(),
		"{{image}}", quote(w.Image),
	}
}
