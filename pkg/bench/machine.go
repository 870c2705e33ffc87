package bench

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine is where figures come from; they mean nothing on another.
type Machine struct {
	System     string `json:"system"`
	Processor  string `json:"processor,omitempty"`
	Processors int    `json:"processors"`
	Memory     int64  `json:"memory_bytes,omitempty"`
	Go         string `json:"go"`
	// Load is how many processes wanted to run in the minute before.
	Load float64 `json:"load_before"`
	// Options are the variables that jobs have obeyed besides those that a measurement sets.
	Options []string `json:"options,omitempty"`
}

func processors() int { return runtime.NumCPU() }

// thisMachine looks at what Linux tells; elsewhere a few fields are empty.
func thisMachine() Machine {
	m := Machine{System: runtime.GOOS + "/" + runtime.GOARCH, Processors: processors(), Go: runtime.Version()}
	m.Processor = after("/proc/cpuinfo", "model name", ":")
	if kib, _, ok := strings.Cut(after("/proc/meminfo", "MemTotal:", ""), " "); ok {
		n, _ := strconv.ParseInt(kib, 10, 64)
		m.Memory = n * 1024
	}
	load, _, _ := strings.Cut(after("/proc/loadavg", "", ""), " ")
	m.Load, _ = strconv.ParseFloat(load, 64)
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "WORDCOUNT_") && value != "" {
			m.Options = append(m.Options, variable)
		}
	}
	return m
}

// after is what follows a name on the first line of a file that has it.
func after(path, name, mark string) string {
	text, _ := os.ReadFile(path)
	_, rest, ok := bytes.Cut(text, []byte(name))
	if !ok {
		return ""
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	_, value, _ := bytes.Cut(line, []byte(mark))
	return string(bytes.TrimSpace(value))
}

// busy tells whether others were at work, so that the figures mean little.
func (m Machine) busy() bool { return m.Load > 0.25*float64(m.Processors) }
