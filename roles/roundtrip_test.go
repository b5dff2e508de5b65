package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/roles"
)

// TestAcceptedRoundTrips: whatever the loader lets through arrives on a host
// as it was written: texts byte for byte, names and paths in the files that
// are meant for others to read.
func TestAcceptedRoundTrips(t *testing.T) {
	for i, index := range []string{
		`quotes ' " $(touch /canary) ` + "`touch /canary`" + ` \n \\ %n %% ${IFS} & | ; < > # ! * ? [a] {b,c} ~`,
		`END`, `-n`, ` two  spaces `, `é 中文 🙂`, `\`, `'`, `@nonce task 0 ok x`,
	} {
		t.Run(fmt.Sprintf("%q", index), func(t *testing.T) {
			t.Parallel()
			roundTrip(t, i, index)
		})
	}
}

func roundTrip(t *testing.T, i int, index string) {
	t.Helper()
	const path = "/check?a=[1-2]&b={c}%20'$(touch+/canary);!*~"
	source := strings.Replace(usual, `index = "this is 20 20"`, fmt.Sprintf("index = %q", index), 1)
	source = strings.Replace(source, "port = 80\n", fmt.Sprintf("port = 80\ncheck_path = %q\n", strings.NewReplacer("{", "%7B", "}", "%7D").Replace(path)), 1)
	in := input(t, source, inventory.NAT, "debian12")
	plan := roles.NAT(in)
	h := fakehost.New(t, fakehost.Options{Shell: fakehost.Shells()[i%3], Interfaces: []fakehost.Interface{{Name: "ens33", Addresses: []string{"192.168.1.30/24"}}}})
	var out strings.Builder
	code := h.Exec(t.Context(), "", impatient(compile(plan, in.Cluster, "web-index", false)), strings.NewReader(strings.Repeat("go   \n", 9)), &out, nil)
	// the page of that path is not there: the proof fails, and names it; an impatient program goes on
	if code != 0 || !strings.Contains(out.String(), " failed see that http://192.168.1.30:80/check") || h.Exists("/canary") {
		t.Errorf("%q: exit %d\n%s", index, code, out.String())
	}
	if got, err := h.ReadFile("/var/www/html/index.html"); string(got) != index+"\n" {
		t.Errorf("%q arrived as %q, %v", index, got, err)
	}
	if got, _, _ := h.Run("IFACE=ens33 /etc/network/if-up.d/lvsdeploy-shop-gateway; ip route | grep -c '^default via 192.168.1.10'"); strings.TrimSpace(got) != "1" {
		t.Errorf("the hook for the boot does not set the route: %q", got)
	}
}
