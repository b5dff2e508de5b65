package tasks

// webLibrary are the functions that ask who listens, and what a web server's
// configuration has.
var webLibrary = []Function{
	{Name: "holders", Text: `# holders PORT: who listens there on TCP, "PROGRAM (pid N) at ADDRESS:PORT", a
# line each; for systemd, the unit that it listens for
holders() {
  command -v ss >/dev/null 2>&1 || return 0
  ss -ltnp | awk -v port="$1" '
    $1 != "LISTEN" || $4 !~ (":" port "$") { next }
    !match($0, /users:\(\("[^"]*",pid=[0-9]+/) { print "the kernel at " $4; next }
    {
      split(substr($0, RSTART + 9, RLENGTH - 9), who, /",pid=/)
      print who[1] " (pid " who[2] ") at " $4
    }' | while IFS= read -r who; do
    case $who in
    'systemd (pid 1) '*) who="$(systemctl list-sockets --no-legend | awk -v port="$1" '$1 ~ (":" port "$") { print $2; exit }') at ${who##* }" ;;
    esac
    printf '%s\n' "$who"
  done
}`},
	{Name: "web_has", Text: `# web_has CONTROL [FILE]: where the web server's configuration, without FILE, has
# it listen, and virtual hosts: "listen ADDRESS PORT FILE:LINE", "host …", a
# line each. The web server itself reads it, with its includes, conditions and
# variables. One that is not valid: status 1, and standard error says what is wrong.
web_has() {
  module=modules/mod_info.so
  [ ! -d /usr/lib/apache2/modules ] || module=/usr/lib/apache2/modules/mod_info.so
  dump=$("$1" -C "LoadModule info_module $module" -t -D DUMP_CONFIG 2>/dev/null) || {
    dump=
    said=$("$1" -t 2>&1) || {
      printf '%s\n' "the web server's configuration is not valid, and was not touched:" "$said" >&2
      return 1
    }
  }
  printf '%s\n' "$dump" | awk -v ours="${2-}" '
    /^# In file: / { file = substr($0, 12); next }
    /^ *# +[0-9]+:$/ { line = $NF; next }
    file == ours { next }
    {
      word = tolower($1)
      if (word != "listen" && word != "<virtualhost") next
      last = word == "listen" ? 2 : NF
      for (i = 2; i <= last; i++) {
        what = $i
        gsub(/[">]/, "", what)
        if (what == "") continue
        address = "*"; port = what
        if (match(what, /:[0-9*]+$/)) { port = substr(what, RSTART + 1); address = substr(what, 1, RSTART - 1) }
        else if (what !~ /^[0-9]+$/) { port = "*"; address = what }
        print (word == "listen" ? word : "host"), address, port, file ":" substr(line, 1, length(line) - 1)
      }
    }'
}`},
	{Name: "web_covers", Text: `# web_covers CONTROL PORT FILE ADDRESS...: sets open if it does not listen there
# on the port by files other than FILE, elsewhere to where it does then, and
# hosted if they have no virtual host for it
web_covers() {
  has=$(web_has "$1" "$3") || return
  port=$2
  shift 3
  answers=$(printf '%s\n' "$has" | awk -v port="$port" -v addresses="$*" '
    $3 != port && ($1 != "host" || $3 != "*") { next }
    $2 == "*" || $2 == "0.0.0.0" || $2 == "[::]" || $2 == "_default_" { any[$1]; next }
    { at[$1, $2] }
    $1 == "listen" { where = where " " $2 ":" $3 " (" $4 ")" }
    END {
      n = split(addresses, address, " ")
      for (i = 1; i <= n; i++) {
        if (!("listen" in any) && !(("listen", address[i]) in at)) open = "yes"
        if (!("host" in any) && !(("host", address[i]) in at)) hosted = "yes"
      }
      print open; print hosted; print where
    }')
  {
    read -r open || :
    read -r hosted || :
    read -r elsewhere || : "$elsewhere"
  } <<END
$answers
END
}`},
}
