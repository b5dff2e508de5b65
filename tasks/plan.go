package tasks

// Plan is a whole deployment: stages in order.
type Plan []Stage

// Stage is a part of the plan that several hosts may go through at the same
// time. A host that has tasks in it waits at its beginning until every stage
// named in After is over on all of that stage's hosts; it waits for nothing
// else.
type Stage struct {
	Name  string
	After []string
	Hosts []HostPlan
}

// HostPlan is what one host does in a stage. Handlers run after its tasks,
// those that are owed.
type HostPlan struct {
	Host     string
	Tasks    []Task
	Handlers []Task
}
