package endpoint

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/magereduce/magereduce/pkg/redisd/datadir"
)

// ErrSettings says that the address, or a file that goes with it, makes no sense.
var ErrSettings = errors.New("redisd: settings")

// go-redis prints a line for each dial that fails. That is expected while a server restarts, and
// the lines would tear a progress display.
func init() { logging.Disable() }

// Endpoint is all that a client needs. It can be passed to a child process as JSON: a server that
// was started here is named by its folder alone, and each connection finds there where the server
// listens now, and its password.
type Endpoint struct {
	Folder string `json:"folder,omitempty"` // of a server that was started here
	User   string `json:"user,omitempty"`   // that was added to it; "": the default user

	// Of a server that was given.
	URL          string `json:"url,omitempty"`
	PasswordFile string `json:"password_file,omitempty"`
	CAFile       string `json:"ca_file,omitempty"`
	CertFile     string `json:"cert_file,omitempty"`
	KeyFile      string `json:"key_file,omitempty"`
}

// plain has the fields of an Endpoint, and not its methods.
type plain Endpoint

// inJSON is an Endpoint in JSON. Texts in JSON hold no invalid UTF-8, and a path may, so each path
// that holds some is written once more, as bytes.
type inJSON struct {
	plain
	Bytes map[string][]byte `json:"bytes,omitempty"`
}

// paths are the fields that are paths, by their names in JSON.
func (e *plain) paths() map[string]*string {
	return map[string]*string{
		"folder": &e.Folder, "password_file": &e.PasswordFile, "ca_file": &e.CAFile, "cert_file": &e.CertFile, "key_file": &e.KeyFile,
	}
}

// MarshalJSON writes the endpoint such that UnmarshalJSON reads the same one, whatever bytes are in
// its paths.
func (e Endpoint) MarshalJSON() ([]byte, error) {
	j := inJSON{plain: plain(e), Bytes: map[string][]byte{}}
	for name, path := range j.paths() {
		if !utf8.ValidString(*path) {
			j.Bytes[name] = []byte(*path)
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Endpoint) UnmarshalJSON(text []byte) error {
	var j inJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	for name, path := range j.paths() {
		if exact, ok := j.Bytes[name]; ok {
			*path = string(exact)
		}
	}
	*e = Endpoint(j.plain)
	return nil
}

// Given checks an endpoint of a server that was given, and returns it with absolute paths, because
// a child process may work in another folder, and with the server's address.
func Given(e Endpoint) (absolute Endpoint, addr string, err error) {
	for _, path := range []*string{&e.PasswordFile, &e.CAFile, &e.CertFile, &e.KeyFile} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return Endpoint{}, "", err
		}
	}
	o, err := e.options()
	if err != nil {
		return Endpoint{}, "", err
	}
	return e, o.Addrs[0], nil
}

// WithoutPassword is the endpoint without a password in its address, which may then be recorded.
func (e Endpoint) WithoutPassword() Endpoint {
	u, err := url.Parse(e.URL)
	if err != nil { // then it leads nowhere
		e.URL = ""
		return e
	}
	if u.User != nil {
		if u.User = url.User(u.User.Username()); u.User.Username() == "" {
			u.User = nil
		}
	}
	query := u.Query()
	query.Del("password")
	u.RawQuery = query.Encode()
	e.URL = u.String()
	return e
}

