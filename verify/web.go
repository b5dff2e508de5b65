package verify

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// documentRoot is where both httpd and apache2 serve from as packaged.
const documentRoot = "/var/www/html"

// mountedOn is the directory that a mount for the document root is on: systemd
// and the kernel know no path with a link in it.
func mountedOn(f facts) string {
	if www := f.word("docroot"); f.ok("docroot") && strings.HasPrefix(www, "/") {
		return path.Join(www, path.Base(documentRoot))
	}
	return documentRoot
}

// gateway finds the default route that is used: the one of the lowest metric.
func gateway(lines []string) string {
	via, best := "", -1
	for _, line := range lines {
		w := strings.Fields(line)
		if len(w) < 3 || w[0] != "default" {
			continue
		}
		metric, hop := 0, "dev "+valueOf(w, "dev")
		if v := valueOf(w, "via"); v != "" {
			hop = v
		}
		if m := valueOf(w, "metric"); m != "" {
			metric, _ = strconv.Atoi(m)
		}
		if best < 0 || metric < best {
			via, best = hop, metric
		}
	}
	return via
}

func valueOf(words []string, key string) string {
	for i := 0; i+1 < len(words); i++ {
		if words[i] == key {
			return words[i+1]
		}
	}
	return ""
}

func defaultGateway(c *inventory.Cluster, _ *inventory.Web, f facts) []Check {
	want := c.Director.Address.String()
	hint := fmt.Sprintf("run `ip route replace default via %s`, or deploy again to keep it for the next boot", want)
	switch got := gateway(f.lines("route")); got {
	case want:
		return []Check{good(nameGateway, "the default gateway is the director, %s", want)}
	case "":
		return []Check{bad(nameGateway, "there is no default gateway: replies must go through the director, "+want, hint)}
	default:
		return []Check{bad(nameGateway, fmt.Sprintf("the default gateway is %s: replies must go through the director, %s", got, want), hint)}
	}
}

// source is what a web's mount is mounted from.
func source(c *inventory.Cluster, w *inventory.Web) string {
	return c.NFS.Address.String() + ":" + path.Clean(w.Mount)
}

// entryOf finds what is mounted on a directory, last first, in the form that
// /proc/self/mounts and fstab share. An automount that waits is nothing mounted.
func entryOf(lines []string, dir string) (from, kind string) {
	for _, line := range lines {
		w := strings.Fields(line)
		if len(w) < 3 || strings.HasPrefix(w[0], "#") || path.Clean(unescape(w[1])) != dir || w[2] == "autofs" {
			continue
		}
		from, kind = unescape(w[0]), w[2]
	}
	if host, dir, ok := strings.Cut(from, ":"); ok {
		from = host + ":" + path.Clean(dir)
	}
	return from, kind
}

// unescape undoes the octal escapes of fstab(5).
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func mountPresent(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	if w.Mount == "" || c.NFS == nil {
		return nil
	}
	want := source(c, w)
	from, kind := entryOf(f.lines("mounts"), mountedOn(f))
	hint := fmt.Sprintf("run `mount %s %s`, or deploy again", want, documentRoot)
	switch {
	case from == "":
		return []Check{bad(nameMount, fmt.Sprintf("the NFS mount %s on %s is gone", want, documentRoot), hint)}
	case from != want || !strings.HasPrefix(kind, "nfs"):
		return []Check{bad(nameMount, fmt.Sprintf("%s is mounted on %s, not %s", from, documentRoot, want), hint)}
	}
	return []Check{good(nameMount, "%s is mounted on %s", want, documentRoot)}
}

func mountAnswers(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	if w.Mount == "" || c.NFS == nil {
		return nil
	}
	switch {
	case f.killed("root"):
		return []Check{bad(nameMountAnswers, documentRoot+" does not answer within 5 s: the NFS server is away",
			"look at "+c.NFS.Name+": is it up, is nfs-server running?")}
	case !f.ok("root"):
		return []Check{bad(nameMountAnswers, documentRoot+" cannot be read: "+f.said("root"),
			fmt.Sprintf("run `umount -l %s && mount %s`; is the export still there on %s?", documentRoot, documentRoot, c.NFS.Name))}
	}
	return []Check{good(nameMountAnswers, "%s can be read", documentRoot)}
}

