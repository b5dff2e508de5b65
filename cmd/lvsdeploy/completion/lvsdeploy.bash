# shellcheck shell=bash
# bash completion for lvsdeploy. Works without the bash-completion package, and
# with the bash 3.2 of macOS. Words are passed on as they were typed: they are
# not evaluated.
_lvsdeploy() {
	local word
	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		COMPREPLY[${#COMPREPLY[@]}]=$word
	done < <("$1" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _lvsdeploy lvsdeploy
