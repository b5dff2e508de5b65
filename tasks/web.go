package tasks

import (
	"net/netip"
	"path"
	"strconv"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/templates"
)

// A web server that runs may be somebody's: it is never stopped, and reads its
// files anew only after they were tested and their ports are known to be free.

// webFile is our file for a port among the web server's.
func (p Platform) webFile(cluster, port string) string {
	return path.Join(p.WebConf, "lvsdeploy-"+cluster+"-"+port+".conf")
}

// PortServed has the web server answer on a port beside those that its own
// files name. Where they have it listen there already it gets no second Listen,
// with which it would not start; where they have a virtual host for the port,
// nothing. At are the addresses that clients connect to.
func PortServed(p Platform, cluster string, port uint16, at []netip.Addr) Task {
	n := strconv.Itoa(int(port))
	file := p.webFile(cluster, n)
	render := func(listen string) string {
		return templates.Render("httpd", map[string]string{"Cluster": cluster, "Port": n, "DocumentRoot": p.DocRoot, "Listen": listen})
	}
	whole, host := render("yes"), render("")
	var addresses []string
	for _, a := range at {
		addresses = append(addresses, a.String())
	}
	covered := shell.F("web_covers %s %s %s %v", p.WebControl, n, file, addresses)
	return Task{
		Name:   "have " + p.WebService + " serve port " + n,
		Direct: true,
		Check: shell.Lines(
			shell.F("if [ -e %s ]; then", file),
			shell.Heredoc(shell.F("same %s >/dev/null", file), whole, "&& return 0"),
			shell.Heredoc(shell.F("same %s >/dev/null", file), host, "&& return 0"),
			shell.F(`elif %s 2>/dev/null && [ -z "$open$hosted" ]; then
  return 0 # by files that are not ours
fi`, covered),
			shell.Heredoc(shell.F("same %s", file), whole, "|| return 1")),
		Apply: shell.Lines(
			shell.F(`%s
if [ -n "$open" ]; then
  [ -z "$elsewhere" ] || {
    echo %s "$elsewhere"
    exit 1
  }
  held=$(holders %s | grep -v %s) || held=
  [ -z "$held" ] || {
    echo %s "$held"
    exit 1
  }
fi
was=$(mktemp)
[ ! -e %s ] || cat %s >"$was"
if [ -n "$open" ]; then`, covered, p.WebService+" listens on port "+n+", but not where clients connect to:", n, "^"+p.WebService+" ",
				"port "+n+" is taken by", file, file),
			shell.Heredoc(shell.F("put %s 0644", file), whole),
			`elif [ -n "$hosted" ]; then`,
			shell.Heredoc(shell.F("put %s 0644", file), host),
			"else", shell.F("rm -f %s", file), "fi",
			shell.F(`said=$(%s -t 2>&1) && {
  rm -f "$was"
  exit
}
if [ -s "$was" ]; then put %s 0644 <"$was"; else rm -f %s; fi
rm -f "$was"
echo %s
printf '%%s\n' "$said"
exit 1`, p.WebControl, file, file, p.WebService+" does not take "+file+", which was taken away again:")),
		Notify: p.WebService,
		Owns:   []string{"file " + file},
		Files:  []File{{Path: file, Mode: "0644", Content: whole}},
		Hint: p.WebService + " was not touched, and goes on as before; " + p.WebControl + " -S lists its virtual hosts, ss -ltnp who listens where. " +
			"Another port for this server is its `port` in the inventory",
	}
}

// webSound asks what has to be so before the web server is started or reads its
// files anew: they are valid, and nobody else is where it is to listen. It sets
// ports to those.
func webSound(p Platform) shell.Fragment {
	return shell.F(`has=$(web_has %s)
ports=$(printf '%%s\n' "$has" | awk '$1 == "listen" { print $3 }' | sort -u)
held=
for port in $ports; do
  by=$(holders "$port" | grep -v %s) || by=
  [ -z "$by" ] || held="${held}port $port is taken by $by$newline"
done
[ -z "$held" ] || {
  echo %s
  printf %%s "$held"
  exit 1
}`, p.WebControl, "^"+p.WebService+" ", p.WebService+" was not touched: it could not listen")
}

// webWithout starts the web server without our files, as it does not run with
// them, and fails.
func webWithout(p Platform, cluster string) shell.Fragment {
	return shell.F(`said=$(systemctl status --no-pager --lines 5 %s 2>&1) || :
for file in %s*.conf; do
  [ ! -e "$file" ] || restore "$file"
done
if systemctl start %s; then
  echo %s
else
  echo %s
fi
printf '%%s\n' "$said"
exit 1`, p.WebService, path.Join(p.WebConf, "lvsdeploy-"+cluster+"-"), p.WebService,
		p.WebService+" did not run with what was put into "+p.WebConf+": that was taken away again, and it runs",
		p.WebService+" does not start, not even without what was put into "+p.WebConf)
}

// WebServer enables the web server, and starts it if it can run.
func WebServer(p Platform, cluster string) Task {
	t := Service(p, p.WebService, p.WebService)
	t.Apply = shell.Lines(shell.F("systemctl is-active --quiet %s || {", p.WebService), webSound(p), "}",
		shell.F(`remember_unit %s
systemctl enable --quiet %s
systemctl start %s || {`, p.WebService, p.WebService, p.WebService), webWithout(p, cluster), "}")
	t.Hint += "; ss -ltnp shows who listens on which port"
	return t
}

// WebReload is the handler that has the web server read its files: without a
// stop, which connections would notice.
func WebReload(p Platform, cluster string) Task {
	return Handler(p.WebService, Task{
		Name:  "reload " + p.WebService,
		Check: "exit 1",
		Apply: shell.Lines(webSound(p), shell.F(`systemctl is-active --quiet %s || {
  systemctl start %s
  exit
}
systemctl reload %s || :
# it reads them in its own time, and ends where it cannot listen
waited=0
while systemctl is-active --quiet %s; do
  missing=
  ! command -v ss >/dev/null || for port in $ports; do
    [ -n "$(holders "$port")" ] || missing=$port
  done
  [ -n "$missing" ] || exit 0
  waited=$((waited + 1))
  [ $waited -lt 50 ] || break
  sleep 0.2
done`, p.WebService, p.WebService, p.WebService, p.WebService), webWithout(p, cluster)),
		Hint: p.WebControl + " -t tests its configuration; systemctl status " + p.WebService + " and journalctl -u " + p.WebService + " say more",
	})
}

// webReloadGone is the same after files of ours were taken away: what is wrong
// in those that are left is not ours, and the web server runs on with what it
// has read.
func webReloadGone(p Platform) Task {
	return Handler(p.WebService, Task{
		Name:  "reload " + p.WebService,
		Check: "exit 1",
		Apply: shell.F(`systemctl is-active --quiet %s || exit 0
said=$(%s -t 2>&1) || {
  echo %s
  printf '%%s\n' "$said"
  exit 1
}
systemctl reload %s`, p.WebService, p.WebControl, p.WebService+" runs on with what it has read: its configuration is not valid", p.WebService),
		Hint: p.WebControl + " -t tests its configuration",
	})
}

// WebReader has the web server notice that a file of ours is gone.
func WebReader(p Platform) Reader { return Reader{Below: p.WebConf, Handler: webReloadGone(p)} }
