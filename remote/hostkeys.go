package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// knownKeys is the known_hosts files. Host keys are strict: an unknown key is
// added only when the operator said so, a changed one is always refused.
type knownKeys struct {
	home string

	mu  sync.Mutex
	dbs map[string]*keyDB // by the files' names
}

// keyDB is what a list of known_hosts files says.
type keyDB struct {
	*knownhosts.HostKeyDB
	names map[string]string // of copies, see readable
}

func newKnownKeys(home string) *knownKeys {
	return &knownKeys{home: home, dbs: make(map[string]*keyDB)}
}

// plainAlgorithms are the host key algorithms for a host nothing is known
// about: no certificates, since nobody is known who could have signed them.
var plainAlgorithms = [...]string{
	ssh.KeyAlgoED25519,
	ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512,
}

// unknownKey is why a host that was not met before is refused.
type unknownKey struct {
	hop hop
	key ssh.PublicKey
}

func (u *unknownKey) Error() string {
	return fmt.Sprintf("its %s key %s is not known", keyType(u.key), ssh.FingerprintSHA256(u.key))
}

// keyType names a key the way ssh-keygen -l does.
func keyType(k ssh.PublicKey) string {
	t := strings.TrimPrefix(k.Type(), "ssh-")
	if strings.HasPrefix(t, "ecdsa-") {
		t = "ecdsa"
	}
	return strings.ToUpper(t)
}

// files lists the known_hosts files for h; new keys go to the first.
func (k *knownKeys) files(h hop) []string {
	files := h.knownHosts
	if len(files) == 0 {
		files = []string{filepath.Join(k.home, ".ssh", "known_hosts"), filepath.Join(k.home, ".ssh", "known_hosts2")}
	}
	return append(files[:len(files):len(files)], systemKnownHosts()...)
}

// algorithms orders the host key algorithms for h by what is known of it:
// asked for another type of key, the host would seem to have changed its own.
func (k *knownKeys) algorithms(h hop) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	db, err := k.db(h)
	if err != nil {
		return nil, err
	}
	list := db.HostKeyAlgorithms(h.keyName())
	for _, a := range plainAlgorithms {
		if !contains(list, a) {
			list = append(list, a)
		}
	}
	return list, nil
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// db reads the files for h, once.
func (k *knownKeys) db(h hop) (*keyDB, error) {
	files := k.files(h)
	id := strings.Join(files, "\x00")
	if db := k.dbs[id]; db != nil {
		return db, nil
	}
	db := &keyDB{names: make(map[string]string)}
	var there, temp []string
	defer func() {
		for _, f := range temp {
			_ = os.Remove(f)
		}
	}()
	for _, f := range files {
		copied, err := readable(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, &Error{Op: "read " + f, Kind: Settings, Err: err}
		}
		if copied != "" {
			temp = append(temp, copied)
			db.names[copied] = f
			f = copied
		}
		there = append(there, f)
	}
	var err error
	if db.HostKeyDB, err = knownhosts.NewDB(there...); err != nil {
		return nil, &Error{Op: "read known hosts", Kind: Settings, Err: err}
	}
	k.dbs[id] = db
	return db, nil
}

// readable checks that the library can read path. Lines it cannot read (a key
// type of another age, a typing error) are skipped, as ssh(1) does: then it
// returns the name of a copy that has them empty, so that lines keep their
// numbers.
func readable(path string) (copied string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if _, err := xknownhosts.New(path); err == nil {
		return "", nil
	}
	f, err := os.CreateTemp("", "lvsdeploy-known-hosts-")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for line := range bytes.Lines(text) {
		one := bytes.TrimSpace(line)
		if len(one) > 0 && one[0] != '#' && !readableLine(one) {
			line = []byte("\n")
		}
		if _, err := f.Write(line); err != nil {
			return f.Name(), err
		}
	}
	return f.Name(), nil
}

func readableLine(line []byte) bool {
	f, err := os.CreateTemp("", "lvsdeploy-known-hosts-")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(line); err != nil {
		return false
	}
	_, err = xknownhosts.New(f.Name())
	return err == nil
}

// check decides about key as the host key of h, called name in messages.
// With acceptNew an unknown key is added to known_hosts.
func (k *knownKeys) check(h hop, name string, key ssh.PublicKey, acceptNew bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.verdict(h, name, key)
	var unknown *unknownKey
	if errors.As(err, &unknown) && acceptNew {
		return k.add(h, name, key)
	}
	return err
}

