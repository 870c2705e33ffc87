package deploy

import (
	"archive/tar"
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

// Made is an image that an engine has.
type Made struct {
	Bytes    uint64
	Platform string // like linux/amd64
}

// Make makes the image, under a name, with a container engine.
func (i Image) Make(ctx context.Context, engine, name string) (made Made, err error) {
	files, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := i.Write(w)
		w.CloseWithError(err)
		written <- err
	}()
	_, err = run(ctx, files, engine, "import",
		"--change", `ENTRYPOINT ["`+programInImage+`"]`,
		"--change", fmt.Sprintf("USER %d:%[1]d", User),
		"--change", "WORKDIR "+workInImage,
		"--change", "ENV HOME="+workInImage,
		"-", name)
	files.Close() // an engine that has failed reads no more
	if unwritten := <-written; unwritten != nil && !errors.Is(unwritten, io.ErrClosedPipe) {
		err = fmt.Errorf("deploy: %w", unwritten)
	}
	if err != nil {
		return made, err
	}
	out, err := run(ctx, nil, engine, "image", "inspect", "--format", "{{.Size}} {{.Os}}/{{.Architecture}}", name)
	if err == nil {
		_, err = fmt.Sscan(out, &made.Bytes, &made.Platform)
	}
	return made, err
}

// run runs a command of a container engine.
func run(ctx context.Context, stdin io.Reader, engine string, args ...string) (string, error) {
	var out, said strings.Builder
	cmd := exec.CommandContext(ctx, engine, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &said
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", fmt.Errorf("deploy: %s %s: %w: %s", engine, args[0], err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
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
