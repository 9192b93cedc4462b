#compdef rateval
# For zsh: eval "$(rateval completion zsh)" after compinit, or this text as _rateval in a folder of $fpath
_rateval() {
    local -a answers
    answers=("${(@f)$(rateval completion zsh --answer ":${(@)^words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${answers[1]}" ]]; then
        _describe -V 'answer' answers
    else
        _files
    fi
}
if [[ "${funcstack[1]}" = "_rateval" ]]; then
    _rateval "$@"
else
    compdef _rateval rateval
fi
