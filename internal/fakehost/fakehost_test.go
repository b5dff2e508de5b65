package fakehost

import (
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	for _, shell := range Shells() {
		began := time.Now()
		h := New(t, Options{Shell: shell})
		t.Logf("%s: started in %v", shell, time.Since(began))
		out, errs, code := h.Run("id -u; pwd; ip -br addr; ls /; readlink -f /bin/sh; cat /etc/os-release | head -2; mount | head -30; sysctl net.ipv4.ip_forward; hostname; cat /proc/sys/net/ipv4/ip_forward; ps ax 2>/dev/null || ps")
		t.Logf("%d %s %s", code, out, errs)
	}
}
