package tasks

import (
	"fmt"
	"net/netip"

	"github.com/lvsdeploy/lvsdeploy/shell"
)

// Served proves that a page is answered with a status below 400 at the
// host's own address, with whatever can fetch a page there.
func Served(address netip.Addr, port uint16, path string) Task {
	url := fmt.Sprintf("http://%s:%d%s", address, port, path)
	return Task{
		Name: "see that " + url + " answers",
		Check: shell.F(`tried=0
while [ $tried -lt 4 ]; do
  ! fetch %s %s %s >/dev/null 2>&1 || exit 0
  tried=$((tried + 1))
  sleep 1
done
said=$(fetch %s %s %s 2>&1) && exit 0
printf '%%s\n' "$said" | tail -n 3
exit 1`, address, port, path, address, port, path),
		Hint: "the web server's error log says why; with an NFS mount, is the page there and readable for everyone?",
	}
}
