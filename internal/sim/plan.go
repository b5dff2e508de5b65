package sim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lvsdeploy/lvsdeploy/shell"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// kind is what a task is to the engine.
type kind int

const (
	ordinary kind = iota
	revertible
	proof
	handler
	starter // enables and starts a service: a restart is then no longer owed
)

// spec is what the model knows of a task, beside what the engine knows.
type spec struct {
	host, stage string
	name        string
	kind        kind
	key, want   string
	notify      string        // the service that reads it
	service     string        // of a handler, a starter
	slow        time.Duration // how long its change takes
}

// plan is a deployment for the engine and for the model.
type plan struct {
	stages tasks.Plan
	specs  []*spec // in the order of the plan
}

// of lists a host's specs in the order of its program.
func (p *plan) of(host string) []*spec {
	var list []*spec
	for _, s := range p.specs {
		if s.host == host {
			list = append(list, s)
		}
	}
	return list
}

// hostsIn lists the hosts of a stage.
func (p *plan) hostsIn(stage string) []string {
	var list []string
	for _, st := range p.stages {
		if st.Name == stage {
			for _, hp := range st.Hosts {
				list = append(list, hp.Host)
			}
		}
	}
	return list
}

// shape is a plan without versions: what every run of one world agrees on.
type shape struct {
	webs int
	nfs  bool
	slow map[string]time.Duration
}

// at is the plan of a version. cuts names the key whose new value cuts its host
// off, if any.
func (sh *shape) at(version int, cuts string) *plan {
	p := &plan{}
	value := strconv.Itoa(version)
	stage := func(name string, after ...string) { p.stages = append(p.stages, tasks.Stage{Name: name, After: after}) }
	add := func(host string, list ...*spec) {
		st := &p.stages[len(p.stages)-1]
		hp := tasks.HostPlan{Host: host}
		for _, s := range list {
			s.host, s.stage, s.want = host, st.Name, value
			if s.key != "" && host+" "+s.key == cuts {
				s.want = bad
			}
			if s.slow = 20 * time.Millisecond; sh.slow[host+" "+s.key] > 0 {
				s.slow = sh.slow[host+" "+s.key]
			}
			t := s.task()
			if s.kind == handler {
				hp.Handlers = append(hp.Handlers, t)
			} else {
				hp.Tasks = append(hp.Tasks, t)
			}
			p.specs = append(p.specs, s)
		}
		st.Hosts = append(st.Hosts, hp)
	}
	thing := func(key string) *spec { return &spec{name: "put " + key, key: key} }
	risky := func(key string) *spec { return &spec{name: "put " + key, key: key, kind: revertible} }
	conf := func(key, service string) *spec { return &spec{name: "put " + key, key: key, notify: service} }

	stage("prepare")
	add("director", thing("packages"), thing("sysctl"))
	for _, w := range sh.names() {
		add(w, thing("packages"))
	}
	if sh.nfs {
		add("nfs", thing("packages"))
		stage("storage")
		add("nfs", conf("exports", "nfsd"), &spec{name: "start nfsd", kind: starter, service: "nfsd"}, &spec{name: "reload nfsd", kind: handler, service: "nfsd"})
	}
	stage("forward")
	add("director", risky("address"), risky("keep address"), thing("snat"), risky("firewall"))
	if sh.nfs {
		stage("serve", "storage")
	} else {
		stage("serve")
	}
	for _, w := range sh.names() {
		add(w, conf("page", "httpd"), conf("listen", "httpd"), &spec{name: "start httpd", kind: starter, service: "httpd"},
			risky("gateway"), &spec{name: "restart httpd", kind: handler, service: "httpd"})
	}
	stage("prove")
	for _, w := range sh.names() {
		add(w, &spec{name: "serves", kind: proof})
	}
	stage("balance", "prove")
	add("director", &spec{name: "real servers answer", kind: proof}, thing("table"), thing("saved table"))
	return p
}

func (sh *shape) names() []string {
	var list []string
	for n := range sh.webs {
		list = append(list, fmt.Sprintf("web%d", n+1))
	}
	return list
}

// task is what the engine sees. Its shell text is never run.
func (s *spec) task() tasks.Task {
	t := tasks.Task{Name: s.name, Check: "check", Notify: s.notify}
	switch s.kind {
	case proof:
		return t
	case handler:
		t.Apply = "apply"
		return tasks.Handler(s.service, t)
	case starter:
		t.Settles = s.service
		t.Owns = []string{"daemon " + s.service}
	default:
		t.Owns = []string{"file /" + s.key}
	}
	t.Apply = shell.Fragment("apply")
	if s.kind == revertible {
		t.Undo = "undo"
	}
	return t
}
