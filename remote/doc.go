// Package remote reaches hosts over SSH: host keys, keys and agent, jump
// hosts, sudo, programs and files. It alone imports ssh and sftp, and it
// imports nothing else of this module.
//
// [DialEach] connects to every host of a run at once. On a [Conn],
// [Conn.Program] runs a POSIX sh program of any size over one exec channel,
// as root where the target asks for it; [Conn.Push] uploads files;
// [Conn.DialContext] opens connections from the host. Failures are an [Error]
// with a [Kind] and a hint, a program's own failure an [ExitError].
package remote
