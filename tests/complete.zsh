# What zsh offers at the end of a line, a candidate a line: `zsh -f complete.zsh FOLDER LINE`.
# zsh completes in a terminal only: an inner one gets one, and what it shows there goes to stderr.
zmodload zsh/zpty
if [[ -z $ANSWER ]]; then
  answer=$(mktemp)
  zpty inner "ANSWER=$answer FOLDER=${(q)1} TERM=dumb zsh -f -i"
  zpty -w inner "source ${(q)0:A}"
  zpty -r inner shown '*READY*'
  zpty -n -w inner "$2"$'\t'
  while zpty -r inner shown; do print -rn -- "$shown" >&2; done
  cat $answer
  rm $answer
  exit
fi
PROMPT=
fpath=($FOLDER $fpath)
autoload -Uz compinit && compinit -u -D
offered=()
# notes what is offered, but not what is only sorted by what would fit
compadd() {
  local -a fitting
  [[ " $* " == *" -"[OAD]" "* ]] || { builtin compadd -A fitting "$@"; offered+=($fitting) }
  builtin compadd "$@"
}
answer() {
  _main_complete
  print -rl -- $offered >$ANSWER
  exit
}
zle -C answer list-choices answer
bindkey '^I' answer
print READY
