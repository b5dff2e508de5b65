package report

// Warn tells of something about a host that the operator has to know and that
// is no failure.
func (r *Reporter) Warn(host, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.host(host)
	r.print(r.o.Err, r.hostName(host)+"  "+r.style.change.Sprint("warning")+"  "+clean(text))
}
