// Command strict reads a Kubernetes Job from standard input, as strictly as the server does if it is
// asked to be strict, and writes it as JSON. It is a module of its own because Kubernetes' types bring
// dozens of modules.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	batch "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	var job batch.Job
	if err == nil {
		err = yaml.UnmarshalStrict(text, &job)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(job)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
