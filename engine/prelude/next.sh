
# The program that is made of these facts. It is run only if it is whole.
echo next
read -r size mark || exit 0
text=$(head -c "$size")
case $text in
*"#$mark") eval "$text" ;;
*) exit 74 ;;
esac
