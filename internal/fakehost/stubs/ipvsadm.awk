# Prints the table of the ipvsadm stub: first file the counters, second the sorted table.
BEGIN {
	letter["tcp"] = "-t"; letter["udp"] = "-u"; letter["fwm"] = "-f"
	flag["Masq"] = "-m"; flag["Route"] = "-g"; flag["Tunnel"] = "-i"
}
FILENAME != "-" { active[$1, $2, $3] = $4; inactive[$1, $2, $3] = $5; conns[$1, $2, $3] = $6; total[$1, $2] += $6; next }
!started { started = 1; head() }
P != "" && !($2 == P && $3 == V) { next }
$1 == "S" && show == "save" {
	line = "-A " letter[$2] " " $3 " -s " $4
	if ($5 != "-") line = line " -p " $5
	if ($6 != "-") line = line " -M " $6
	if ($7 != "-") line = line " -o"
	print line
	next
}
$1 == "D" && show == "save" {
	line = "-a " letter[$2] " " $3 " -r " $4 " " flag[$5] " -w " $6
	if ($7 + 0) line = line " -x " $7
	if ($8 + 0) line = line " -y " $8
	print line
	next
}
$1 == "S" {
	name = toupper($2) "  " $3
	if (show == "stats" || show == "rate") { counters(name, total[$2, $3] + 0); next }
	line = name " " $4
	if ($7 != "-") line = line " ops"
	if ($5 != "-") line = line " persistent " $5
	if ($6 != "-") line = line " mask " $6
	print line
}
$1 == "D" {
	k = $2 SUBSEP $3 SUBSEP $4
	if (show == "stats" || show == "rate") { counters("  -> " $4, conns[k] + 0); next }
	if (show == "thresholds") printf "  -> %-28s %-10d %-10d %-10d %-10d\n", $4, $7, $8, active[k], inactive[k]
	else printf "  -> %-28s %-7s %-6d %-10d %-10d\n", $4, $5, $6, active[k], inactive[k]
}
END { if (!started) head() }

function head() {
	if (show == "save") return
	print "IP Virtual Server version 1.2.1 (size=4096)"
	if (show == "stats") printf "%-33s %8s %8s %8s %8s %8s\n", "Prot LocalAddress:Port", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"
	else if (show == "rate") printf "%-33s %8s %8s %8s %8s %8s\n", "Prot LocalAddress:Port", "CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"
	else print "Prot LocalAddress:Port Scheduler Flags"
	if (show == "stats" || show == "rate") print "  -> RemoteAddress:Port"
	else if (show == "thresholds") print "  -> RemoteAddress:Port           Uthreshold Lthreshold ActiveConn InActConn "
	else print "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn"
}

function counters(name, n) {
	if (show == "rate") n = 0
	printf "%-33s %8d %8d %8d %8d %8d\n", name, n, n * 5, n * 5, n * 400, n * 600
}
