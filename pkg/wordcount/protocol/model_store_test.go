package protocol_test

import "slices"

// sharedStore is the store that the supervisors and most workers see. Any other store is that of a
// worker whose host has a wrong mount.
const sharedStore = 0

// modelFile is a map output or a result file. Once it is written, nothing but faults changes it.
type modelFile struct {
	name    nonce
	store   int
	run     nonce // in whose folder it is
	tasks   set
	counts  counts
	result  bool
	gone    bool
	hidden  bool // for a while
	damaged bool
	foreign bool // the contents, with the header, are another file's
	lost    bool // a fault or the run's own supervisor took it away at least once
}

// file returns a file that was written, whatever has become of it.
func (w *world) file(name nonce) *modelFile {
	i := slices.IndexFunc(w.files, func(f modelFile) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &w.files[i]
}

func (w *world) write(f modelFile) {
	f.damaged = w.rotten && f.store == sharedStore
	f.lost = f.damaged
	w.files = append(w.files, f)
}

// fetch reads a file in a store.
func (w *world) fetch(name nonce, store int) (c counts, ok bool) {
	f := w.file(name)
	if f == nil || f.store != store || f.gone || f.hidden || f.foreign && w.without != header {
		return c, false
	}
	c = f.counts
	if f.damaged {
		c[0], c[1], c[2], c[3] = c[2], c[3], c[0], c[1] // the sum of each partition is still right
		return c, w.without == checksum
	}
	return c, true
}

func (f *modelFile) vanish() { f.gone, f.lost = true, true }

// mark makes the mark in a run's folder.
func (w *world) mark(run nonce) {
	if !w.marked(run) {
		w.marks = append(w.marks, run)
	}
}

func (w *world) marked(run nonce) bool { return slices.Contains(w.marks, run) }

// deletion is that somebody deletes the mark and the files of a run some time: after its seal its map
// outputs, after clean its result files, too.
type deletion struct {
	run     nonce
	results bool
}

// deleteFiles makes a deletion. It may come late: by then a rollback may have brought the run back.
func (w *world) deleteFiles(d deletion) {
	run := d.run
	for i := range w.files {
		f := &w.files[i]
		if f.run == run && (!f.result || d.results) {
			f.vanish()
		} else if w.without == ownFolder && f.run != run || w.without == resultsStay && f.run == run {
			f.gone = true
		}
	}
	w.unmarked = true
	w.marks = slices.DeleteFunc(w.marks, func(marked nonce) bool { return marked == run })
}

// blight does one thing to the store.
func (w *world) blight(pick func(int) int) {
	if len(w.files) == 0 {
		return
	}
	recent := func() *modelFile { return &w.files[len(w.files)-1-pick(min(len(w.files), 6))] }
	switch pick(8) {
	case 0, 1:
		f := recent()
		f.vanish()
		w.note("file ", f.name, " is gone")
	case 2:
		f := recent()
		f.damaged, f.lost = true, true
		w.note("file ", f.name, " is damaged")
	case 3:
		f, g := recent(), recent()
		if f != g {
			f.counts, f.tasks, f.foreign, f.lost = g.counts, g.tasks, true, true
			w.note("file ", f.name, " is now a copy of ", g.name)
		}
	case 4:
		f := recent()
		f.hidden, f.lost = !f.hidden, true
		w.note("file ", f.name, " is hidden: ", f.hidden)
	case 5:
		for i := range w.files {
			if pick(2) == 0 {
				w.files[i].vanish()
			}
		}
		w.note("half of the files are gone")
	case 6:
		if pick(3) == 0 {
			for i := range w.files {
				w.files[i].vanish()
			}
			w.marks, w.unmarked = nil, true
			w.note("the store is empty")
		}
	case 7:
		if pick(3) == 0 {
			w.marks, w.unmarked = nil, true
			w.note("the marks are gone")
		}
	}
}
