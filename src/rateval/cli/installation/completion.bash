# For bash: eval "$(rateval completion bash)", or this text in a file of its own in
# ~/.local/share/bash-completion/completions/rateval
_rateval() {
    local IFS=$'\n' words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=($(rateval completion bash --answer "${words[@]/#/:}" 2>/dev/null))
}
complete -o bashdefault -o default -F _rateval rateval
