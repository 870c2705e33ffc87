package state

import (
	"golang.org/x/sys/unix"
)

// Use marks a job as one that the caller works on, until release is called or the process ends. Any
// number of processes may use a job. ok is false while another process deletes it.
func (f Folder) Use(job string) (release func(), ok bool, err error) {
	return f.use(job, unix.LOCK_SH)
}

// Vacate keeps everybody from using a job, so that the caller can delete it. ok is false if a
// process uses it.
func (f Folder) Vacate(job string) (release func(), ok bool, err error) {
	return f.use(job, unix.LOCK_EX)
}

func (f Folder) use(job string, how int) (release func(), ok bool, err error) {
	file, ok, err := f.tryLock(job, "used", how)
	if !ok || err != nil {
		return nil, false, err
	}
	return func() { unlock(file) }, true, nil
}
