package tasks

// Kinds are those that leftover has a row for.
func Kinds() (kinds []string) {
	for _, row := range leftover {
		kinds = append(kinds, row.kind)
	}
	return kinds
}

// LiveOriginals are the live values that are remembered of what entries name.
func LiveOriginals(entries []string) []string { return originalsOf(entries).live }
