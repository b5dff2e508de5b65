// Package fakehost makes light machines for tests: generated POSIX-sh programs really run on them, as root, and
// everything they change is private to the machine and thrown away.
//
// A host is a set of Linux namespaces (user, mount, pid, net, uts, ipc) held open by one process. It works as root and,
// where unprivileged user namespaces are allowed, as an ordinary user (then every file is root's: chown to anyone else
// fails). The holder reads a pipe from the test: when the test ends, even by SIGKILL, the holder ends, and with it, being
// pid 1, every process and every mount of the host; only after a SIGKILL a directory /dev/shm/fakehost-* stays behind.
//
// What is real inside: files, modes, mtimes, bind mounts, processes, signals; addresses, links (veth pairs whose other end
// is in a second namespace), routes and net.ipv4.* sysctls of a network namespace of its own; the host name; the HTTP
// server behind apache2 and httpd (busybox httpd), so curl is the real one. Commands are those of this machine, picked by a
// fixed list (baseCommands), or busybox's applets.
//
// What is a stub: the programs in stubs/, short shell scripts that behave as the real ones do as far as a deployment needs,
// also on misuse. They keep their state in /var/lib/fakehost; each mutating call is a line in its file log (Host.Mutations).
// They sit where the real ones do (/usr/sbin/ipvsadm), appear when their package is installed, and run on tools of their own
// (/.fakehost), so they are the same under every shell.
//
// Packets do not flow between hosts, but Host.Reach lets one connect to another's servers, and Host.SFTP serves a host's files
// as the sftp subsystem of its sshd would. A test that uses either calls Helper in its TestMain.
//
// Differences from a real machine that a program can notice:
//   - An NFS mount is a bind mount of the exported directory. findmnt and mount without arguments show source, type nfs4 and
//     options; /proc/mounts and mountpoint show only that something is mounted. So read `findmnt -n -o SOURCE,FSTYPE
//     --mountpoint DIR`.
//   - Starting an automount unit mounts at once.
//   - /proc/modules and /proc/net/ip_vs are not there; /sys/module/NAME and lsmod know what modprobe loaded. Of net.ipv4
//     there are conf, neigh, ip_forward and two more; vs once ip_vs is loaded, and it does nothing.
//   - The table of ipvsadm forwards nothing, and rules of iptables and firewalld filter nothing.
//   - busybox's shell prefers applets to PATH, so those that a stub replaces are taken out of the program.
//   - /usr/lib is read-only below the first level. There are no capabilities outside the namespaces: no clock, no mknod.
//
// It imports nothing of lvsdeploy. Adding a package or a service is one row in packages.go.
package fakehost
