"""Completion for bash and zsh, written from what the parser knows of its commands."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Mapping

from runbook.contents import CONTENTS
from runbook.run import REPORTS_VARIABLE
from runbook.site import ROOT
from runbook.targets import names

FILES, RUNS, CHAPTERS, LIST, TARGETS = "files", "runs", "chapters", "list", "targets"
KINDS: Mapping[str, str] = {
    "FILE": FILES, "FOLDER": FILES, "DIR": FILES, "LIST": FILES, "RUN": RUNS, "A": RUNS, "B": RUNS, "CH": CHAPTERS,
    "CH,..": LIST, "T": TARGETS,
}
"""What an argument takes, by the name that `--help` gives it."""

BASH = r"""# Completion of the runbook's command line.
_runbook_kind() {  # of what is completed now: $1 as the parser calls it, $2 what has been typed
  local IFS=$'\n' folder one done
  case $1 in
    files) COMPREPLY=($(compgen -f -- "$2")) ;;
    runs)
      folder=${@VARIABLE@:-@REPORTS@}
      COMPREPLY=($(compgen -W "$(cd -- "$folder" 2>/dev/null && for one in */journal.jsonl; do
        [ "${one%/*}" = latest ] || [ "${one%/*}" = '*' ] || printf '%s\n' "${one%/*}"; done; echo latest)" -- "$2")) ;;
    chapters) COMPREPLY=($(compgen -W $'@CHAPTERS@' -- "$2")) ;;
    list)
      done=; case $2 in *,*) done=${2%,*},; esac
      COMPREPLY=($(compgen -P "$done" -W $'@CHAPTERS@' -- "${2##*,}")) ;;
    targets) COMPREPLY=($(compgen -W $'@TARGETS@' -- "$2")) ;;
    *) COMPREPLY=($(compgen -W "${1//|/$'\n'}" -- "$2")) ;;
  esac
}
_runbook() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]-} known= skip= one
  COMPREPLY=()
  if [ "$COMP_CWORD" -le 1 ]; then _runbook_kind '@COMMANDS@' "$current"; return; fi
  if [ "$COMP_CWORD" -gt 2 ]; then case "$verb ${COMP_WORDS[2]}" in @NESTED@) verb="$verb ${COMP_WORDS[2]}" ;; esac; fi
  case "$verb $before" in
@VALUES@
  esac
  case $verb in
@OPTIONS@
    *) return ;;
  esac
  case $current in -*) _runbook_kind "$options" "$current"; return ;; esac
  local place=0 index from=2
  case $verb in *' '*) from=3 ;; esac
  for ((index = from; index < COMP_CWORD; index++)); do
    one=${COMP_WORDS[index]}
    case "$verb $one" in @TAKING@) index=$((index + 1)) ;; *' '-*) ;; *) place=$((place + 1)) ;; esac
  done
  [ "$place" -ge "${#places[@]}" ] || _runbook_kind "${places[place]}" "$current"
}
complete -o filenames -F _runbook runbook
"""
ZSH = """(( $+functions[compdef] )) || { autoload -U compinit && compinit -i; }
autoload -U +X bashcompinit && bashcompinit
"""


def script(shell: str, whole: argparse.ArgumentParser) -> str:
    """What `eval` reads in that shell."""
    text = _bash(whole)
    return ZSH + text if shell == "zsh" else text


def _bash(whole: argparse.ArgumentParser) -> str:
    known = dict(_commands(whole, ""))
    top = [name for name in known if " " not in name]
    options, values, taking = [], [], []
    for verb, one in known.items():
        words = [text for action in one._actions for text in action.option_strings]
        places = [_kind(action) for action in one._actions if not action.option_strings]
        options.append(f"    {shlex.quote(verb)}) local options={shlex.quote('|'.join(words))} "
                       f"places=({' '.join(map(shlex.quote, places))}) ;;")
        for action in one._actions:
            if action.option_strings and action.nargs != 0:
                named = "|".join(shlex.quote(f"{verb} {text}") for text in action.option_strings)
                values.append(f"    {named}) _runbook_kind {shlex.quote(_kind(action))} \"$current\"; return ;;")
                taking.append(named)
    nested = "|".join(shlex.quote(name) for name in known if " " in name)
    filled = {
        "VARIABLE": REPORTS_VARIABLE, "REPORTS": str(ROOT / "reports"), "COMMANDS": "|".join(top), "NESTED": nested,
        "CHAPTERS": r"\n".join(title.name for title in CONTENTS if title.name[:2] != "90"),
        "TARGETS": r"\n".join(sorted(names())), "VALUES": "\n".join(values), "OPTIONS": "\n".join(options),
        "TAKING": "|".join(taking),
    }
    text = BASH
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text


def _commands(one: argparse.ArgumentParser, above: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with the words that call it, those below `testbed` too."""
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield f"{above}{name}", below
                yield from _commands(below, f"{above}{name} ")


def _kind(action: argparse.Action) -> str:
    """What is offered for an argument: one of the kinds, or the words themselves with `|` between."""
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    return KINDS.get(str(action.metavar), "")
