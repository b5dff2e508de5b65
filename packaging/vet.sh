#!/bin/sh
# Builds the program's packages for other systems and runs go vet on them:
# vet.sh GOOS… Without the tests, which run programs as only Unix does.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}
for GOOS; do
	export GOOS
	own='{{if not .Standard}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}'
	for dir in $("$GO" list -deps -f "$own" ./cmd/lvsdeploy); do
		# shellcheck disable=SC2046 # a list of files
		(cd "$dir" && "$GO" vet $("$GO" list -f '{{join .GoFiles " "}}'))
	done
done
