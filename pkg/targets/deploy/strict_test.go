package deploy

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
)

// decoded is a Kubernetes Job, as far as the tests look at it.
type decoded struct {
	Kind, APIVersion string
	Spec             struct {
		CompletionMode           string
		Completions, Parallelism int
		Template                 struct {
			Spec struct {
				EnableServiceLinks            *bool
				TerminationGracePeriodSeconds int
				SecurityContext               struct {
					RunAsNonRoot bool
					RunAsUser    int
				}
				Containers []struct {
					Args []string
					Env  []struct {
						Name, Value string
						ValueFrom   struct{ SecretKeyRef struct{ Name, Key string } }
					}
					Resources    struct{ Requests, Limits map[string]string }
					VolumeMounts []struct{ Name, MountPath string }
				}
				Volumes []struct {
					Name     string
					HostPath struct{ Path, Type string }
					Secret   struct{ DefaultMode int }
				}
			}
		}
	}
}

// strictly decodes manifests with Kubernetes' own types, by a program that is compiled once.
func strictly(t *testing.T) func(manifest []byte) (decoded, error) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "strict")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join("testdata", "strict")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func(manifest []byte) (job decoded, err error) {
		cmd := exec.Command(program)
		cmd.Stdin = bytes.NewReader(manifest)
		out, err := cmd.Output()
		if err == nil {
			check.Must(t, json.Unmarshal(out, &job))
		}
		return job, err
	}
}

func TestKubernetesReadsTheManifestStrictly(t *testing.T) {
	t.Parallel()
	decode := strictly(t)
	if _, err := decode([]byte("kind: Job\nspec: {completion: 1}\n")); err == nil {
		t.Fatal("a field that doesn't exist is no error")
	}
	bare := aJob()
	bare.Store, bare.Settings, bare.Secrets = "", nil, bare.Secrets[:1]
	strange := aJob()
	strange.Store, strange.Inputs[0], strange.Folders[0].Path = odd+"/shuffle", odd, odd
	for what, w := range map[string]Workers{"all": aJob(), "bare": bare, "strange": strange} {
		job, err := decode(written(t, w, Kubernetes))
		if err != nil {
			t.Errorf("%s: %v: %s", what, err, written(t, w, Kubernetes))
			continue
		}
		s, pod := job.Spec, job.Spec.Template.Spec
		if job.Kind != "Job" || job.APIVersion != "batch/v1" || s.CompletionMode != "Indexed" || s.Completions != 6 || s.Parallelism != 6 {
			t.Errorf("%s: %+v", what, job)
		}
		if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks || !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.RunAsUser != 1000 || pod.TerminationGracePeriodSeconds != drainSeconds {
			t.Errorf("%s: %+v", what, pod)
		}
		worker := pod.Containers[0]
		if got := strings.Join(worker.Args, " "); got != "workers:join -job=0123456789abcdef" {
			t.Errorf("%s: %s", what, got)
		}
		if r := worker.Resources; r.Requests["memory"] != "320Mi" || r.Limits["memory"] != "320Mi" || r.Requests["cpu"] != "1" {
			t.Errorf("%s: %+v", what, r)
		}
		if e := worker.Env[0]; e.Name != "REDIS_URL" || e.Value != "" || e.ValueFrom.SecretKeyRef.Name != "wordcount-redis" || e.ValueFrom.SecretKeyRef.Key != "url" {
			t.Errorf("%s: %+v", what, e)
		}
		env := map[string]string{}
		for _, e := range worker.Env {
			env[e.Name] = expanded(e.Value)
		}
		if env["WORDCOUNT_INPUT"] != w.Input() || env["WORDCOUNT_SHUFFLE"] != w.Store || env["WORDCOUNT_WORKERS"] != "1" {
			t.Errorf("%s: %q", what, env)
		}
		if len(pod.Volumes) != len(worker.VolumeMounts) {
			t.Errorf("%s: %+v for %+v", what, pod.Volumes, worker.VolumeMounts)
		}
		paths := map[string]string{}
		for i, v := range pod.Volumes {
			if m := worker.VolumeMounts[i]; m.Name != v.Name || v.HostPath.Path != "" && m.MountPath != v.HostPath.Path {
				t.Errorf("%s: %+v for %+v", what, v, m)
			}
			if v.Name == "secrets" && v.Secret.DefaultMode != 0o440 {
				t.Errorf("%s: secrets have mode %o", what, v.Secret.DefaultMode)
			}
			paths[v.HostPath.Path] = v.HostPath.Type
		}
		if paths[w.Folders[0].Path] != "Directory" || paths[w.Folders[1].Path] != "File" || w.Store != "" && paths[w.Store] != "Directory" {
			t.Errorf("%s: %q", what, paths)
		}
	}
}

// expanded is what Kubernetes makes of a value in which no reference to a variable is meant: two
// dollar signs are one.
func expanded(value string) string { return strings.ReplaceAll(value, "$$", "$") }
