package redisd

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// go-redis prints a line for each dial that fails. While a server restarts that
// is expected, and the lines would only tear a progress display.
func init() { logging.Disable() }

// Endpoint is all that a client needs. It can be handed to a child process as
// JSON: our own server is named by its folder alone, and each connection
// finds there where the server is now, and the password.
type Endpoint struct {
	Folder string `json:"folder,omitempty"` // of our own server
	User   string `json:"user,omitempty"`   // one that was added to it; "": the default user

	// Of a server that was given.
	URL          string `json:"url,omitempty"`
	PasswordFile string `json:"password_file,omitempty"`
	CAFile       string `json:"ca_file,omitempty"`
	CertFile     string `json:"cert_file,omitempty"`
	KeyFile      string `json:"key_file,omitempty"`
}

// Client returns a client that CLIENT LIST shows under name.
//
// It never repeats a command, nor a dial: whether a lost reply's command may
// be sent again is for the caller to know. Contexts end its reads and writes.
// go-redis's log is off, since every error is returned; logging.Enable of
// go-redis turns it on again.
func (e Endpoint) Client(name string) (redis.UniversalClient, error) {
	o, err := e.options()
	if err != nil {
		return nil, err
	}
	o.ClientName = name
	o.DisableIdentity = true // CLIENT SETINFO is one more permission to ask for
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.ReadTimeout = 30 * time.Second
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewUniversalClient(o), nil
}

// options are the address with the secrets that lie in files.
func (e Endpoint) options() (*redis.UniversalOptions, error) {
	o, err := e.address()
	if err != nil {
		return nil, err
	}
	if file := e.passwordFile(); file != "" {
		if o.Password, err = readSecret(file); err != nil {
			return nil, fmt.Errorf("%w: password file: %w", ErrSettings, err)
		}
		o.CredentialsProviderContext = e.credentials(o.Username, file)
	}
	if e.Folder != "" {
		o.Dialer = e.dial
	}
	return o, e.secure(o)
}

// passwordFile is the file that holds the password; "" if none does.
func (e Endpoint) passwordFile() string {
	switch {
	case e.Folder == "":
		return e.PasswordFile
	case e.User == "":
		return filepath.Join(e.Folder, passwordFile)
	}
	return filepath.Join(e.Folder, users, e.User+passwordSuffix)
}

// address reads the URL, which comes in go-redis's three forms: of one server,
// of a cluster (?addr= names more of its nodes), or of Sentinels
// (?master_name= says whose master is wanted).
func (e Endpoint) address() (*redis.UniversalOptions, error) {
	var o redis.UniversalOptions
	if e.Folder != "" {
		s, err := load(e.Folder)
		if err != nil {
			return nil, err
		}
		return &redis.UniversalOptions{Addrs: []string{s.Addr}, Username: e.User}, nil
	}
	u, err := url.Parse(e.URL)
	switch {
	case err != nil:
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
	if err != nil {
		// The parsers' errors quote the parts of the address that they could not
		// make sense of, and one of those is often a piece of the password.
		return nil, fmt.Errorf("%w: REDIS_URL is not a valid redis://, rediss:// or unix:// address: percent-encode what is special in the password, or put that into a file", ErrSettings)
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

// readSecret reads a one-line file; editors like to end lines.
func readSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimRight(string(text), "\r\n"), err
}
