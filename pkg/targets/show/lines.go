package show

import (
	"fmt"
	"io"

	"golang.org/x/term"
)

const eraseLine = "\r\x1b[2K" // erases the line on a terminal

// Say prints what a step did.
func (p *Progress) Say(step, format string, args ...any) {
	p.Note("%-16s %s", step, fmt.Sprintf(format, args...))
}

// Note prints a line. If Quiet is set, the next line replaces it.
func (p *Progress) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.Quiet.Load() {
		p.passing(text)
		return
	}
	p.print(p.out, text)
}

// Tell prints a line of a result, to standard output.
func (p *Progress) Tell(format string, args ...any) { p.Result(fmt.Sprintf(format, args...)) }

// Result prints a line of a result as it is, to standard output.
func (p *Progress) Result(text string) { p.print(&Out, text) }

// file is Out, or where a Progress writes to.
type file interface {
	io.Writer
	Fd() uintptr
}

// print prints a line, above the bar if there is a bar.
func (p *Progress) print(to file, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
	}
	text = plain(text)
	if p.terminal && term.IsTerminal(int(to.Fd())) {
		text = eraseLine + text // another process may have drawn its bar here
	}
	fmt.Fprintln(to, text)
	if p.bar != nil {
		p.bar.RenderBlank()
	}
}

// passing shows a line on a terminal. The next line replaces it.
func (p *Progress) passing(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text = plain(text)
	if width, _, err := term.GetSize(int(p.out.Fd())); p.terminal && p.bar == nil && err == nil && width > 0 {
		fmt.Fprint(p.out, eraseLine+cut(text, width-1))
	}
}
