package lab

import (
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

//go:embed topologies/*.toml
var topologies embed.FS

// Topology is what a lab consists of.
type Topology struct {
	Networks  []Network `toml:"network"`
	Machines  []Machine `toml:"machine"`
	Inventory struct {
		Text string `toml:"text"` // a hosts.toml; @IDENTITY@ stands for the lab's key
	} `toml:"inventory"`

	source string // the text it was parsed from
	image  string // of machines that name none
}

// Network is one bridge, on which the workstation has an address.
type Network struct {
	Name        string       `toml:"name"`
	Workstation netip.Prefix `toml:"workstation"`
}

// Machine is one User-Mode Linux machine.
type Machine struct {
	Name     string `toml:"name"`
	Image    string `toml:"image"`    // a name of kinds; debian if empty
	Memory   string `toml:"memory"`   // of the form 256M; default: what its image needs
	Network  string `toml:"network"`  // who configures it at boot: its image's network manager (default) or none
	Optional bool   `toml:"optional"` // booted only when asked for by name
	NICs     []NIC  `toml:"nics"`
}

// NIC is one network interface of a machine.
type NIC struct {
	Interface string       `toml:"interface"`
	On        string       `toml:"on"`      // a network
	Address   netip.Prefix `toml:"address"` // absent: the interface is down at boot
}

// LoadTopology reads an embedded topology (nat, dr, mixed) or a file (anything
// that ends in .toml). image is that of machines that name none; debian if empty.
func LoadTopology(nameOrFile, image string) (*Topology, error) {
	var text []byte
	var err error
	if strings.HasSuffix(nameOrFile, ".toml") {
		text, err = os.ReadFile(nameOrFile)
	} else {
		text, err = topologies.ReadFile("topologies/" + nameOrFile + ".toml")
		if err != nil {
			err = fmt.Errorf("known ones are %s; a file's name ends in .toml", strings.Join(embeddedNames(), ", "))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot load the topology %q: %w", nameOrFile, err)
	}
	if image != "" {
		if _, err := kindOf(image); err != nil {
			return nil, err
		}
	}
	t, err := ParseTopology(string(text), image)
	if err != nil {
		return nil, fmt.Errorf("cannot use the topology %q: %w", nameOrFile, err)
	}
	return t, nil
}

func embeddedNames() []string {
	files, err := topologies.ReadDir("topologies")
	if err != nil {
		panic(err) // embedded at build time
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), filepath.Ext(f.Name())))
	}
	return names
}

// ParseTopology parses and checks a topology, and fills in its defaults. The
// error names everything wrong, not only the first. For image see LoadTopology.
func ParseTopology(text, image string) (*Topology, error) {
	if image == "" {
		image = kinds[0].name
	}
	t := &Topology{source: text, image: image}
	meta, err := toml.Decode(text, t)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, key := range meta.Undecoded() {
		errs = append(errs, fmt.Errorf("unknown key %s", key))
	}
	for i := range t.Machines {
		m := &t.Machines[i]
		if m.Image == "" {
			m.Image = image
		}
		k, err := kindOf(m.Image)
		if err != nil {
			errs = append(errs, fmt.Errorf("machine %s: %w", m.Name, err))
			k = kinds[0]
		}
		if m.Memory == "" {
			m.Memory = k.memory
		}
		if m.Network == "" {
			m.Network = k.manager
		}
		if m.Network != k.manager && m.Network != "none" {
			errs = append(errs, fmt.Errorf("machine %s: network is %s or none, not %q", m.Name, k.manager, m.Network))
		}
	}
	if err := errors.Join(append(errs, t.check()...)...); err != nil {
		return nil, err
	}
	return t, nil
}

var (
	// A name becomes a host name, and with four characters more the name of an
	// interface, of which Linux allows 15 characters.
	nameForm      = regexp.MustCompile(`^[a-z][a-z0-9-]{0,10}$`)
	interfaceForm = regexp.MustCompile(`^[a-z][a-z0-9]{0,14}$`)
	memoryForm    = regexp.MustCompile(`^([0-9]{1,5})M$`)
)

