package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Report is all that was measured at one time.
type Report struct {
	At      time.Time `json:"at"`
	Machine Machine   `json:"machine"`
	Scale   float64   `json:"scale"` // of sweeps and goals
	Pairs   []Row     `json:"pairs,omitempty"`
	Goals   []Goal    `json:"goals,omitempty"`
	Sweeps  []Sweep   `json:"sweeps,omitempty"`
}

// NewReport begins a report, by looking at the machine while nothing of ours runs yet.
func NewReport(b Bench) Report {
	return Report{At: time.Now(), Machine: thisMachine(), Scale: cmp.Or(b.Scale, 1)}
}

// Write writes the report as JSON.
func (r Report) Write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("bench: write the report: %w", err)
	}
	return nil
}
