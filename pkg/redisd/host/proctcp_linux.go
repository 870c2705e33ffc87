package host

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// printedSockets returns all TCP sockets of this machine, as /proc/net/tcp prints them.
func printedSockets() ([]tcpSocket, error) {
	var all []tcpSocket
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) && table != "/proc/net/tcp" { // no IPv6
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			// number: local remote state queues timer retransmits uid timeout inode …
			f := strings.Fields(line)
			if len(f) < 10 || f[0] == "sl" {
				continue
			}
			local, err1 := hexAddr(f[1])
			remote, err2 := hexAddr(f[2])
			state, err3 := strconv.ParseUint(f[3], 16, 8)
			uid, err4 := strconv.Atoi(f[7])
			if err := errors.Join(err1, err2, err3, err4); err != nil {
				return nil, fmt.Errorf("%s: %w", table, err)
			}
			all = append(all, tcpSocket{local, remote, uint8(state), uid, f[9]})
		}
	}
	return all, nil
}

// hexAddr reads an address as the kernel prints it: words of four bytes in the machine's order,
// and a port.
func hexAddr(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, ":")
	words, err := hex.DecodeString(host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for i := 0; i+4 <= len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	addr, ok := netip.AddrFromSlice(words)
	n, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", text)
	}
	return plainAddr(netip.AddrPortFrom(addr, uint16(n))), nil
}
