package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// programs are what the lab runs, and the Debian packages they are in.
// The Makefile's for_lab installs the same.
var programs = []struct{ program, pkg string }{
	{"linux.uml", "user-mode-linux"},
	{"gcc", "gcc libc6-dev"},
	{"mmdebstrap", "mmdebstrap"},
	{"dpkg-scanpackages", "dpkg-dev"},
	{"mkfs.ext4", "e2fsprogs"},
	{"ip", "iproute2"},
	{"ethtool", "ethtool"},
	{"ssh", "openssh-client"},
	{"ssh-keygen", "openssh-client"},
	{"setsid", "util-linux"},
	{"taskset", "util-linux"},
	{"unshare", "util-linux"},
}

// Check says whether this system can run a lab, and if not all that is missing.
func Check() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("cannot run a lab on %s/%s: its machines are User-Mode Linux, which needs Linux on x86-64", runtime.GOOS, runtime.GOARCH)
	}
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("cannot run a lab as an ordinary user: network namespaces and the disk image need root (try sudo)"))
	}
	if _, err := os.Stat("/proc/self/ns/net"); err != nil {
		errs = append(errs, errors.New("cannot run a lab here: the kernel has no network namespaces"))
	}
	var missing, packages []string
	for _, p := range programs {
		if _, err := exec.LookPath(p.program); err == nil {
			continue
		}
		if _, err := os.Stat("/usr/sbin/" + p.program); err == nil {
			errs = append(errs, fmt.Errorf("cannot run %s: it is in /usr/sbin, which PATH lacks (su - sets it, su does not)", p.program))
			continue
		}
		missing = append(missing, p.program)
		if !slices.Contains(packages, p.pkg) {
			packages = append(packages, p.pkg)
		}
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("cannot find %s: apt-get install %s", strings.Join(missing, ", "), strings.Join(packages, " ")))
	}
	return errors.Join(errs...)
}
