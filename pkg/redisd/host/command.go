package host

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Output runs a command that was made with ctx, and returns what it prints. The error quotes the
// command's complaint, and is the cause of ctx if that ended the command.
func Output(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("%w: %s", err, complaint(complaints.String()))
	}
	return out.String(), nil
}

// complaint is the line to quote: the first line may be a remark, and the last one advice on usage.
func complaint(text string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(strings.ToLower(line), "error") {
			return strings.TrimSpace(line)
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return first
}
