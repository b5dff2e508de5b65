package tasks

import (
	"fmt"
	"net/netip"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Page is one that a web server has.
type Page struct {
	Address netip.Addr
	Port    uint16
	Path    string
}

// AllServe proves of several servers what Served does of one.
func AllServe(name string, pages []Page) Task {
	var list shell.Fragment
	for _, p := range pages {
		list += shell.F(" \\\n  %s %s %s", p.Address, p.Port, p.Path)
	}
	return Task{
		Name: name,
		Check: "set --" + list + shell.F(`
! all_serve "$@" || exit 0
[ -z "${brief-}" ] || exit 1
tried=0
while said=$(silent "$@") && [ -n "$said" ]; do
  tried=$((tried + 1))
  case $said in
  *'no answer within'*) tried=4 ;; # that was long enough
  esac
  [ $tried -lt 4 ] || { printf '%%s\n' "$said"; exit 1; }
  sleep 1
done`),
		Hint: "look at these servers: is the page there, does the web server run, is a firewall between?",
	}
}

// Served proves that a page is answered at the host's own address, with whatever
// can fetch a page there: with a status below 400, or, if file says where it is
// stored, with what that file has. Another virtual host, another document root
// or a redirect of the web server's would answer as well.
func Served(address netip.Addr, port uint16, path, file string) Task {
	url := fmt.Sprintf("http://%s:%d%s", address, port, path)
	words := shell.F("%s %s %s", address, port, path)
	hint := "the web server's error log says why; with an NFS mount, is the page there and readable for everyone?"
	if file != "" {
		words += shell.F(" %s", file)
		hint += " If it serves another page: apachectl -S lists the virtual hosts, of which one may come first or have another DocumentRoot"
	}
	return Task{
		Name: "see that " + url + " answers",
		Check: shell.F(`tried=0
until said=$(fetch %s 2>&1); do
  tried=$((tried + 1))
  case $said in
  *'no answer within'*) tried=5 ;; # that was long enough
  esac
  if [ -n "${brief-}" ] || [ $tried -ge 5 ]; then
    printf '%%s\n' "$said" | tail -n 3
    exit 1
  fi
  sleep 1
done`, words),
		Hint: hint,
	}
}
