package remote

import "strings"

// knownCases are what known_hosts may hold. In want, and in ours where that
// differs, are the verdicts with StrictHostKeyChecking yes and accept-new.
// %AT is [127.0.0.1]:PORT; %ED the server's key, with its type before it.
func knownCases(keys map[string]string) []knownCase {
	const unknown, refused, known = "refused new", "refused refused", "ok ok"
	long, nope := badKeys()
	blob := func(key string) string { return strings.Fields(keys[key])[1] }
	longName := strings.Repeat("a", 1100)
	var cases []knownCase
	add := func(list ...knownCase) { cases = append(cases, list...) }

	add( // keys
		knownCase{name: "known", known: "%AT %ED\n", want: known},
		knownCase{name: "unknown", want: unknown, after: "%AT %ED\n", says: "is not known"},
		knownCase{name: "unknown, others known", known: "other %OTHER", want: unknown, after: "\n%AT %ED\n"},
		knownCase{name: "changed", known: "# one\n%AT %OTHER\n", want: refused, says: "is not the one in %HOME/.ssh/known_hosts:2"},
		knownCase{name: "known by another type only", known: "%AT %RSA\n", want: refused, says: "known_hosts:1"},
		knownCase{name: "known by its other key", known: "%AT %EC\n", server: "both", want: known},
		knownCase{name: "known by its first key", known: "%AT %ED\n", server: "both", want: known},
		knownCase{name: "two keys, one changed", known: "%AT %EC\n%AT %OTHER\n", server: "both", want: refused, says: "known_hosts:2"},
		knownCase{name: "two keys, unknown", server: "both", want: unknown, after: "%AT %ED\n"},
		knownCase{name: "two lines of a type", known: "%AT %OTHER\n%AT %ED\n", want: known},
		knownCase{name: "two lines of a type, changed", known: "%AT %OTHER\n%AT %OTHER\n", want: refused},
		knownCase{name: "known as an RSA signature's type", known: "%AT rsa-sha2-512 " + blob("%RSA"), server: "rsa", want: known},
		knownCase{name: "changed, an RSA signature's type", known: "%AT rsa-sha2-256 " + blob("%RSA"), want: refused, says: "known_hosts:1"},
		knownCase{name: "RSA", known: "%AT %RSA", server: "rsa", want: known},
		knownCase{name: "RSA, too short", known: "%AT %RSA", server: "rsa", config: "RequiredRSASize 3072\n", want: refused, says: "has 2048 bits, fewer than 3072"},
		knownCase{name: "a certificate as a known key", known: "%AT %CERT", want: refused},
	)
	add( // upper and lower case
		knownCase{name: "changed, line in capitals", known: "[LOCALHOST]:%PORT %OTHER", host: "localhost", want: refused},
		knownCase{name: "changed, name in capitals", known: "[localhost]:%PORT %OTHER", host: "LOCALHOST", want: refused},
		knownCase{name: "changed, both mixed", known: "[LocalHost]:%PORT %OTHER", host: "lOCALhOST", want: refused},
		knownCase{name: "known, line in capitals", known: "[LOCALHOST]:%PORT %ED", host: "localhost", want: known},
		knownCase{name: "unknown, name in capitals", host: "LOCALHOST", want: unknown, after: "[localhost]:%PORT %ED\n"},
		knownCase{name: "negated in capitals", known: "*,![LOCALHOST]:%PORT %OTHER", host: "localhost", want: unknown},
	)
	add( // patterns
		knownCase{name: "changed, *", known: "* %OTHER", want: refused},
		knownCase{name: "changed, * in the address", known: "[127.0.0.*]:%PORT %OTHER", want: refused},
		knownCase{name: "changed, * that is empty", known: "[127.0.0.1*]:%PORT %OTHER", want: refused},
		knownCase{name: "changed, *** that is empty", known: "***[***127.0.0.1]:%PORT*** %OTHER", want: refused},
		knownCase{name: "changed, * as the port", known: "[127.0.0.1]:* %OTHER", want: refused},
		knownCase{name: "changed, ?", known: "[127.0.0.?]:%PORT %OTHER", want: refused},
		knownCase{name: "? is not empty", known: "[127.0.0.1?]:%PORT %OTHER", want: unknown},
		knownCase{name: "like a network", known: "127.0.0.0/8,[127.0.0.0/8]:%PORT %OTHER", want: unknown},
		knownCase{name: "known, ?*", known: "?* %ED", want: known},
		knownCase{name: "* in the address without a port", known: "127.0.0.* %ED", want: known},
		knownCase{name: "negated", known: "!%AT,[127.0.0.*]:%PORT %OTHER", want: unknown},
		knownCase{name: "negated, the other way round", known: "*,!%AT,!127.0.0.1 %ED", want: unknown},
		knownCase{name: "negated with its port only, known", known: "*,!%AT %ED", want: known}, // without the port
		knownCase{name: "negated without its port", known: "!127.0.0.1,%AT %OTHER", want: refused},
		knownCase{name: "negated without its port, known", known: "!127.0.0.1,* %ED", want: known},
		knownCase{name: "negated alone", known: "!%AT %ED", want: unknown},
		knownCase{name: "negated by *", known: "%AT,!* %ED", want: unknown},
		knownCase{name: "negated twice", known: "!!%AT,* %ED", want: known},
	)
	add( // ports
		knownCase{name: "known without its port", known: "127.0.0.1 %ED", want: known},
		knownCase{name: "other key without its port", known: "127.0.0.1 %OTHER", want: unknown},
		knownCase{name: "with and without port", known: "127.0.0.1 %OTHER\n%AT %ED", want: known},
		knownCase{name: "with and without port, changed", known: "127.0.0.1 %ED\n%AT %OTHER", want: refused},
		knownCase{name: "port 22 is another", known: "[127.0.0.1]:22 %ED", want: unknown},
		knownCase{name: "brackets without a port", known: "[127.0.0.1] %ED", want: unknown},
		knownCase{name: "port without brackets", known: "127.0.0.1:%PORT %ED", want: unknown},
		knownCase{name: "on port 22, known", known: "127.0.0.1 %ED", port22: true, want: known},
		knownCase{name: "on port 22, unknown", port22: true, want: unknown, after: "127.0.0.1 %ED\n"},
		knownCase{name: "on port 22, changed", known: "127.0.0.1 %OTHER", port22: true, want: refused},
		knownCase{name: "on port 22, which the line says", known: "[127.0.0.1]:22 %ED", port22: true, want: unknown},
		knownCase{name: "on port 22, * in brackets", known: "[*]:22 %OTHER", port22: true, want: unknown},
	)
	add( // IPv6, and addresses beside names
		knownCase{name: "IPv6, known", known: "[::ffff:127.0.0.1]:%PORT %ED", host: "::ffff:127.0.0.1", want: known},
		knownCase{name: "IPv6, changed, in capitals", known: "[::FFFF:127.0.0.1]:%PORT %OTHER", host: "::ffff:127.0.0.1", want: refused},
		knownCase{name: "IPv6, unknown", host: "::FFFF:127.0.0.1", want: unknown, after: "[::ffff:127.0.0.1]:%PORT %ED\n"},
		knownCase{name: "IPv6 on port 22, changed", known: "2001:db8::* %OTHER", host: "2001:DB8::1", port22: true, want: refused},
		knownCase{name: "IPv6 on port 22, unknown", known: "2001:db8:0::1 %OTHER", host: "2001:db8::1", port22: true, want: unknown, after: "2001:db8::1 %ED\n"},
		knownCase{name: "the address beside the name differs", known: "%AT %OTHER\n[localhost]:%PORT %ED", host: "localhost", want: known},
		knownCase{name: "only the address is known", known: "%AT %ED", host: "localhost", want: unknown},
	)
	add( // HostKeyAlias
		knownCase{name: "alias, known", known: "shop %ED", config: "HostKeyAlias shop\n", want: known},
		knownCase{name: "alias, changed", known: "shop %OTHER", config: "HostKeyAlias shop\n", want: refused},
		knownCase{name: "alias in capitals, changed", known: "shop %OTHER", config: "HostKeyAlias SHOP\n", want: refused},
		knownCase{name: "alias, line in capitals, changed", known: "Shop %OTHER", config: "HostKeyAlias shop\n", want: refused},
		knownCase{name: "alias, pattern, changed", known: "S*p %OTHER", config: "HostKeyAlias shop\n", want: refused},
		knownCase{name: "alias has no port", known: "[shop]:%PORT %ED", config: "HostKeyAlias shop\n", want: unknown},
		knownCase{name: "alias, the address is not looked up", known: "%AT %ED", config: "HostKeyAlias shop\n", want: unknown, after: "\nshop %ED\n"},
		knownCase{name: "alias in capitals, unknown", config: "HostKeyAlias Shop\n", want: unknown, after: "shop %ED\n"},
		knownCase{name: "alias that reads as a pattern", known: "shop %OTHER", config: "HostKeyAlias sh*\n", want: unknown},
		knownCase{name: "alias, hashed", known: "shop %OTHER", hash: "shop", config: "HostKeyAlias shop\n", want: refused},
		knownCase{name: "alias in capitals, hashed", known: "shop %ED", hash: "shop", config: "HostKeyAlias Shop\n", want: known},
	)
	add( // names
		knownCase{name: "several names, changed", known: "x,%AT,y %OTHER", want: refused},
		knownCase{name: "several names, known", known: "x,%AT %ED", want: known},
		knownCase{name: "empty names", known: ",,%AT, %ED", want: known},
		knownCase{name: "a blank between names", known: "x, %AT %ED", want: unknown},
		knownCase{name: "quoted", known: "\"%AT\" %OTHER", want: unknown},
		knownCase{name: "a very long name before", known: longName + ",%AT %OTHER", want: unknown},
		knownCase{name: "a very long name behind", known: "%AT," + longName + " %ED", want: unknown},
		knownCase{name: "very many names", known: strings.Repeat("web.example.org,", 9000) + "%AT %OTHER", want: refused},
		knownCase{name: "two hashes", known: "%HASHED,%HASHED %ED", want: unknown},
		knownCase{name: "hashed, known", known: "%AT %ED", hash: "%AT", want: known},
		knownCase{name: "hashed, changed", known: "%AT %OTHER", hash: "%AT", want: refused},
		knownCase{name: "hashed, in capitals", known: "%UPPER %ED", host: "localhost", want: unknown},
		knownCase{name: "hashed without its port", known: "%BARE %ED", want: known},
		knownCase{name: "hashed with another's salt", known: "%SALT %ED", want: unknown},
		knownCase{name: "hashed, cut off", known: "%CUT %ED", want: unknown},
		knownCase{name: "hashed, and another name", known: "%HASHED,x %ED", want: unknown},
		knownCase{name: "another name, and hashed", known: "x,%HASHED %ED", want: unknown},
		knownCase{name: "hashed, negated", known: "!%HASHED %ED", want: unknown},
		knownCase{name: "hashed in a way to come", known: "|2|abc|def %ED\n%AT %OTHER", want: refused},
	)
	add( // lines
		knownCase{name: "CRLF, known", known: "%AT %ED\r\n", want: known},
		knownCase{name: "CRLF, changed", known: "# a\r\n\r\n%AT %OTHER\r\n", want: refused, says: "known_hosts:3"},
		knownCase{name: "form feed behind the key", known: "%AT %OTHER\f\n", want: refused},
		knownCase{name: "vertical tab behind the key", known: "%AT %ED\v\n", want: known},
		knownCase{name: "tabs", known: "\t%AT\t\t%OTHER", want: refused},
		knownCase{name: "blanks before, no newline at the end", known: "   %AT   %OTHER", want: refused},
		knownCase{name: "a comment behind", known: "%AT %OTHER root@web1 # old", want: refused},
		knownCase{name: "commented out", known: "#%AT %OTHER", want: unknown},
		knownCase{name: "NUL for a blank", known: "%AT\x00%OTHER", want: refused},
		knownCase{name: "NUL in the names", known: "%AT,\x00x %OTHER", want: unknown},
		knownCase{name: "NUL behind the key", known: "%AT %ED\x00junk", want: known},
		knownCase{name: "NUL in the key", known: "%AT ssh-ed25519\x00 " + blob("%OTHER"), want: unknown},
		knownCase{name: "NUL first", known: "\x00%AT %OTHER\n", want: unknown},
		knownCase{name: "garbage before", known: "garbage\n\xff\xfe\n@\n@revoked\n|1|\n!\n,\n%AT %OTHER", want: refused, says: "known_hosts:8"},
		knownCase{name: "a line of 70 kB before", known: strings.Repeat("a", 70_000) + "\n%AT %OTHER", want: refused},
		knownCase{name: "a byte order mark", known: "\ufeff%AT %ED", want: unknown},
		knownCase{name: "no key", known: "%AT\n%AT \n%AT ssh-ed25519\n", want: unknown},
		knownCase{name: "damaged key", known: "%AT ssh-ed25519 AAAA\n%AT ssh-ed25519 AAAA!\n%AT " + keys["%OTHER"][:60] + "\n", want: unknown},
		knownCase{name: "key of another type than it says", known: "%AT ssh-rsa " + blob("%OTHER"), want: unknown},
		knownCase{name: "key with more behind it", known: "%AT ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAYkU+jB2GO5MzQQMZXfGuzRMzIqLBEui6u5aVzUWnpNAAAA", want: unknown},
		knownCase{name: "short name of a type", known: "%AT ED25519 " + blob("%OTHER"), want: unknown},
		knownCase{name: "key of SSH 1", known: "%AT 1024 35 1234567890", want: unknown},
		knownCase{name: "RSA exponent that Go does not read", known: "%AT " + long, want: refused, says: "not supported here (ssh-rsa)"},
		knownCase{name: "type that nobody has", known: "%AT " + nope, want: unknown, ours: refused, says: "not supported here (ssh-nope)"},
		knownCase{name: "type that nobody has, and a known key", known: "%AT " + nope + "\n%AT %ED", want: known},
	)
	add( // @revoked
		knownCase{name: "revoked", known: "@revoked * %ED", want: refused, says: "is marked @revoked in %HOME/.ssh/known_hosts:1"},
		knownCase{name: "revoked, and known", known: "%AT %ED\n@revoked %AT %ED", want: refused, says: "is marked @revoked in %HOME/.ssh/known_hosts:2"},
		knownCase{name: "revoked by a pattern in capitals", known: "%AT %ED\n@revoked L*,[127.*]:%PORT %ED", want: refused},
		knownCase{name: "revoked, hashed", known: "%AT %ED\n@revoked %HASHED %ED", want: refused},
		knownCase{name: "revoked for others", known: "%AT %ED\n@revoked other,!%AT,* %ED", want: known},
		knownCase{name: "others' key revoked", known: "%AT %ED\n@revoked * %OTHER\n@revoked * %RSA", want: known},
		knownCase{name: "others' key revoked, unknown", known: "@revoked * %OTHER\n", want: unknown},
		knownCase{name: "revoked as a certificate", known: "%AT %ED\n@revoked * %CERT", want: refused},
		knownCase{name: "revoked without its port", known: "@revoked 127.0.0.1 %ED", want: unknown, ours: refused, says: "is marked @revoked in"},
		knownCase{name: "revoked, tab", known: "%AT %ED\n@revoked\t* %ED", want: known, ours: refused, says: "is marked @revoked in"},
		knownCase{name: "revoked in capitals", known: "%AT %ED\n@REVOKED * %ED", want: known},
		knownCase{name: "marked twice", known: "%AT %ED\n@revoked @revoked * %ED", want: known},
		knownCase{name: "marked as two things", known: "%AT %ED\n@cert-authority @revoked * %ED", want: known},
		knownCase{name: "marked as nobody knows", known: "@nope * %ED", want: unknown},
		knownCase{name: "revoked as an authority, certificate", known: "@revoked * %CA\n@cert-authority * %CA", server: "cert", want: refused, says: "certificate's authority"},
		knownCase{name: "revoked as an authority, and its key known", known: "@revoked * %CA\n%AT %ED", server: "cert", want: refused},
		knownCase{name: "key of a certificate revoked", known: "@cert-authority * %CA\n@revoked * %ED", server: "cert", want: refused},
	)
	add( // @cert-authority
		knownCase{name: "authority", known: "@cert-authority * %CA", server: "cert", want: known},
		knownCase{name: "authority with the port", known: "@cert-authority %AT %CA", server: "cert", want: known},
		knownCase{name: "authority without the port", known: "@cert-authority 127.0.0.1 %CA", server: "cert", want: known},
		knownCase{name: "authority without the port, plain key changed", known: "@cert-authority 127.0.0.1 %CA\n%AT %OTHER", server: "cert", want: known},
		knownCase{name: "authority without the port, revoked there", known: "@cert-authority 127.0.0.1 %CA\n@revoked 127.0.0.1 %CA", server: "cert", want: unknown, ours: refused, says: "is marked @revoked in"},
		knownCase{name: "authority as a host", known: "%AT %CA", server: "cert", want: refused},
		knownCase{name: "authority, pattern in capitals", known: "@cert-authority [LOCAL*]:* %CA", host: "localhost", server: "cert", want: known},
		knownCase{name: "authority of others", known: "@cert-authority *.example.org %CA", server: "cert", want: unknown},
		knownCase{name: "authority of all others", known: "@cert-authority *,!%AT,!127.0.0.1 %CA", server: "cert", want: unknown},
		knownCase{name: "another authority", known: "@cert-authority * %OTHER", server: "cert", want: unknown, says: "which no @cert-authority line names"},
		knownCase{name: "authority, tab", known: "@cert-authority\t* %CA", server: "cert", want: unknown},
		knownCase{name: "authority, plain key", known: "@cert-authority * %CA", want: unknown},
		knownCase{name: "authority, plain key known", known: "@cert-authority * %CA\n%AT %ED", want: known},
		knownCase{name: "authority, plain key changed", known: "@cert-authority * %CA\n%AT %OTHER", want: refused, says: "known_hosts:2"},
		knownCase{name: "the authority's own key", known: "@cert-authority %AT %ED", want: unknown},
		knownCase{name: "authority, given as a certificate", known: "@cert-authority * %CERT", server: "cert", want: unknown},
		knownCase{name: "nobody's certificate", server: "cert", want: unknown, after: "%AT %ED\n"},
		knownCase{name: "nobody's certificate, key known", known: "%AT %ED", server: "cert", want: known},
		knownCase{name: "nobody's certificate, key changed", known: "%AT %OTHER", server: "cert", want: refused},
		knownCase{name: "certificate for anybody", known: "@cert-authority * %CA", server: "anybody", want: known},
		knownCase{name: "certificate expired", known: "@cert-authority * %CA", server: "expired", want: unknown, says: "its certificate has expired on 20"},
		knownCase{name: "certificate expired, key known", known: "@cert-authority * %CA\n%AT %ED", server: "expired", want: known},
		knownCase{name: "certificate expired, key changed", known: "@cert-authority * %CA\n%AT %OTHER", server: "expired", want: refused, says: "has expired on 20"},
		knownCase{name: "certificate not valid yet", known: "@cert-authority * %CA", server: "too early", want: unknown, says: "is not valid before 20"},
		knownCase{name: "certificate of another host", known: "@cert-authority * %CA", server: "other name", want: unknown, says: "is for db, *, not for 127.0.0.1"},
		knownCase{name: "certificate of a user", known: "@cert-authority * %CA", server: "user's", want: unknown, says: "is one for users"},
		knownCase{name: "certificate with an option", known: "@cert-authority * %CA", server: "option", want: unknown, says: "force-command"},
		knownCase{name: "certificate signed with SHA-1", known: "@cert-authority * %RSA", server: "signed by rsa", want: unknown, says: "is signed with ssh-rsa"},
		knownCase{name: "certificate forged", known: "@cert-authority * %CA\n%AT %ED", server: "forged", want: refused, says: "the signature of its certificate is wrong"},
		knownCase{name: "certificate, alias", known: "@cert-authority web1 %CA", config: "HostKeyAlias web1\n", server: "cert", want: known},
		knownCase{name: "certificate, alias in capitals", known: "@cert-authority web1 %CA", config: "HostKeyAlias Web1\n", server: "cert", want: known},
		knownCase{name: "certificate, another alias", known: "@cert-authority * %CA", config: "HostKeyAlias web2\n", server: "cert", want: unknown, says: "not for web2"},
		knownCase{name: "certificate, name in capitals", known: "@cert-authority * %CA", host: "LOCALHOST", server: "cert", want: known},
	)
	add( // HostKeyAlgorithms, CASignatureAlgorithms
		knownCase{name: "algorithms, fixed", known: "%AT %ED", server: "both", config: "HostKeyAlgorithms ecdsa-sha2-nistp256\n", want: refused},
		knownCase{name: "algorithms, fixed, known", known: "%AT %EC", server: "both", config: "HostKeyAlgorithms ecdsa-sha2-nistp256\n", want: known},
		knownCase{name: "algorithms, others first", known: "%AT %ED", server: "both", config: "HostKeyAlgorithms ^ecdsa-sha2-nistp256\n", want: refused},
		knownCase{name: "algorithms, one less", known: "%AT %EC\n%AT %ED", server: "both", config: "HostKeyAlgorithms -ssh-ed25519*\n", want: known},
		knownCase{name: "algorithms, one less, unknown", server: "both", config: "HostKeyAlgorithms -ssh-ed25519*\n", want: unknown, after: "%AT %EC\n"},
		knownCase{name: "algorithms, RSA less", known: "%AT %EC", server: "both", config: "HostKeyAlgorithms -rsa*\n", want: known},
		knownCase{name: "algorithms without certificates", known: "@cert-authority * %CA", server: "cert", config: "HostKeyAlgorithms ssh-ed25519\n", want: unknown},
		knownCase{name: "authority with another algorithm", known: "@cert-authority * %CA", server: "cert", config: "CASignatureAlgorithms rsa-sha2-512\n", want: unknown, says: "is signed with ssh-ed25519"},
		knownCase{name: "authority with its algorithm", known: "@cert-authority * %CA", server: "cert", config: "CASignatureAlgorithms ssh-ed25519\n", want: known},
		knownCase{name: "authority with SHA-1, as ssh_config has it", known: "@cert-authority * %RSA", server: "signed by rsa", config: "CASignatureAlgorithms +ssh-rsa\n", want: known},
	)
	add(fileCases()...)
	return cases
}

