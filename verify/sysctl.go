package verify

import (
	"fmt"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// setting is a line of a file of sysctl.d.
type setting struct{ file, key, value string }

// settings are the lines in the order in which systemd-sysctl applies them: by
// the file's name, whatever its directory.
func settings(f facts) []setting {
	var all []setting
	for _, line := range f.lines("sysctl") {
		file, assignment, ok := strings.Cut(line, ":")
		key, value, ok2 := strings.Cut(assignment, "=")
		if ok && ok2 {
			key = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(key), "-"))
			all = append(all, setting{file, sysctlKey(key), strings.TrimSpace(value)})
		}
	}
	sort.SliceStable(all, func(i, k int) bool { return path.Base(all[i].file) < path.Base(all[k].file) })
	return all
}

// sysctlKey is a key with slashes, however it was written: with dots between
// its parts, a slash stands for a dot in an interface's name (sysctl.d(5)).
func sysctlKey(key string) string {
	if i := strings.IndexAny(key, "./"); i < 0 || key[i] == '/' {
		return key
	}
	return strings.NewReplacer(".", "/", "/", ".").Replace(key)
}

// keyPart is an interface's name within a key that is written with dots.
func keyPart(dev string) string { return strings.ReplaceAll(dev, ".", "/") }

func confKey(dev, name string) string { return "net.ipv4.conf." + keyPart(dev) + "." + name }

// kept is what the next boot sets a key to: the last line that names it, or
// else the last pattern that fits.
func kept(all []setting, key string) (setting, bool) {
	var exact, pattern *setting
	for i := range all {
		switch ok, _ := path.Match(all[i].key, key); {
		case all[i].key == key:
			exact = &all[i]
		case ok:
			pattern = &all[i]
		}
	}
	switch {
	case exact != nil:
		return *exact, true
	case pattern != nil:
		return *pattern, true
	}
	return setting{}, false
}

// conf is a live setting of net.ipv4.conf; -1: not known.
func conf(f facts, dev, name string) int {
	want := "/proc/sys/net/ipv4/conf/" + dev + "/" + name + ":"
	for _, line := range f.lines("conf") {
		if v, ok := strings.CutPrefix(line, want); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
				return n
			}
		}
	}
	return -1
}

// confKept is what the next boot sets a setting of net.ipv4.conf to; the
// kernel's own value is 0 for arp_ignore and arp_announce, 1 for send_redirects.
func confKept(all []setting, dev, name string) int {
	if s, ok := kept(all, "net/ipv4/conf/"+dev+"/"+name); ok {
		n, err := strconv.Atoi(s.value)
		if err != nil {
			return -1
		}
		return n
	}
	if name == "send_redirects" {
		return 1
	}
	return 0
}

func forwardAtBoot(f facts, want string) []Check {
	last, ok := kept(settings(f), "net/ipv4/ip_forward")
	switch {
	case !ok && want == "0":
		return []Check{good(nameForwardBoot, "no file in sysctl.d turns net.ipv4.ip_forward on")}
	case !ok:
		return []Check{bad(nameForwardBoot, "no file in sysctl.d keeps net.ipv4.ip_forward for the next boot", redeploy)}
	case last.value != want:
		return []Check{bad(nameForwardBoot, fmt.Sprintf("%s sets net.ipv4.ip_forward to %s at boot", last.file, last.value),
			"take the line out of "+last.file)}
	}
	return []Check{good(nameForwardBoot, "%s keeps net.ipv4.ip_forward", last.file)}
}

func forwardingAtBoot(_ *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	return forwardAtBoot(f, "1")
}

// noRouterAtBoot: without a file the kernel itself begins with 0.
func noRouterAtBoot(_ *inventory.Cluster, _ inventory.Mode, f facts) []Check {
	return forwardAtBoot(f, "0")
}
