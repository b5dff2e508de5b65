// Package remote reaches hosts over SSH: host keys, keys and agent, jump
// hosts, sudo, programs and files. It alone imports ssh and sftp, and it
// imports nothing else of this module.
package remote