// fileCases are about which files count.
func fileCases() []knownCase {
	const unknown, refused, known = "refused new", "refused refused", "ok ok"
	two := "UserKnownHostsFile %HOME/.ssh/known_hosts %HOME/.ssh/second\n"
	by := "RevokedHostKeys %HOME/.ssh/revoked\n"
	list := func(text string) map[string]string { return map[string]string{"revoked": text} }
	cases := []knownCase{
		{name: "two files, changed in the second", config: two, files: map[string]string{"second": "%AT %OTHER"}, want: refused, says: "%HOME/.ssh/second:1"},
		{name: "two files, known in the second", config: two, files: map[string]string{"second": "%AT %ED"}, want: known},
		{name: "two files, revoked in the second", known: "%AT %ED", config: two, files: map[string]string{"second": "@revoked * %ED"}, want: refused},
		{name: "two files, changed in the first", known: "%AT %OTHER", config: two, files: map[string]string{"second": "%AT %ED"}, want: known},
		{name: "two files, unknown", config: two, files: map[string]string{"second": "x %ED"}, want: unknown, after: "%AT %ED\n"},
		{name: "global file, changed", files: map[string]string{"global": "%AT %OTHER"}, want: refused, says: "%HOME/.ssh/global:1"},
		{name: "global file, known", files: map[string]string{"global": "%AT %ED"}, want: known},
		{name: "global file, revoked", known: "%AT %ED", files: map[string]string{"global": "@revoked * %ED"}, want: refused},
		{name: "global file, authority", files: map[string]string{"global": "@cert-authority * %CA"}, server: "cert", want: known},
		{name: "no global file", config: "GlobalKnownHostsFile none\n", files: map[string]string{"global": "%AT %OTHER"}, want: unknown},
		{name: "no file of the user's, changed", known: "%AT %OTHER", config: "UserKnownHostsFile none\n", want: refused, says: "switches that file off"},
		{name: "no file of the user's, known", known: "%AT %ED", config: "UserKnownHostsFile none\n", want: refused, says: "switches that file off"},
		{name: "no file of the user's, unknown", config: "UserKnownHostsFile none\n", want: refused, says: "no file to add it to"},
		{name: "no file of the user's, authority", known: "@cert-authority * %CA", config: "UserKnownHostsFile none\n", server: "cert", want: refused},
		{name: "no file of the user's, known globally", config: "UserKnownHostsFile none\n", files: map[string]string{"global": "%AT %ED"}, want: known},
		{name: "/dev/null, changed", known: "%AT %OTHER", config: "UserKnownHostsFile /dev/null\n", want: unknown, ours: refused, says: "switches that file off"},
		{name: "/dev/null, known", known: "%AT %ED", config: "UserKnownHostsFile /dev/null\n", want: unknown, ours: "refused ok", says: "switches that file off"},
		{name: "/dev/null, one of two is known", known: "%AT %OTHER\n%AT %ED", config: "UserKnownHostsFile /dev/null\n", want: unknown, ours: "refused ok", says: "known_hosts:2 has it, but ssh_config switches that file off"},
		{name: "file that cannot be", config: "UserKnownHostsFile %HOME/.ssh/config/known_hosts\n", want: unknown, says: "is accepted for this run only"},
		{name: "file that is a directory", config: "UserKnownHostsFile %HOME/.ssh\n", want: unknown, says: "is accepted for this run only"},
		{name: "file that cannot be, known globally", config: "UserKnownHostsFile %HOME/.ssh/config/known_hosts\n", files: map[string]string{"global": "%AT %ED"}, want: known},
		{name: "file that cannot be read", config: "UserKnownHostsFile %HOME/.ssh/loop\n", want: unknown, ours: refused, says: "cannot read %HOME/.ssh/loop"},
		{name: "file that cannot be read, known globally", config: "UserKnownHostsFile %HOME/.ssh/loop\n", files: map[string]string{"global": "%AT %ED"}, want: known},
		{name: "file that cannot be read, changed globally", config: "UserKnownHostsFile %HOME/.ssh/loop\n", files: map[string]string{"global": "%AT %OTHER"}, want: refused},
		{name: "KnownHostsCommand", config: "KnownHostsCommand /bin/true\n", want: unknown, ours: refused, says: "KnownHostsCommand"},
		{name: "KnownHostsCommand, known", known: "%AT %ED", config: "KnownHostsCommand /bin/true\n", want: known},
		{name: "KnownHostsCommand none", config: "KnownHostsCommand none\n", want: unknown},

		{name: "RevokedHostKeys, its own", known: "%AT %ED", config: by, files: list("# old\n\n%OTHER\n  %ED web1\n"), want: refused, says: "is revoked by %HOME/.ssh/revoked:4"},
		{name: "RevokedHostKeys, its own, unknown", config: by, files: list("%ED"), want: refused},
		{name: "RevokedHostKeys, its own as a certificate", known: "%AT %ED", config: by, files: list("%CERT"), want: refused},
		{name: "RevokedHostKeys, CRLF", known: "%AT %ED", config: by, files: list("%OTHER\r\n%ED\r\n"), want: refused},
		{name: "RevokedHostKeys, others'", known: "%AT %ED", config: by, files: list("%OTHER\n%RSA"), want: known},
		{name: "RevokedHostKeys, others', unknown", config: by, files: list("%OTHER\n"), want: unknown},
		{name: "RevokedHostKeys, empty", known: "%AT %ED", config: by, files: list(""), want: known},
		{name: "RevokedHostKeys, none", known: "%AT %ED", config: "RevokedHostKeys none\n", want: known},
		{name: "RevokedHostKeys of others", known: "%AT %ED", config: "Match host other\n" + by + "Match all\n", files: list("%ED"), want: known},
		{name: "RevokedHostKeys, missing", known: "%AT %ED", config: by, want: refused, says: "no such file"},
		{name: "RevokedHostKeys, a directory", known: "%AT %ED", config: "RevokedHostKeys %HOME/.ssh\n", want: refused, says: "directory"},
		{name: "RevokedHostKeys, with options", known: "%AT %ED", config: by, files: list("no-pty %OTHER\n"), want: refused, says: "line 1"},
		{name: "RevokedHostKeys, with names", known: "%AT %ED", config: by, files: list("%AT %OTHER\n"), want: refused, says: "line 1"},
		{name: "RevokedHostKeys, garbage behind", known: "%AT %ED", config: by, files: list("%OTHER\ngarbage\n"), want: refused, says: "line 2"},
		{name: "RevokedHostKeys, its own before garbage", known: "%AT %ED", config: by, files: list("%ED\ngarbage\n"), want: refused, says: "revoked:1"},
		{name: "RevokedHostKeys, authority", known: "@cert-authority * %CA", config: by, files: list("%CA\n"), server: "cert", want: refused},
		{name: "RevokedHostKeys, authority, plain key known", known: "%AT %ED", config: by, files: list("%CA\n"), server: "cert", want: refused},
		{name: "RevokedHostKeys, authority of others", known: "%AT %ED", config: by, files: list("%CA\n"), want: known},
		{name: "RevokedHostKeys, key of a certificate", known: "@cert-authority * %CA", config: by, files: list("%ED\n"), server: "cert", want: refused},
	}
	// Key revocation lists. %CA is the authority of what is said of certificates.
	krl := "RevokedHostKeys %HOME/.ssh/krl\n"
	for what, text := range map[string]string{"key": "key: %ED", "SHA-1": "sha1: %ED", "SHA-256": "sha256: %ED", "several": "key: %OTHER\nsha256: %ED\nsha1: %RSA"} {
		cases = append(cases, knownCase{name: "list, its own by " + what, known: "%AT %ED", config: krl, krl: text + "\n", want: refused, says: "revoked by %HOME/.ssh/krl (a key revocation list)"},
			knownCase{name: "list, certificate's key by " + what, known: "@cert-authority * %CA", server: "cert", config: krl, krl: text + "\n", want: refused},
			knownCase{name: "list, another by " + what, known: "%AT %EC", server: "both", config: krl, krl: text + "\n", want: known})
	}
	for text, want := range map[string]string{"serial: 70": refused, "serial: 71": known, "serial: 60-80": refused, "serial: 71-80": known, "serial: 1\nserial: 70\nserial: 90": refused,
		"serial: 1\nserial: 3\nserial: 5\nserial: 7\nserial: 65-69\nserial: 71-90": known, "id: web1": refused, "id: web": known, "sha256: %CA": refused, "key: %OTHER": known} {
		name := strings.NewReplacer("\n", ", ", "%", "").Replace(text)
		cases = append(cases, knownCase{name: "list, certificate by " + name, known: "@cert-authority * %CA", server: "cert", config: krl, krl: text + "\n", want: want},
			knownCase{name: "list, plain key by " + name, known: "%AT %ED", config: krl, krl: text + "\n", want: known})
	}
	return append(cases,
		knownCase{name: "list, certificate without a serial number", known: "@cert-authority * %CA", server: "no serial", config: krl, krl: "serial: 1-90\n", want: known},
		knownCase{name: "list, certificate of another authority", known: "@cert-authority * %RSA", server: "signed by rsa", config: krl, krl: "id: web1\n", want: unknown},
		knownCase{name: "list, damaged", known: "%AT %ED", config: by, files: list("SSHKRL\n\x00 and so on"), want: refused, says: "a key revocation list"},
		knownCase{name: "list, cut off", known: "%AT %ED", config: by, files: list("SSHKRL\n\x00\x00\x00\x00\x01"), want: refused, says: "damaged"},
	)
}