// exportOffered asks the NFS server as the web sees it. A server without
// mountd's protocol may refuse the question: a mount that works is the answer then.
func exportOffered(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	if w.Mount == "" || c.NFS == nil {
		return nil
	}
	want := path.Clean(w.Mount)
	if f.ok("offered") {
		for _, line := range f.lines("offered") {
			if dir, ok := strings.CutPrefix(line, want); ok && (dir == "" || strings.TrimLeft(dir, " \t") != dir) {
				return []Check{good(nameOffered, "%s offers %s", c.NFS.Name, want)}
			}
		}
		return []Check{bad(nameOffered, fmt.Sprintf("%s does not offer %s", c.NFS.Name, want), "run `exportfs -ra` on "+c.NFS.Name+", or deploy again")}
	}
	if from, _ := entryOf(f.lines("mounts"), mountedOn(f)); from == source(c, w) && f.ok("root") {
		return []Check{good(nameOffered, "%s answers from %s", source(c, w), documentRoot)}
	}
	return []Check{bad(nameOffered, fmt.Sprintf("cannot ask %s for its exports: %s", c.NFS.Name, f.said("offered")), "look at the checks of "+c.NFS.Name)}
}

func mountAtBoot(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	if w.Mount == "" || c.NFS == nil {
		return nil
	}
	from, _ := entryOf(f.lines("fstab"), mountedOn(f))
	if from != source(c, w) {
		return []Check{bad(nameMountBoot, fmt.Sprintf("/etc/fstab does not mount %s on %s", source(c, w), documentRoot), redeploy)}
	}
	return []Check{good(nameMountBoot, "/etc/fstab mounts %s", from)}
}

// webUnit is the unit of the web server that is installed.
func webUnit(f facts) (unit, enabled string) {
	for _, line := range f.lines("units") {
		w := strings.Fields(line)
		if len(w) >= 2 && (w[0] == "httpd.service" || w[0] == "apache2.service") {
			unit, enabled = strings.TrimSuffix(w[0], ".service"), w[1]
			if enabled == "enabled" {
				return unit, enabled
			}
		}
	}
	return unit, enabled
}

func webService(_ *inventory.Cluster, _ *inventory.Web, f facts) []Check {
	unit, _ := webUnit(f)
	if unit == "" {
		return []Check{bad(nameWeb, "no web server is installed: neither httpd nor apache2", redeploy)}
	}
	if state := f.word("active-" + unit); state != "active" {
		return []Check{bad(nameWeb, fmt.Sprintf("%s is not running: %s", unit, state), fmt.Sprintf("run `systemctl start %s`; why it stopped: `journalctl -u %s`", unit, unit))}
	}
	return []Check{good(nameWeb, "%s is running", unit)}
}

func webAtBoot(_ *inventory.Cluster, _ *inventory.Web, f facts) []Check {
	unit, enabled := webUnit(f)
	switch {
	case unit == "":
		return nil // said by webService
	case enabled != "enabled":
		return []Check{bad(nameWebBoot, fmt.Sprintf("%s is not enabled: %s", unit, enabled), "run `systemctl enable "+unit+"`")}
	}
	return []Check{good(nameWebBoot, "%s is enabled", unit)}
}

// errNoTool is said when a web has nothing to ask itself with.
var errNoTool = errors.New("no curl, wget or perl there")

// parsePage reads what the web's own request brought: curl and perl print the
// whole answer, wget the body only.
func parsePage(f facts) (page, error) {
	out := strings.Join(f.lines("page"), "\n")
	wget := !f.ok("tool-curl") && f.ok("tool-wget")
	switch {
	case f["page"].status == 127:
		return page{}, errNoTool
	case !f.ok("page"):
		return page{}, fmt.Errorf("no answer: %s", f.said("page"))
	case wget:
		return pageOf(200, out), nil
	}
	head, body, _ := strings.Cut(strings.ReplaceAll(out, "\r", ""), "\n\n")
	w := strings.Fields(head)
	if len(w) < 2 || !strings.HasPrefix(w[0], "HTTP/") {
		return page{}, fmt.Errorf("no HTTP answer: %s", firstLine(out))
	}
	status, _ := strconv.Atoi(w[1])
	p := pageOf(status, body)
	if status >= 400 {
		return p, fmt.Errorf("HTTP status %d", status)
	}
	return p, nil
}

func pageServed(c *inventory.Cluster, w *inventory.Web, f facts) []Check {
	at := probeOf(c, w)
	if !at.tcp {
		return nil
	}
	p, err := parsePage(f)
	switch {
	case errors.Is(err, errNoTool):
		return []Check{good(namePage, "could not be tried on the host itself: %v", err)}
	case err != nil:
		return []Check{bad(namePage, fmt.Sprintf("http://%s%s is not served on the host itself: %v", at.addr, at.path, err),
			"look at the web server's error log there")}
	}
	return []Check{good(namePage, "http://%s%s: %s", at.addr, at.path, p.first)}
}