func (t *Topology) check() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	networks := map[string]netip.Prefix{}
	for _, n := range t.Networks {
		switch _, twice := networks[n.Name]; {
		case !nameForm.MatchString(n.Name):
			bad("network %q: a name is a to z, 0 to 9 and -, at most 11 characters", n.Name)
		case twice:
			bad("network %s is there twice", n.Name)
		case !n.Workstation.IsValid() || !n.Workstation.Addr().Is4():
			bad("network %s: workstation is an IPv4 address with its length, like 192.168.1.1/24", n.Name)
		}
		networks[n.Name] = n.Workstation
	}

	seen := map[string]bool{}
	addresses := map[netip.Addr]string{}
	for _, n := range t.Networks {
		addresses[n.Workstation.Addr()] = "the workstation"
	}
	if len(t.Machines) == 0 {
		bad("it has no machine")
	}
	for _, m := range t.Machines {
		if !nameForm.MatchString(m.Name) {
			bad("machine %q: a name is a to z, 0 to 9 and -, at most 11 characters", m.Name)
		}
		if seen[m.Name] {
			bad("machine %s is there twice", m.Name)
		}
		seen[m.Name] = true
		if form := memoryForm.FindStringSubmatch(m.Memory); form == nil {
			bad("machine %s: memory is of the form 256M, not %q", m.Name, m.Memory)
		} else if mb, _ := strconv.Atoi(form[1]); mb < 128 {
			bad("machine %s: memory of %s is too little, 128M is the least", m.Name, m.Memory)
		}
		interfaces := map[string]bool{}
		for _, nic := range m.NICs {
			on, known := networks[nic.On]
			if !interfaceForm.MatchString(nic.Interface) || nic.Interface == "lo" || interfaces[nic.Interface] {
				bad("machine %s: interface %q is no good or there twice", m.Name, nic.Interface)
			}
			interfaces[nic.Interface] = true
			if !known {
				bad("machine %s: %s is on the network %q, which there is not", m.Name, nic.Interface, nic.On)
				continue
			}
			if !nic.Address.IsValid() {
				continue
			}
			if on.IsValid() && on.Masked() != nic.Address.Masked() {
				bad("machine %s: %s is outside the network %s, %s", m.Name, nic.Address, nic.On, on.Masked())
			}
			if other, taken := addresses[nic.Address.Addr()]; taken {
				bad("machine %s: %s is the address of %s", m.Name, nic.Address.Addr(), other)
			}
			addresses[nic.Address.Addr()] = m.Name
		}
		if !m.Address().IsValid() {
			bad("machine %s: no interface has an address, nobody could reach it", m.Name)
		}
	}
	return errs
}

// Machine finds a machine by its name.
func (t *Topology) Machine(name string) (Machine, error) {
	var names []string
	for _, m := range t.Machines {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Machine{}, fmt.Errorf("cannot find a machine named %q: there are %s", name, strings.Join(names, ", "))
}

// Address is where SSH reaches the machine: its first address.
func (m Machine) Address() netip.Addr {
	_, addr := m.lanNIC()
	return addr
}

// lanNIC is the NIC that carries Address, by its number.
func (m Machine) lanNIC() (int, netip.Addr) {
	for i, nic := range m.NICs {
		if nic.Address.IsValid() {
			return i, nic.Address.Addr()
		}
	}
	return 0, netip.Addr{}
}

// mac is the same at every boot, as a card's is: made of the address where
// there is one, so that a packet dump reads itself.
func (m Machine) mac(nic int) string {
	var b [4]byte
	second := 0
	if addr := m.NICs[nic].Address; addr.IsValid() {
		b = addr.Addr().As4()
	} else {
		second = 1
		h := fnv.New32a()
		fmt.Fprintf(h, "%s %s", m.Name, m.NICs[nic].Interface)
		copy(b[:], h.Sum(nil))
	}
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", second, b[0], b[1], b[2], b[3])
}

// port and plug are the ends of the veth pair that makes a NIC's cable: one in
// the bridge, one in the machine.
func (m Machine) port(nic int) string { return fmt.Sprintf("%s.%d", m.Name, nic) }
func (m Machine) plug(nic int) string { return m.port(nic) + "u" }
