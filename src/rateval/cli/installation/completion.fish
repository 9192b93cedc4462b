# For fish: this text in ~/.config/fish/completions/rateval.fish
function __rateval_answers
    set -l words (commandline -opc) (commandline -ct)
    set -l answers (rateval completion fish --answer :$words[2..] 2>/dev/null)
    if test (count $answers) -gt 0
        string replace ':' \t -- $answers
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c rateval -f -a '(__rateval_answers)'
