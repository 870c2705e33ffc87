package bench

import "os/exec"

// theJob is the name of the whole job.
const theJob = "the whole job"

// byShell is what people do without a program.
const byShell = `find {dir} -type f -exec cat {} + | LC_ALL=C tr -s '[:space:]' '[\n*]' | LC_ALL=C sort | LC_ALL=C uniq -c >{out}`

// ours are the job, its kernel, and what the standard library offers.
func (b bench) ours(c corpusDir) []entry {
	return []entry{
		{theJob, b.job("pairs"), c},
		{"the kernel alone", b.inRole("kernel"), c},
		{"the kernel, one thread", b.inRole("kernel", "GOMAXPROCS=1"), c},
		{"bufio.Scanner and a map", b.inRole("scanner"), c},
	}
}

// shell is what an installed system offers.
func (b bench) shell(c corpusDir) []entry {
	return b.tools(c, "tr | sort | uniq -c", byShell, "find", "tr", "sort", "uniq")
}

// tools is a line for sh that needs these tools.
func (b bench) tools(c corpusDir, name, line string, tools ...string) []entry {
	for _, tool := range tools {
		if !installed(tool) {
			b.say("skipped %s: %s is not installed", name, tool)
			return nil
		}
	}
	return []entry{{name, b.line(line), c}}
}

func (b bench) outside(c corpusDir, list []outsider) (entries []entry) {
	for _, o := range list {
		entries = append(entries, entry{o.name, b.line(o.line), c})
	}
	return entries
}

func installed(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}
