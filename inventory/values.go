package inventory

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The forms of single values: each function reports a value that cannot be
// used, whatever the rest of the inventory says.

const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	letters = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// plain tells whether s is made of the given characters only, at least one.
func plain(s, chars string) bool { return s != "" && strings.Trim(s, chars) == "" }

func indexOf(words []string, w string) int { return slices.Index(words, w) }

// hostName allows what serves as a host name, in a file name and on the
// command line alike.
func (t *table) hostName(s string) {
	switch {
	case !plain(s, lower+digits+".-") || s[0] == '.' || s[0] == '-' || len(s) > 63:
		hint := "use a to z, 0 to 9, . and -, beginning with a letter or digit, 63 at most"
		if l := strings.ToLower(s); l != s && plain(l, lower+digits+".-") {
			hint = fmt.Sprintf("write it in lower case: %q", l)
		}
		t.fail(t.pos("name"), hint, "name a host %s", quote(s))
	case s == "local":
		t.fail(t.pos("name"), "local is this workstation, in verify --from local", "name a host %s", quote(s))
	}
}

// address reads an IPv4 address that a host or service can have.
func (t *table) address(key string) netip.Addr {
	s, ok := t.str(key)
	if !ok {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		hint := "four numbers from 0 to 255: 192.168.1.10"
		if p, err := netip.ParsePrefix(s); err == nil && p.Addr().Is4() {
			hint = fmt.Sprintf("write it without the prefix length: %q", p.Addr())
		} else if ap, err := netip.ParseAddrPort(s); err == nil && ap.Addr().Is4() {
			hint = fmt.Sprintf("write it without the port: %q", ap.Addr())
		} else if strings.ContainsAny(s, letters) && !strings.Contains(s, ":") {
			hint = "write the address itself: names are not looked up"
		}
		t.fail(t.pos(key), hint, "use %s as %s: not an IPv4 address", quote(s), key)
		return netip.Addr{}
	}
	if !t.usable(key, s, a) {
		return netip.Addr{}
	}
	return a
}

// usable reports an address that no machine can have for its own.
func (t *table) usable(key, s string, a netip.Addr) bool {
	kind := ""
	switch {
	case !a.Is4():
		t.fail(t.pos(key), "use an IPv4 address", "use IPv6 yet: %s is %s", key, quote(s))
		return false
	case a.IsLoopback():
		kind = "a loopback address"
	case a.IsMulticast():
		kind = "a multicast address"
	case a.As4()[0] == 0 || a.As4()[0] >= 240:
		kind = "a reserved address"
	}
	if kind != "" {
		t.fail(t.pos(key), "use the address that other machines reach it by", "use %s as %s: %s", quote(s), key, kind)
	}
	return kind == ""
}

// network reads a prefix that names a network.
func (t *table) network(key string) netip.Prefix {
	p, s, ok := t.prefix(key, "192.168.1.0/24")
	if !ok {
		return netip.Prefix{}
	}
	switch {
	case p.Bits() < 8 || p.Bits() > 30:
		t.fail(t.pos(key), "a LAN has a prefix length from 8 to 30", "use %s as %s: no room for a cluster", quote(s), key)
		return netip.Prefix{}
	case p != p.Masked():
		t.fail(t.pos(key), fmt.Sprintf("did you mean %q?", p.Masked()), "use %s as %s: it is an address in a network", quote(s), key)
		return netip.Prefix{}
	}
	return p
}

// wanAddress reads an address with the prefix length of its network.
func (t *table) wanAddress(key string) netip.Prefix {
	p, s, ok := t.prefix(key, "12.0.0.1/24")
	if !ok || !t.usable(key, s, p.Addr()) {
		return netip.Prefix{}
	}
	if why := edge(p, p.Addr()); why != "" {
		t.fail(t.pos(key), hostRange(p), "use %s as %s: it is the %s address of %s", quote(s), key, why, p.Masked())
		return netip.Prefix{}
	}
	return p
}

func (t *table) prefix(key, example string) (p netip.Prefix, s string, ok bool) {
	s, ok = t.str(key)
	if !ok {
		return p, s, false
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		hint := fmt.Sprintf("an IPv4 address, a slash and a prefix length: %q", example)
		if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
			hint = fmt.Sprintf("add the prefix length: \"%s/24\", for one", s)
		}
		t.fail(t.pos(key), hint, "use %s as %s", quote(s), key)
		return p, s, false
	}
	if !p.Addr().Is4() {
		t.fail(t.pos(key), fmt.Sprintf("use IPv4: %q", example), "use IPv6 yet: %s is %s", key, quote(s))
		return p, s, false
	}
	return p, s, true
}

// edge says which of the two addresses that no host can have a is: "network",
// "broadcast" or neither. RFC 3021 networks of two addresses have none.
func edge(p netip.Prefix, a netip.Addr) string {
	if p.Bits() >= 31 || !p.Contains(a) {
		return ""
	}
	if a == p.Masked().Addr() {
		return "network"
	}
	if !p.Contains(a.Next()) {
		return "broadcast"
	}
	return ""
}

// iface reads the name of a network interface: what the kernel allows
// (dev_valid_name in net/core/dev.c), without what would need quoting in the
// files that distributions keep it in.
func (t *table) iface(key string) string {
	s, ok := t.str(key)
	if !ok {
		return ""
	}
	hint := ""
	switch base := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '@' }); {
	case s == "lo":
		hint = "name the network card; what is needed on lo is put there without asking"
	case strings.ContainsAny(s, ":@") && len(base) == 2 && plain(base[0], letters+digits+"._-"):
		hint = fmt.Sprintf("name the interface itself: %q", base[0])
	case len(s) > 15:
		hint = "an interface's name has at most 15 characters: see ip -br link"
	case !plain(s, letters+digits+"._-") || strings.Trim(s, ".") == "" || s[0] == '-':
		hint = "use letters, digits, . _ and -, as in ip -br link"
	default:
		return s
	}
	t.fail(t.pos(key), hint, "use %s as %s", quote(s), key)
	return ""
}

