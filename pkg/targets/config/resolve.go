package config

import (
	"cmp"
	"maps"
	"os"
	"slices"
)

// Resolve returns the final configuration. It applies the variables, then the flags (by the names
// of their variables), and then the settings of the last run, if no input is named. The result has
// AsIs set. The error wraps wordcount.ErrInput.
func Resolve(c Config, flags map[string]string) (Config, error) {
	if c.AsIs {
		return c, nil
	}
	c, err := UnderVariables(c)
	for _, name := range slices.Sorted(maps.Keys(flags)) { // the same error each time
		err = cmp.Or(err, c.setFlag(name, flags[name]))
	}
	if err != nil {
		return c, err
	}
	return c.takeOver()
}

// UnderVariables applies the variables to the configuration. The result has AsIs set. A variable
// that is unset or empty changes nothing. The error wraps wordcount.ErrInput.
func UnderVariables(c Config) (Config, error) {
	if c.AsIs {
		return c, nil
	}
	c.AsIs = true
	if err := onlyKnown(os.Environ()); err != nil {
		return c, err
	}
	// REDIS_URL may name another server, which must not get the secrets of the one in the Config.
	if os.Getenv("REDIS_URL") != "" && c.Redis.URL != "" {
		c.Redis.PasswordFile, c.Redis.CAFile, c.Redis.CertFile, c.Redis.KeyFile = "", "", "", ""
	}
	for _, v := range variables {
		if value := os.Getenv(v.name); value != "" {
			if err := c.set(v.name, value); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}
