package history

import "os"

// TurnTo makes the recorder write to a file that is there.
func (r *Recorder) TurnTo(path string) (err error) {
	r.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return err
}
