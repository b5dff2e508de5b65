package roles

import (
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// For is the plan of a mode. Adding a mode is one literal list of stages and
// one row here.
func For(mode inventory.Mode) func(Input) tasks.Plan {
	return map[inventory.Mode]func(Input) tasks.Plan{
		inventory.NAT: NAT,
		inventory.DR:  DR,
	}[mode]
}
