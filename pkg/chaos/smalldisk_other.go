//go:build !linux

package chaos

import "fmt"

// Disk is a small disk for map outputs, which a fault may fill. Only Linux has one.
type Disk struct{}

// NewDisk returns an error that wraps ErrNoDisk.
func NewDisk() (*Disk, error) { return nil, fmt.Errorf("%w, and only Linux has one", ErrNoDisk) }

// Path, Fill, Free and Close are never called.
func (d *Disk) Path() string { return "" }

func (d *Disk) Fill() error  { return nil }
func (d *Disk) Free() error  { return nil }
func (d *Disk) Close() error { return nil }