// verdict is check without adding; the caller holds k.mu.
func (k *knownKeys) verdict(h hop, name string, key ssh.PublicKey) error {
	db, err := k.db(h)
	if err != nil {
		return err
	}
	err = db.HostKeyCallback()(h.keyName(), &net.TCPAddr{IP: net.IPv4zero, Port: 1}, key)
	if err == nil {
		return nil
	}
	fail := func(err error, hint string) error {
		op := fmt.Sprintf("trust %s (%s)", name, h.addr())
		if name == h.host {
			op = "trust " + h.addr()
		}
		return &Error{Host: name, Op: op, Kind: HostKey, Err: err, Hint: hint}
	}
	var revoked *xknownhosts.RevokedError
	if errors.As(err, &revoked) {
		return fail(fmt.Errorf("its %s key %s is marked @revoked in %s", keyType(key), ssh.FingerprintSHA256(key),
			db.where(revoked.Revoked)), "give the host new keys (ssh-keygen -A), or find out who answers there")
	}
	var differs *xknownhosts.KeyError
	if !errors.As(err, &differs) {
		return fail(errors.New(strings.TrimPrefix(err.Error(), "ssh: ")), "")
	}
	if len(differs.Want) == 0 {
		return fail(&unknownKey{hop: h, key: key}, "compare it with the output of: ssh-keygen -lf /etc/ssh/ssh_host_"+
			strings.ToLower(keyType(key))+"_key.pub on the host; then --accept-new adds it to known_hosts")
	}
	want := differs.Want[0]
	for _, w := range differs.Want {
		if w.Key.Type() == key.Type() {
			want = w
		}
	}
	file, _, _ := strings.Cut(db.where(want), ":")
	return fail(fmt.Errorf("its %s key %s is not the one in %s", keyType(key), ssh.FingerprintSHA256(key), db.where(want)),
		fmt.Sprintf("was it reinstalled? then: ssh-keygen -f %s -R '%s'; if not, somebody else may be answering", file, knownhosts.Normalize(h.keyName())))
}

// where names a line of known_hosts.
func (db *keyDB) where(k xknownhosts.KnownKey) string {
	file := k.Filename
	if name, ok := db.names[file]; ok {
		file = name
	}
	return fmt.Sprintf("%s:%d", file, k.Line)
}

// add appends key to known_hosts, unless somebody else has done so meanwhile.
// The file is only ever appended to. The caller holds k.mu.
func (k *knownKeys) add(h hop, name string, key ssh.PublicKey) error {
	path := k.files(h)[0]
	fail := func(err error) error {
		return &Error{Host: name, Op: fmt.Sprintf("add the key of %s to %s", name, path), Kind: HostKey, Err: plainPath(err)}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fail(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	if err := lockFile(f); err != nil {
		return fail(err)
	}
	k.dbs = make(map[string]*keyDB) // read it again, now that nobody else writes
	err = k.verdict(h, name, key)
	var unknown *unknownKey
	if !errors.As(err, &unknown) {
		return err
	}
	pattern := knownhosts.Normalize(h.keyName())
	if h.hashNames {
		pattern = xknownhosts.HashHostname(pattern)
	}
	line := fmt.Sprintf("%s %s", pattern, ssh.MarshalAuthorizedKey(key))
	if size, err := f.Seek(0, io.SeekEnd); err == nil && size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	if _, err := f.WriteString(line); err != nil {
		return fail(err)
	}
	if err := f.Sync(); err != nil {
		return fail(err)
	}
	k.dbs = make(map[string]*keyDB)
	return nil
}

func plainPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// askable returns the unknown host key that err is about, if the operator can
// be asked about it and has not been yet.
func (d *dialer) askable(ctx context.Context, err error) *unknownKey {
	var u *unknownKey
	if d.cfg.Terminal == nil || ctx.Err() != nil || !errors.As(err, &u) || u.hop.strict || d.vouched[u.id()] {
		return nil
	}
	return u
}

// askUnknown asks once about all host keys that are not known, adds those the
// operator vouches for, and returns the targets that are worth another try;
// the others end here.
func (d *dialer) askUnknown(open []unanswered, ended func(string, Result)) []Target {
	if len(open) == 0 {
		return nil
	}
	d.forgetGateways()
	slices.SortFunc(open, func(a, b unanswered) int { return d.order[a.target.Name] - d.order[b.target.Name] })
	var unknown []*unknownKey
	var question strings.Builder
	asked := make(map[string]bool)
	for _, o := range open {
		if u := o.key; !asked[u.id()] {
			asked[u.id()] = true
			unknown = append(unknown, u)
			fmt.Fprintf(&question, "  %-12s %-24s %s %s\n", u.hop.name, u.hop.addr(), keyType(u.key), ssh.FingerprintSHA256(u.key))
		}
	}
	yes, err := d.ask.confirm("these host keys are not known yet:\n" + question.String() + "add them to known_hosts and go on?")
	vouched := err == nil && yes
	failed := make(map[string]error)
	for _, u := range unknown {
		if !vouched {
			break
		}
		d.vouched[u.id()] = true
		d.known.mu.Lock()
		if err := d.known.add(u.hop, u.hop.name, u.key); err != nil {
			failed[u.id()] = err
		}
		d.known.mu.Unlock()
	}
	var retry []Target
	for _, o := range open {
		switch err := failed[o.key.id()]; {
		case !vouched:
			ended(o.target.Name, Result{Err: o.err})
		case err != nil:
			ended(o.target.Name, Result{Err: d.settingsError(o.target.Name, err)})
		default:
			retry = append(retry, o.target)
		}
	}
	return retry
}

func (u *unknownKey) id() string { return u.hop.keyName() + " " + string(u.key.Marshal()) }

// nonce returns random text that nothing else contains.
func nonce() string { return rand.Text() }
