package verify

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

//go:embed testdata
var testdata embed.FS

func golden(t testing.TB, name string) string {
	t.Helper()
	b, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func goldenLines(t testing.TB, name string) []string {
	return strings.Split(strings.TrimRight(golden(t, name), "\n"), "\n")
}

// tutorial is the NAT cluster of the tutorial.
func tutorial() *inventory.Cluster {
	host := func(name, addr string) inventory.Host {
		return inventory.Host{Name: name, Address: netip.MustParseAddr(addr), Interface: "ens33"}
	}
	return &inventory.Cluster{
		File: "hosts.toml", Name: "shop", Mode: inventory.NAT,
		Network: netip.MustParsePrefix("192.168.1.0/24"),
		Director: inventory.Director{Host: host("director", "192.168.1.10"),
			WANInterface: "ens37", WANAddress: netip.MustParsePrefix("12.0.0.1/24")},
		Services: []inventory.Service{{VIP: netip.MustParseAddr("12.0.0.1"), Port: 80, Protocol: "tcp",
			Scheduler: "rr", Webs: []string{"web1", "web2"}, CheckPath: "/"}},
		Webs: []inventory.Web{
			{Host: host("web1", "192.168.1.20"), Weight: 1, Mount: "/opt/ka"},
			{Host: host("web2", "192.168.1.30"), Weight: 1, Mount: "/opt/kk"},
		},
		NFS: &inventory.NFS{Host: host("nfs", "192.168.1.40"), Exports: []inventory.Export{
			{Path: "/opt/ka", Index: "this is ka ka"}, {Path: "/opt/kk", Index: "this is kk kk"}}},
		Client: &inventory.Client{Host: host("client", "12.0.0.100")},
	}
}

// fake is a cluster whose requests are real and whose director schedules like
// IPVS: it keeps turns, counts and a connection table.
type fake struct {
	cluster *inventory.Cluster
	facts   map[string]string       // what a host's script prints
	down    map[string]error        // hosts that cannot be reached
	webs    map[string]*fakeWeb     // by real address
	order   func(turn int) string   // the real server of a turn
	source  netip.Addr              // of the requests
	drop    bool                    // nothing passes the director
	rewrite bool                    // the director sees other source ports than we do
	mute    bool                    // the director's program cannot be started
	foreign func(turn int) []string // connections of others after a turn
	loads   string                  // ipvsadm -Ln

	neighbour string // MAC that the workstation has for the VIP
	back      int    // bytes that each request adds to what the director carries back
	past      bool   // requests do not pass the director

	mu    sync.Mutex
	turn  int
	port  int
	table []string // /proc/net/ip_vs_conn
	wg    sync.WaitGroup
}

type fakeWeb struct {
	server *httptest.Server
	refuse bool
	silent bool
	viaVIP error // to who asks for the VIP
	garble bool  // what is longer than a segment, on the way through the director
}

func newFake(t *testing.T) *fake {
	f := &fake{
		cluster: tutorial(),
		facts: map[string]string{"director": golden(t, "director.txt"), "web1": golden(t, "web1.txt"),
			"web2": golden(t, "web2.txt"), "nfs": golden(t, "nfs.txt"),
			"client": "source=12.0.0.1 dev ens33 src 12.0.0.100 uid 0 \nsource=    cache \nsource?0\nend?0\n"},
		down:   map[string]error{},
		webs:   map[string]*fakeWeb{},
		source: netip.MustParseAddr("12.0.0.100"),
		port:   40000,
		loads:  golden(t, "ipvsadm-Ln.txt"),
	}
	f.addWeb(t, "192.168.1.20:80", "this is ka ka\n")
	f.addWeb(t, "192.168.1.30:80", "this is kk kk\n")
	f.order = f.inTurn("192.168.1.30:80", "192.168.1.20:80") // the kernel begins with the last added
	t.Cleanup(f.wg.Wait)
	return f
}

func (f *fake) addWeb(t *testing.T, addr, body string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == bigPages()[0] {
			body := strings.Repeat("<svg>", 20000)
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			fmt.Fprint(w, body)
			return
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	f.webs[addr] = &fakeWeb{server: s}
}

func (f *fake) inTurn(addrs ...string) func(int) string {
	return func(turn int) string { return addrs[turn%len(addrs)] }
}

func (f *fake) hosts() map[string]Host {
	hosts := map[string]Host{}
	for _, name := range hostNames(f.cluster) {
		hosts[name] = fakeHost{f, name}
		if err := f.down[name]; err != nil {
			hosts[name] = Unreachable(err)
		}
	}
	return hosts
}

func (f *fake) run(t *testing.T, o Options) *Result {
	t.Helper()
	o.Local = fakeHost{f, Local}
	o.Neighbour = func(netip.Addr) string { return f.neighbour }
	if o.Source == nil {
		o.Source = func(context.Context, netip.AddrPort) (netip.Addr, error) { return f.source, nil }
	}
	if o.Timeout == 0 {
		o.Timeout = 200 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := Run(ctx, f.cluster, f.hosts(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type fakeHost struct {
	f    *fake
	name string
}

func (h fakeHost) Output(_ context.Context, script string) ([]byte, error) {
	text, ok := h.f.facts[h.name]
	if !ok {
		return nil, fmt.Errorf("no facts of %s", h.name)
	}
	return []byte(text), nil
}

func (h fakeHost) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	f := h.f
	if w := f.webs[address]; w != nil {
		return w.dial(ctx)
	}
	return f.schedule(ctx, h.name)
}

func (w *fakeWeb) dial(ctx context.Context) (net.Conn, error) {
	if w.refuse {
		return nil, errors.New("connect: connection refused")
	}
	if w.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", w.server.Listener.Addr().String())
}

// schedule is a connection to the VIP.
func (f *fake) schedule(ctx context.Context, from string) (net.Conn, error) {
	f.mu.Lock()
	dest := f.order(f.turn)
	var others []string
	if f.foreign != nil {
		others = f.foreign(f.turn)
	}
	f.turn++
	f.port++
	port := uint16(f.port)
	if !f.past {
		f.note(netip.AddrPortFrom(f.source, port), dest)
	}
	for i, other := range others {
		f.note(netip.AddrPortFrom(netip.MustParseAddr("12.0.0.77"), uint16(1000+f.turn*16+i)), other)
	}
	f.mu.Unlock()
	if f.drop {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := f.webs[dest].viaVIP; err != nil {
		return nil, err
	}
	conn, err := f.webs[dest].dial(ctx)
	if err != nil {
		return nil, err
	}
	if f.webs[dest].garble {
		conn = garbling{conn}
	}
	end := netip.AddrPortFrom(f.source, port)
	if f.rewrite {
		end = netip.AddrPortFrom(netip.MustParseAddr("10.9.9.9"), port+7)
	}
	if from != Local { // as through SSH: where it comes from is not known
		end = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 0)
	}
	return knownEnd{conn, net.TCPAddrFromAddrPort(end)}, nil
}

func (f *fake) note(from netip.AddrPort, dest string) {
	d := netip.MustParseAddrPort(dest)
	vip := f.cluster.Services[0].Endpoint()
	f.table = append(f.table, fmt.Sprintf("TCP %s %04X %s %04X %s %04X TIME_WAIT       119",
		hexAddr(from.Addr()), from.Port(), hexAddr(vip.Addr()), vip.Port(), hexAddr(d.Addr()), d.Port()))
}

// garbling loses what a second segment carries, as a broken driver did.
type garbling struct{ net.Conn }

func (g garbling) Write(p []byte) (int, error) {
	const segment = 1448
	q := append([]byte{}, p...)
	for i := segment; i < len(q)-4; i++ { // the end of the header stays
		q[i] = 0
	}
	return g.Conn.Write(q)
}

type knownEnd struct {
	net.Conn
	local net.Addr
}

func (k knownEnd) LocalAddr() net.Addr { return k.local }

// Program is the director's watchScript.
func (h fakeHost) Program(context.Context, string) (io.ReadWriteCloser, error) {
	f := h.f
	if f.mute {
		return nil, errors.New("cannot start a program on director: refused")
	}
	ours, theirs := net.Pipe()
	f.wg.Go(func() {
		defer theirs.Close()
		in := bufio.NewScanner(theirs)
		for in.Scan() {
			word, arg, _ := strings.Cut(in.Text(), " ")
			var lines []string
			switch word {
			case "table":
				lines = strings.Split(strings.TrimSuffix(f.loads, "\n"), "\n")
			case "totals":
				f.mu.Lock()
				lines = []string{fmt.Sprintf("  ~        8A      43A        0            3A40D %16X", f.back*f.turn)}
				f.mu.Unlock()
			case "stats":
				f.mu.Lock()
				lines = []string{"Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes", "  -> RemoteAddress:Port",
					fmt.Sprintf("TCP  %s                 20      121        0     8000 %d", f.cluster.Services[0].Endpoint(), f.back*f.turn),
					"  -> 192.168.1.30:80                  10       61        0     4000        0",
					fmt.Sprintf("  -> 192.168.1.20:80                  10       60        0     4000 %d", f.back*f.turn)}
				f.mu.Unlock()
			case "connections":
				re := regexp.MustCompile(arg)
				f.mu.Lock()
				for _, l := range f.table {
					if re.MatchString(l) {
						lines = append(lines, l)
					}
				}
				f.mu.Unlock()
			}
			if _, err := io.WriteString(theirs, strings.Join(append(lines, "end"), "\n")+"\n"); err != nil {
				return
			}
		}
	})
	return ours, nil
}

func statusHandler(status string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscan(status, &code)
		http.Error(w, status, code)
	})
}
