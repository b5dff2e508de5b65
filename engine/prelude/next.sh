
# The program that is made of these facts. It is run only if it is whole.
printf '%snext\n' "$answer"
read -r size mark || exit 0
text=$(head -c "$size")
# from the end: a case would try the mark at each place before
[ "${text%"#$mark"}" != "$text" ] || exit 74
eval "$text"
