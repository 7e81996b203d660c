"""What runs on a host to keep, change and put back a file: POSIX sh and coreutils, paths as arguments only.

Layout below /var/lib/runbook/<run>/<step>/<path's hash>/, made by dash, bash or busybox alike:

- `was`: kind (file, link, folder, absent), mode, owner by number, SHA-256 of what was there
- `content`: the file or link itself, with its times and attributes; not there for folders and for nothing
- `wanted`: the SHA-256 of the file that the step puts there, or `folder`, or `absent`; a line for each time
- `path`: where it is from, for people

It is kept under another name first and renamed when whole. A symbolic link is replaced, not followed: what it
points to is never touched, and the undo puts the link back.

Times, access lists and extended attributes come back as far as the host's `cp -a` keeps them: GNU's does,
busybox's keeps no extended attributes.
"""

from __future__ import annotations

from runbook.remote.command import Script

LIMIT = 120.0  # seconds; a pre-image of some hundred megabytes on a slow disk

WORDS = r"""
set -u
umask 077
LC_ALL=C
export LC_ALL
stop() { printf 'runbook: %s\n' "$1" >&2; exit 1; }
sum() { set -- "$(sha256sum)" && printf '%s' "${1%% *}"; }
state() {
    if [ -L "$1" ]; then printf 'link - %s %s' "$(stat -c %u:%g -- "$1")" "$(readlink -- "$1" | sum)"
    elif [ -f "$1" ]; then printf 'file %s %s' "$(stat -c '%a %u:%g' -- "$1")" "$(sum <"$1")"
    elif [ -d "$1" ]; then printf 'folder %s -' "$(stat -c '%a %u:%g' -- "$1")"
    elif [ -e "$1" ]; then printf 'other - - -'
    else printf 'absent - - -'
    fi
}
owned() {
    case $2 in "$(stat -L -c %U:%G -- "$1")" | "$(stat -L -c %u:%g -- "$1")") return 0 ;; esac
    return 1
}
copied() {
    case $(state "$1") in
    file*) cp -a -- "$1" "$2/content" && was=$(state "$2/content") && chmod 600 -- "$2/content" &&
        { owned "$2/content" 0:0 || chown 0:0 -- "$2/content"; } ;;
    link*) cp -a -- "$1" "$2/content" && was=$(state "$2/content") ;;
    *) was=$(state "$1") ;;
    esac
}
keep() {
    if [ -z "$2" ]; then return 0; fi
    if [ -d "$2" ]; then
        printf '%s\n' "$3" >>"$2/wanted" || stop "$2 cannot be written; $1 was not touched"
        return 0
    fi
    mkdir -p -- "${2%/*}" && chmod 700 -- "${2%/*/*}" &&
        rm -rf -- "$2.new" && mkdir -- "$2.new" &&
        copied "$1" "$2.new" && printf '%s' "$was" >"$2.new/was" && printf '%s\n' "$3" >"$2.new/wanted" &&
        printf '%s' "$1" >"$2.new/path" && mv -- "$2.new" "$2" ||
        stop "what is at $1 could not be kept in $2; it was not touched"
}
done_now() {
    printf 'changed\n'
    if [ -n "$1" ] && [ -d "$1" ]; then cat -- "$1/was"; fi
    exit 0
}
parent() {
    dir=${1%/*}
    dir=${dir:-/}
    [ -d "$dir" ] || stop "there is no folder $dir; a Folder has to make it before"
}
temporary() {
    tmp=$(mktemp "$dir/.runbook.XXXXXX") || stop "no file can be made in $dir"
    trap 'rm -f -- "$tmp"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 141' PIPE
    trap 'exit 143' TERM
}
in_place() {
    if [ -L "$path" ] && [ -d "$path" ]; then rm -f -- "$path"; fi
    mv -f -- "$tmp" "$path"
}
"""

FILE = Script(WORDS + r"""
path=$1 entry=$2 how=$3 mode=$4 owner=$5 hush=$6
IFS= read -r want || stop 'nothing came by standard input'
now=$(state "$path")
case $now in
folder* | other*) stop "$path is there and is no file: ${now%% *}" ;;
"file $mode "*" $want") if owned "$path" "$owner"; then cat >/dev/null; echo same; exit 0; fi ;;
esac
if [ "$how" = look ]; then echo differs; exit 0; fi
parent "$path"
if [ "$how" = keep ]; then
    keep "$path" "$entry" "$want"
    done_now "${hush:-$entry}"
fi
temporary
cat >"$tmp" && [ "$(sum <"$tmp")" = "$want" ] ||
    stop "what arrived for $path is not what was sent; is $dir full?"
chown "$owner" -- "$tmp" && chmod "$mode" -- "$tmp" || stop "$path cannot be given to $owner"
keep "$path" "$entry" "$want"
in_place || stop "$path could not be replaced"
done_now "${hush:-$entry}"
""", sudo=True, limit=LIMIT)

