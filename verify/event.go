package verify

// ServiceEvent is the line of the --json stream for a virtual service.
type ServiceEvent struct {
	Event     string                `json:"event"` // verify
	VIP       string                `json:"vip"`
	Requests  int                   `json:"requests"`
	Failed    int                   `json:"failed"`
	Scheduler string                `json:"scheduler"`
	Servers   map[string]ShareEvent `json:"servers"`
}

// ShareEvent is a real server's part in it. Expected is left out where the
// scheduler promises no number.
type ShareEvent struct {
	Answers  int  `json:"answers"`
	Expected *int `json:"expected,omitempty"`
}

// CheckEvent is the line of the --json stream for a check.
type CheckEvent struct {
	Event  string `json:"event"` // check
	Host   string `json:"host"`
	Name   string `json:"name"`
	Status string `json:"status"` // ok or failed
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

// Events returns the result as the lines of the --json stream, services first.
func (r *Result) Events() []any {
	var events []any
	for _, s := range r.Services {
		e := ServiceEvent{Event: "verify", VIP: s.VIP, Requests: s.Requests, Failed: s.Failed,
			Scheduler: s.Scheduler, Servers: map[string]ShareEvent{}}
		for _, sh := range s.Servers {
			se := ShareEvent{Answers: sh.Answers}
			if n := sh.Expected; n >= 0 {
				se.Expected = &n
			}
			e.Servers[sh.Name] = se
		}
		events = append(events, e)
	}
	for _, c := range r.Checks {
		e := CheckEvent{Event: "check", Host: c.Host, Name: c.Name, Status: "ok", Detail: c.Detail}
		if !c.OK {
			e.Status, e.Hint = "failed", c.Hint
		}
		events = append(events, e)
	}
	return events
}
