#!/bin/sh
# demo.sh LVSDEPLOY [MODE]: boots the tutorial's machines, deploys its cluster on
# them and verifies it. KEEP=1 leaves them up.
set -eu
lvsdeploy=$(readlink -f "$1")
mode=${2:-nat}
lab="$lvsdeploy lab --name demo"

down() {
	code=$?
	if [ "${KEEP:-}" ]; then
		echo "the machines are still up: $lab ssh director; $lab down"
	else
		$lab down
	fi
	exit "$code"
}
trap down EXIT
trap 'exit 130' INT TERM

began=$(date +%s)
echo "== five real machines (the first time, their disk image is built)"
$lab up --topology "$mode" | tee "/tmp/lvsdeploy-demo.$$"
inventory=$(awk '$1 == "inventory" { print $2 }' "/tmp/lvsdeploy-demo.$$")
rm -f "/tmp/lvsdeploy-demo.$$"
echo
echo "== lvsdeploy $mode -i $inventory"
$lab exec -- "$lvsdeploy" "$mode" -i "$inventory"
echo
echo "== the same again: nothing is left to do"
$lab exec -- "$lvsdeploy" "$mode" -i "$inventory"
echo
echo "== lvsdeploy verify -i $inventory"
$lab exec -- "$lvsdeploy" verify -i "$inventory"
echo
echo "demo: done in $(($(date +%s) - began)) s"
