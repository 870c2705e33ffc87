package chaos

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Disk is a small disk for map outputs, which a fault may fill. It lies in memory, and is mounted
// nowhere: the other processes of this user reach it through this one. When this process ends,
// nothing of it is left.
type Disk struct{ mount int } // a descriptor of its root

// NewDisk makes a disk. The error wraps ErrNoDisk if this user can't have one.
func NewDisk() (*Disk, error) {
	mount, err := detached()
	if err == nil {
		defer unix.Close(mount)
		// A later process may get this one's ID. It will hardly have a descriptor of so high a number.
		mount, err = unix.FcntlInt(uintptr(mount), unix.F_DUPFD_CLOEXEC, 800)
	}
	if err != nil {
		return nil, fmt.Errorf("%w, and only root can have one: %w", ErrNoDisk, err)
	}
	return &Disk{mount}, nil
}

// detached makes a file system that isn't mounted.
func detached() (mount int, err error) {
	tmpfs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return 0, err
	}
	defer unix.Close(tmpfs)
	if err := unix.FsconfigSetString(tmpfs, "mode", "0700"); err != nil {
		return 0, err
	}
	if err := unix.FsconfigCreate(tmpfs); err != nil {
		return 0, err
	}
	return unix.Fsmount(tmpfs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}

// Path returns the path of the disk.
func (d *Disk) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), d.mount) }

// Fill makes the disk as small as what is on it, so that nothing more fits. That takes no memory.
func (d *Disk) Fill() error {
	for {
		var now unix.Statfs_t
		if err := unix.Fstatfs(d.mount, &now); err != nil {
			return err
		}
		used := max(1, now.Blocks-now.Bfree) // 0 would mean no limit
		if err := d.resize(strconv.FormatUint(used*uint64(now.Bsize), 10)); !errors.Is(err, unix.EINVAL) {
			return err
		} // else something was written meanwhile
	}
}

// Free gives the space back.
func (d *Disk) Free() error { return d.resize("50%") } // of the memory, as is usual

func (d *Disk) resize(size string) error {
	change, err := unix.Fspick(d.mount, "", unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(change)
	if err := unix.FsconfigSetString(change, "size", size); err != nil {
		return err
	}
	return unix.FsconfigReconfigure(change)
}

// Close deletes the disk, as soon as no process uses a file on it.
func (d *Disk) Close() error { return unix.Close(d.mount) }
