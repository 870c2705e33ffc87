package protocol

import (
	"crypto/rand"
)

// NewNonce is a name that nothing else has.
func NewNonce() string { return rand.Text()[:nonceLen] }

// nonceLen is the length of a nonce in bytes. It is fixed, because map outputs have nonces in their
// headers, and a later version of Go may make rand.Text longer.
const nonceLen = 26