// ForPeople is the address without a password and without a user, because somebody may have put the
// password in the user's place. It is "" if the address makes no sense.
func (e Endpoint) ForPeople() string {
	if _, err := e.address(); err != nil {
		return ""
	}
	u, err := url.Parse(e.WithoutPassword().URL)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// Client returns a client that CLIENT LIST shows under name.
//
// The client repeats neither a command nor a dial, because only the caller knows whether a command
// whose reply was lost may be sent again. Contexts end its reads and writes. go-redis's own log is
// off, because every error is returned; logging.Enable of go-redis turns it on again.
func (e Endpoint) Client(name string) (redis.UniversalClient, error) {
	o, err := e.options()
	if err != nil {
		return nil, err
	}
	o.ClientName = name
	o.DisableIdentity = true // CLIENT SETINFO would need one more permission
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.ReadTimeout = 30 * time.Second
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewUniversalClient(o), nil
}

// options are the address, with the secrets that lie in files.
func (e Endpoint) options() (*redis.UniversalOptions, error) {
	o, err := e.address()
	if err != nil {
		return nil, err
	}
	if file := e.passwordFile(); file != "" {
		o.Password, err = datadir.ReadSecret(file)
		if named, ok := errors.AsType[*fs.PathError](err); ok && e.Folder == "" {
			err = named.Err // somebody may have given the password itself
		}
		if err != nil {
			return nil, fmt.Errorf("%w: password file: %w", ErrSettings, err)
		}
		o.CredentialsProviderContext = credentials(o.Username, file)
	}
	if e.Folder != "" {
		o.Dialer = e.dial
		return o, nil
	}
	if o.Username != "" && o.Password == "" || o.SentinelUsername != "" && o.SentinelPassword == "" {
		// The user may be the password. go-redis would send neither.
		return nil, fmt.Errorf("%w: the address names a user without a password: "+
			"write redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST for the default user", ErrSettings)
	}
	if err := e.secure(o); err != nil {
		return nil, err
	}
	o.Dialer = dialer.DialContext
	if o.TLSConfig != nil {
		o.Dialer = secured(o.TLSConfig)
	}
	if o.MasterName != "" {
		o.DialTimeout = findWithin
	}
	return o, nil
}

// passwordFile is the file that holds the password, or "".
func (e Endpoint) passwordFile() string {
	if e.Folder == "" {
		return e.PasswordFile
	}
	return datadir.Dir(e.Folder).PasswordFile(e.User)
}

// address reads the URL, which has one of go-redis's three forms: for one server, for a cluster
// (?addr= names more of its nodes), or for Sentinels (?master_name= names their master).
func (e Endpoint) address() (*redis.UniversalOptions, error) {
	var o redis.UniversalOptions
	if e.Folder != "" {
		r, err := datadir.Dir(e.Folder).Load()
		if err != nil {
			return nil, err
		}
		return &redis.UniversalOptions{Addrs: []string{r.Addr}, Username: e.User}, nil
	}
	u, err := url.Parse(e.URL)
	switch {
	case err != nil:
	case u.Fragment != "":
		err = errors.New("an address of a server has no fragment")
	case u.Query().Has("master_name"):
		var f *redis.FailoverOptions
		if f, err = redis.ParseFailoverURL(e.URL); err == nil {
			o = redis.UniversalOptions{
				Addrs: f.SentinelAddrs, MasterName: f.MasterName, DB: f.DB, Username: f.Username, Password: f.Password,
				SentinelUsername: f.SentinelUsername, SentinelPassword: f.SentinelPassword, TLSConfig: f.TLSConfig,
			}
		}
	case u.Query().Has("addr"):
		var c *redis.ClusterOptions
		if c, err = redis.ParseClusterURL(e.URL); err == nil {
			o = redis.UniversalOptions{
				Addrs: c.Addrs, IsClusterMode: true, Username: c.Username, Password: c.Password, TLSConfig: c.TLSConfig,
			}
		}
	default:
		var s *redis.Options
		if s, err = redis.ParseURL(e.URL); err == nil {
			o = redis.UniversalOptions{
				Addrs: []string{s.Addr}, DB: s.DB, Username: s.Username, Password: s.Password, TLSConfig: s.TLSConfig,
			}
		}
	}
	// The parsers' errors quote what they could not read, and that is often a piece of the password.
	if err != nil && strings.HasPrefix(err.Error(), "redis: unexpected option: ") {
		return nil, fmt.Errorf("%w: the address has an unknown option after the question mark: "+
			"there are db, addr, skip_verify for rediss://, and master_name with username and password", ErrSettings)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the address is not a valid redis://, rediss:// or unix:// address: "+
			"percent-encode what is special in the password, or put that into a file", ErrSettings)
	}
	return &o, nil
}

// secure adds the certificates to the options.
func (e Endpoint) secure(o *redis.UniversalOptions) error {
	if e.CAFile == "" && e.CertFile == "" && e.KeyFile == "" {
		return nil
	}
	if o.TLSConfig == nil {
		return fmt.Errorf("%w: certificates are for a rediss:// address only", ErrSettings)
	}
	if e.CAFile != "" {
		pem, err := os.ReadFile(e.CAFile)
		if err != nil {
			return fmt.Errorf("%w: CA file: %w", ErrSettings, err)
		}
		o.TLSConfig.RootCAs = x509.NewCertPool()
		if !o.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%w: CA file: no certificate in %s", ErrSettings, e.CAFile)
		}
	}
	if e.CertFile != "" || e.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(e.CertFile, e.KeyFile)
		if err != nil {
			return fmt.Errorf("%w: client certificate: %w", ErrSettings, err)
		}
		o.TLSConfig.Certificates = []tls.Certificate{pair}
	}
	return nil
}
