package lab

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// seedFile is a file of the seed, a directory (its name ends in /) or, with the
// mode link, a symbolic link to text.
type seedFile struct {
	name string
	mode int64
	uid  int
	text []byte
}

const link = -1

// seed is the tar archive that makes a machine out of the image, which knows
// nothing of its name, keys and addresses. It is the second disk, and unpacked
// at the first boot by image/files/usr/lib/lvslab/init. salt makes the machine
// id, which must differ between labs and be the same at every boot.
func seed(m Machine, hostKey, hostKeyPub, authorized []byte, salt string) ([]byte, error) {
	id := sha256.Sum256([]byte(salt + "\n" + m.Name))
	const root, admin, ops = 0, 1000, 1001
	k, err := kindOf(m.Image)
	if err != nil {
		return nil, err
	}
	files := append([]seedFile{
		{"etc/hostname", 0o644, root, []byte(m.Name + "\n")},
		{"etc/hosts", 0o644, root, []byte("127.0.0.1\tlocalhost\n127.0.1.1\t" + m.Name + "\n")},
		{"etc/machine-id", 0o444, root, []byte(hex.EncodeToString(id[:16]) + "\n")},
		{"etc/ssh/ssh_host_ed25519_key", 0o600, root, hostKey},
		{"etc/ssh/ssh_host_ed25519_key.pub", 0o644, root, hostKeyPub},
		{"etc/lvslab/nics", 0o644, root, []byte(nicsFile(m))},
		{"root/.ssh/", 0o700, root, nil},
		{"root/.ssh/authorized_keys", 0o600, root, authorized},
		{"home/admin/.ssh/", 0o700, admin, nil},
		{"home/admin/.ssh/authorized_keys", 0o600, admin, authorized},
		{"home/ops/.ssh/", 0o700, ops, nil},
		{"home/ops/.ssh/authorized_keys", 0o600, ops, authorized},
	}, k.seed(m)...)
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.uid, Gid: f.uid, Size: int64(len(f.text)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if f.mode == link {
			h.Typeflag, h.Mode, h.Linkname, h.Size = tar.TypeSymlink, 0o777, string(f.text), 0
			f.text = nil
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("cannot write the seed of %s: %w", m.Name, err)
		}
		if _, err := w.Write(f.text); err != nil {
			return nil, fmt.Errorf("cannot write the seed of %s: %w", m.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("cannot write the seed of %s: %w", m.Name, err)
	}
	// tar reads a disk in records of 10 KiB.
	const record = 20 * 512
	return append(buf.Bytes(), make([]byte, (record-buf.Len()%record)%record)...), nil
}

// nicsFile is what the machine's init reads: the kernel's name of each
// interface, the name it is to have, and the address to give it, or -.
func nicsFile(m Machine) string {
	var b strings.Builder
	for i, nic := range m.NICs {
		address := "-"
		if m.Network == "none" && nic.Address.IsValid() {
			address = nic.Address.String()
		}
		fmt.Fprintf(&b, "vec%d %s %s\n", i, nic.Interface, address)
	}
	return b.String()
}