// sshWord reads a user or host name of an ssh table.
func (t *table) sshWord(key, s string) string {
	switch {
	case s == "":
		t.fail(t.pos(key), "name it, or leave the key out", "use an empty %s", key)
	case s[0] == '-' || strings.ContainsAny(s, " /\"'`$;|&<>()") || key == "host" && !plain(s, letters+digits+".:_-"):
		hint := "it cannot begin with - or hold spaces or quotes"
		if key == "host" && strings.Contains(s, "@") {
			hint = "the user has a key of its own: user = " + strconv.Quote(strings.SplitN(s, "@", 2)[0])
		}
		t.fail(t.pos(key), hint, "use %s as ssh %s", quote(s), key)
	default:
		return s
	}
	return ""
}

// badJump says what is wrong with [user@]host[:port].
func badJump(s string) string {
	host := s
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		if host = s[i+1:]; i == 0 {
			return "the user is missing"
		}
	}
	port, hasPort := "", false
	if strings.HasPrefix(host, "[") { // an IPv6 bastion
		inner, rest, found := strings.Cut(host[1:], "]")
		if a, err := netip.ParseAddr(inner); !found || err != nil || !a.Is6() {
			return "not an IPv6 address in brackets"
		}
		if rest != "" && rest[0] != ':' {
			return "the port is not a number from 1 to 65535"
		}
		host, hasPort = "v6", rest != ""
		port = strings.TrimPrefix(rest, ":")
	} else {
		host, port, hasPort = strings.Cut(host, ":")
	}
	if hasPort {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "the port is not a number from 1 to 65535"
		}
	}
	switch {
	case host == "":
		return "the host is missing"
	case s[0] == '-' || host[0] == '-' || !plain(host, letters+digits+"._-") || strings.ContainsAny(s, " /\"'`$;|&<>(),"):
		return "not a host name or address"
	}
	return ""
}

// exportPath allows a path that needs no escaping in exports(5) and fstab(5).
func (t *table) exportPath(s string) string {
	hint := ""
	switch {
	case !path.IsAbs(s):
		hint = "it begins with /, like /opt/ka"
	case s == "/":
		hint = "never export the whole machine: name a directory below it"
	case path.Clean(s) != s:
		hint = fmt.Sprintf("did you mean %q?", path.Clean(s))
	case !plain(s, letters+digits+"/._+@=-"):
		hint = "use letters, digits and / . _ - + @ = only: others need escaping in exports and fstab"
	case len(s) > 1024:
		hint = "an export's path has at most 1024 characters"
	default:
		return s
	}
	t.fail(t.pos("path"), hint, "export %s", quote(s))
	return ""
}

// exportOptions allows what stands between the parentheses in exports(5).
func (t *table) exportOptions(s string) {
	hint := ""
	switch {
	case strings.ContainsAny(s, "()"):
		hint = `write the options alone: "rw,sync"; parentheses and clients are added`
	case strings.ContainsAny(s, " "):
		hint = "separate options by commas alone: a space would export to the whole world"
	case s == "":
		hint = `leave options out for "rw,sync"`
	case !plain(s, letters+digits+"_=,.:@/+-") || slices.Contains(strings.Split(s, ","), "") || s[0] == '-':
		hint = `options as in exports(5), with commas between: "rw,sync,no_subtree_check"`
	default:
		return
	}
	t.fail(t.pos("options"), hint, "use %s as export options", quote(s))
}

// checkPath allows a path that can stand in a request line (RFC 9112, 3.2).
func (t *table) checkPath(s string) {
	hint := ""
	bad := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"<>\\^`{|}#", r) }
	switch {
	case strings.Contains(s, "://"):
		hint = `leave out scheme and host: "/health"`
	case !strings.HasPrefix(s, "/"):
		hint = `it begins with /: ` + quote("/"+s)
	case strings.IndexFunc(s, bad) >= 0:
		hint = "write such characters percent-encoded, a space as %20"
	default:
		return
	}
	t.fail(t.pos("check_path"), hint, "ask for check_path %s", quote(s))
}

// persistence reads a time in whole seconds, which is what ipvsadm counts in.
func (t *table) persistence(key string) time.Duration {
	if !t.has(key) {
		return 0
	}
	if n, ok := t.vals[key].(int64); ok {
		t.fail(t.pos(key), fmt.Sprintf("write the unit too: %s = \"%ds\"", key, n), "use a number as %s", key)
		return 0
	}
	s, ok := t.str(key)
	if !ok {
		return 0
	}
	v, err := time.ParseDuration(s)
	hint := ""
	switch {
	case err != nil && plain(s, digits):
		hint = fmt.Sprintf("write the unit too: \"%ss\"", s)
	case err != nil:
		hint = `a number and its unit: "30s", "5m" or "1h"`
	case v < 0:
		hint = `"0s" turns it off`
	case v%time.Second != 0:
		hint = "the kernel counts whole seconds"
	case v > maxPersistence:
		hint = "ipvsadm takes 31 days at most: \"744h\""
	default:
		return v
	}
	t.fail(t.pos(key), hint, "use %s as %s", quote(s), key)
	return 0
}
