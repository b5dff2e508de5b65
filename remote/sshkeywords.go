package remote

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kindOfValue says what a keyword of ssh_config may be set to.
type kindOfValue int

const (
	anything   kindOfValue = iota // has no effect here
	word                          // one argument
	someWords                     // one or more
	yesNo                         // yes or no
	number                        // not below 0
	portNumber                    // or the name of a service
	duration                      // 10, 1m30s, none
	restOfLine                    // all of it, quotes and comments too
	family
	strictness
	pubkeyKind
	canonicalKind
	dnsKind
	updateKind
)

var valuesOf = map[kindOfValue][]string{
	yesNo:         {"yes", "true", "no", "false"},
	family:        {"any", "inet", "inet6"},
	strictness:    {"yes", "true", "ask", "no", "false", "off", "accept-new"},
	pubkeyKind:    {"yes", "true", "no", "false", "unbound", "host-bound"},
	canonicalKind: {"yes", "true", "no", "false", "always"},
	dnsKind:       {"yes", "true", "no", "false", "ask"},
	updateKind:    {"yes", "true", "no", "false", "ask"},
}

// check says what is wrong with the arguments of a keyword; ssh(1) refuses the
// whole file for that.
func (k kindOfValue) check(key string, args []string) error {
	if k == anything {
		return nil
	}
	if len(args) == 0 || args[0] == "" {
		return fmt.Errorf("%s has no value", key)
	}
	if k != someWords && len(args) > 1 {
		return fmt.Errorf("%s has more than one value", key)
	}
	v := args[0]
	bad := false
	switch k {
	case number:
		n, err := strconv.Atoi(v)
		bad = err != nil || n < 0
	case portNumber:
		_, err := parsePort(v)
		bad = err != nil
	case duration:
		_, err := parseDuration(v)
		bad = err != nil && v != "none"
	default:
		if values, ok := valuesOf[k]; ok {
			bad = !slices.Contains(values, lower(v))
		}
	}
	if bad {
		return fmt.Errorf("%s cannot be %q", key, printable(v))
	}
	return nil
}

// parsePort reads a port, or the name of a service.
func parsePort(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		n, err = net.LookupPort("tcp", s)
	}
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("port %q is not 1 to 65535", s)
	}
	return n, nil
}

// parseDuration reads a time of sshd_config(5): 90, 1m30s, 2h.
func parseDuration(s string) (time.Duration, error) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	var all time.Duration
	for rest := s; ; {
		i := 0
		for i < len(rest) && '0' <= rest[i] && rest[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(rest[:i], 10, 32)
		if err != nil {
			return 0, err
		}
		unit := time.Second
		if rest = rest[i:]; rest != "" {
			var ok bool
			if unit, ok = units[lower(rest[:1])[0]]; !ok {
				return 0, fmt.Errorf("%q is no time", s)
			}
			rest = rest[1:]
		}
		all += time.Duration(n) * unit
		if rest == "" {
			return all, nil
		}
	}
}

// keywordNamed gives a keyword's present name.
func keywordNamed(key string) string {
	if now, old := renamed[key]; old {
		return now
	}
	return key
}

var renamed = map[string]string{
	"identityfile2":                   "identityfile",
	"dsaauthentication":               "pubkeyauthentication",
	"pubkeyacceptedkeytypes":          "pubkeyacceptedalgorithms",
	"hostbasedkeytypes":               "hostbasedacceptedalgorithms",
	"hostbasedacceptedkeytypes":       "hostbasedacceptedalgorithms",
	"challengeresponseauthentication": "kbdinteractiveauthentication",
	"tisauthentication":               "kbdinteractiveauthentication",
	"skeyauthentication":              "kbdinteractiveauthentication",
	"smartcarddevice":                 "pkcs11provider",
	"rsaminsize":                      "requiredrsasize",
}

// keywords are those of OpenSSH up to 10, of the patches of Debian, Fedora and
// Apple, and those that it has given up.
var keywords = func() map[string]kindOfValue {
	all := map[string]kindOfValue{
		"user": word, "hostname": word, "port": portNumber, "hostkeyalias": word,
		"identityfile": word, "certificatefile": word, "identityagent": word, "identitiesonly": yesNo,
		"proxyjump": restOfLine, "proxycommand": restOfLine, "proxyusefdpass": yesNo,
		"userknownhostsfile": someWords, "globalknownhostsfile": someWords, "revokedhostkeys": word,
		"knownhostscommand": restOfLine, "stricthostkeychecking": strictness, "hashknownhosts": yesNo, "checkhostip": yesNo,
		"verifyhostkeydns": dnsKind, "nohostauthenticationforlocalhost": yesNo, "updatehostkeys": updateKind,
		"connecttimeout": duration, "connectionattempts": number, "addressfamily": family, "bindaddress": word, "bindinterface": word,
		"batchmode": yesNo, "canonicalizehostname": canonicalKind, "canonicaldomains": someWords, "canonicalizemaxdots": number,
		"ciphers": word, "macs": word, "kexalgorithms": word, "hostkeyalgorithms": word, "pubkeyacceptedalgorithms": word,
		"casignaturealgorithms": word, "requiredrsasize": number, "fingerprinthash": word,
		"pubkeyauthentication": pubkeyKind, "passwordauthentication": yesNo, "kbdinteractiveauthentication": yesNo,
		"hostbasedauthentication": yesNo, "gssapiauthentication": yesNo, "preferredauthentications": word,
		"pkcs11provider": word, "securitykeyprovider": word, "enablesshkeysign": yesNo, "numberofpasswordprompts": number,
		"tag": word, "refuseconnection": word, "serveraliveinterval": duration, "serveralivecountmax": number, "tcpkeepalive": yesNo,
	}
	for _, key := range strings.Fields(`addkeystoagent canonicalizefallbacklocal canonicalizepermittedcnames channeltimeout
		clearallforwardings compression controlmaster controlpath controlpersist dynamicforward enableescapecommandline escapechar
		exitonforwardfailure forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports
		gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms gssapikeyexchange gssapirenewalforcesrekey
		gssapiserveridentity gssapitrustdns hostbasedacceptedalgorithms ipqos kbdinteractivedevices localcommand localforward loglevel
		logverbose obscurekeystroketiming permitlocalcommand permitremoteopen rekeylimit remotecommand remoteforward
		requesttty sendenv sessiontype setenv stdinnull streamlocalbindmask streamlocalbindunlink syslogfacility tunnel tunneldevice
		usekeychain versionaddendum visualhostkey warnweakcrypto xauthlocation
		cipher protocol compressionlevel useblacklistedkeys useprivilegedport usersh useroaming rsaauthentication
		rhostsauthentication rhostsrsaauthentication fallbacktorsh globalknownhostsfile2 userknownhostsfile2 keepalive
		afstokenpassing kerberosauthentication kerberostgtpassing protocolkeepalives setuptimeout gssapienablek5users`) {
		all[key] = anything
	}
	return all
}()