FOLDER = Script(WORDS + r"""
path=$1 entry=$2 how=$3 mode=$4 owner=$5
if [ -d "$path" ]; then
    if [ "$(stat -L -c %a -- "$path")" = "$mode" ] && owned "$path" "$owner"; then echo same; exit 0; fi
    [ ! -L "$path" ] || stop "$path is a link to a folder with other rights; name the folder itself"
fi
[ -d "$path" ] || [ "$(state "$path")" = 'absent - - -' ] || stop "$path is there and is no folder"
if [ "$how" = look ]; then echo differs; exit 0; fi
parent "$path"
keep "$path" "$entry" folder
[ -d "$path" ] || mkdir -- "$path" || stop "$path could not be made"
chown "$owner" -- "$path" && chmod "$mode" -- "$path" || stop "$path cannot be given to $owner"
done_now "$entry"
""", sudo=True, limit=LIMIT)

GONE = Script(WORDS + r"""
path=$1 entry=$2 how=$3 kind=$4
now=$(state "$path")
case $kind:$now in
*:absent*) echo same; exit 0 ;;
file:file* | file:link* | folder:folder*) ;;
*) stop "$path is no $kind but ${now%% *}" ;;
esac
if [ "$how" = look ]; then echo differs; exit 0; fi
if [ "$kind" = folder ]; then
    [ -z "$(ls -A -- "$path")" ] || stop "$path is not empty: $(ls -A -- "$path" | head -n 5)"
    keep "$path" "$entry" absent
    rmdir -- "$path" || stop "$path could not be removed"
else
    keep "$path" "$entry" absent
    rm -f -- "$path" || stop "$path could not be removed"
fi
done_now "$entry"
""", sudo=True, limit=LIMIT)

BACK = Script(WORDS + r"""
path=$1 entry=$2 how=$3 written=$4 kept=$5 hush=$6
if [ ! -d "$entry" ]; then echo nothing; exit 0; fi
was=$(cat -- "$entry/was")
now=$(state "$path")
if [ -n "$kept" ] && [ "$kept" != "$was" ]; then
    stop "the pre-image of $path is not the one that was kept"
fi
if [ "$now" = "$was" ]; then echo already; exit 0; fi
kind=${now%% *}
have=$kind
if [ "$kind" = file ]; then have=${now##* }; fi
expected=${written:-$(tail -n 1 -- "$entry/wanted")}
if [ "$have" != "$expected" ] && { [ -n "$written" ] || ! grep -qxF -e "$have" -- "$entry/wanted"; }; then
    if [ -n "$hush" ] && [ "$kind" = file ]; then have=file expected=; fi
    printf 'refused\n%s\n%s\n' "$have" "$expected"
    exit 0
fi
if [ "$how" = look ]; then echo ready; exit 0; fi
set -- $was
parent "$path"
case $1 in
file)
    [ "$(sum <"$entry/content")" = "$4" ] || stop "the pre-image of $path is damaged; it was not touched"
    temporary
    cp -a -- "$entry/content" "$tmp" && { owned "$tmp" "$3" || chown "$3" -- "$tmp"; } &&
        chmod "$2" -- "$tmp" && [ "$(state "$tmp")" = "$was" ] && in_place ||
        stop "$path could not be put back; is $dir full?" ;;
link)
    temporary
    rm -f -- "$tmp" && cp -a -- "$entry/content" "$tmp" && in_place || stop "$path could not be put back" ;;
absent)
    if [ "$kind" = folder ]; then
        rmdir -- "$path" 2>/dev/null || {
            printf 'refused\na folder with %s\nempty\n' "$(ls -A -- "$path" | head -n 5 | tr '\n' ' ')"
            exit 0
        }
    else
        rm -f -- "$path" || stop "$path could not be removed"
    fi ;;
folder)
    [ -d "$path" ] || mkdir -- "$path" && chown "$3" -- "$path" && chmod "$2" -- "$path" ||
        stop "$path could not be put back" ;;
esac
echo restored
""", sudo=True, limit=LIMIT)

TIDY = Script(r"""
base=$1 run=$2
shift 2
for step in "$@"; do rm -rf -- "$base/$run/$step" || exit 1; done
rmdir -- "$base/$run" 2>/dev/null
rmdir -- "$base" 2>/dev/null
exit 0
""", sudo=True, limit=LIMIT)

STEPS = Script(r"""if [ -d "$1/$2" ]; then ls -A -- "$1/$2"; fi""", sudo=True)

# For each path four arguments: itself, the entry of its pre-image where its hash may not be told, mode and owner.
SEEN = Script(WORDS + r"""
while [ $# -gt 3 ]; do
    now=$(state "$1")
    content=${now##* } rights=right
    if [ -n "$2" ]; then
        if [ ! -f "$2/wanted" ]; then content=unknown
        elif grep -qxF -e "$content" -- "$2/wanted"; then content=wanted
        else content=other; fi
    fi
    case ${now%% *} in file | folder)
        if [ -n "$3" ] && [ "$(stat -L -c %a -- "$1")" != "$3" ]; then rights=mode; fi
        if [ -n "$4" ] && ! owned "$1" "$4"; then rights=owner; fi ;;
    esac
    printf '%s %s %s\n' "${now%% *}" "$content" "$rights"
    shift 4
done
""", sudo=True, limit=LIMIT)
