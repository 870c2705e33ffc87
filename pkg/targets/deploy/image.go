package deploy

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// User is the number of the user and of the group that containers of an image have by default.
const User = 65532

const (
	programInImage     = "/wordcount"
	authoritiesInImage = "/etc/ssl/certs/ca-certificates.crt" // where Go's package x509 looks first
	workInImage        = "/work"                              // where the state folder is made
)

// Image is an image that holds a program and next to nothing else.
type Image struct {
	Program     string // path of a static Linux program
	Authorities string // path of the certificates of the authorities that TLS trusts; "": none
}

// Authorities returns the file with the certificates that this system trusts, or "" if there is
// none in any of the usual places.
func Authorities() string {
	for _, path := range []string{
		os.Getenv("SSL_CERT_FILE"),
		authoritiesInImage,
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/cert.pem",
	} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

var imageName = regexp.MustCompile(`^[a-z0-9][\w.:/-]*(@sha256:[0-9a-f]{64})?$`)

// CheckImage returns an error if name is not the name of an image.
func CheckImage(name string) error {
	if !imageName.MatchString(name) {
		return fmt.Errorf("%q is not the name of an image", name)
	}
	return nil
}

// Import makes the image, under a name, with a container engine.
func (i Image) Import(ctx context.Context, engine, name string) error {
	files, w := io.Pipe()
	cmd := exec.CommandContext(ctx, engine, "import",
		"--change", `ENTRYPOINT ["`+programInImage+`"]`,
		"--change", fmt.Sprintf("USER %d:%[1]d", User),
		"--change", "WORKDIR "+workInImage,
		"--change", "ENV HOME="+workInImage,
		"-", name)
	var said strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files, &said, &said
	written := make(chan error, 1)
	go func() {
		err := i.Write(w)
		w.CloseWithError(err)
		written <- err
	}()
	err := cmd.Run()
	files.Close() // an engine that has failed reads no more
	unwritten := <-written
	if errors.Is(unwritten, io.ErrClosedPipe) {
		unwritten = nil
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case cmp.Or(unwritten, err) != nil:
		return fmt.Errorf("deploy: %s import: %w: %s", engine, cmp.Or(unwritten, err), strings.TrimSpace(said.String()))
	}
	return nil
}

// Write writes the files of the image as a tar archive.
func (i Image) Write(to io.Writer) error {
	w := tar.NewWriter(to)
	// Whichever user a container has, that user can make the state folder.
	for _, dir := range []string{workInImage, "/tmp"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir[1:] + "/", Mode: 0o1777}); err != nil {
			return err
		}
	}
	if err := add(w, programInImage, i.Program, 0o755); err != nil {
		return err
	}
	if i.Authorities != "" {
		if err := add(w, authoritiesInImage, i.Authorities, 0o644); err != nil {
			return err
		}
	}
	return w.Close()
}

func add(w *tar.Writer, path, from string, mode int64) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path[1:], Mode: mode, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
