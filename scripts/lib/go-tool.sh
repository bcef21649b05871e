# Sourced by the scripts that find or build a command-line tool in Go; those set name, variable and how_else, and either
# module and version, or source: the folder of a program of our own (and link_flags, where it needs some). The path of
# the repository is in root.
# shellcheck shell=sh disable=SC2154

say() { printf '%s.sh: %s\n' "$name" "$*" >&2; }

fail() {
  say "$1"
  say "$how_else, or set $variable=/path/to/it"
  exit 1
}

use() {
  say "using $2: $1"
  printf '%s\n' "$1"
  exit 0
}

# The proxy's checksum database vouches for the modules. GOTOOLCHAIN=local: no compiler is fetched by the way.
compile() {
  if [ -z "${source:-}" ]; then
    env CGO_ENABLED=0 GOTOOLCHAIN=local GOBIN="$work" go install -trimpath -ldflags '-s -w' "$module@$version" >&2
  else
    (cd "$source" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOCACHE="$root/.cache/go-build" \
      go build -buildvcs=false -trimpath -ldflags "-s -w ${link_flags:-}" -o "$work/$name" . >&2)
  fi
}

# What is built moves into its place whole: two that build at once do not disturb each other.
build() {
  command -v go >/dev/null 2>&1 || fail "there is no $name on PATH, and no Go to build one with"
  mkdir -p "$folder" || fail "cannot write to $folder"
  work=$(mktemp -d "$folder/.build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  say "building ${source:-$module@$version} with $(go env GOVERSION) into $folder"
  compile || fail "Go could not build it (no network, or a Go that is too old for it)"
  mv -f "$work/$name" "$folder/$name"
}

find_or_build() {
  [ -z "${source:-}" ] || version=$(cat "$source"/*.go "$source/go.mod" "$source/go.sum" | cksum | cut -d ' ' -f 1)
  folder=$root/.cache/$name/$version
  eval "given=\${$variable:-}"
  if [ -n "$given" ]; then
    [ -f "$given" ] && [ -x "$given" ] || fail "$variable=$given is not an executable file"
    use "$given" "$variable"
  fi
  if [ -z "${source:-}" ] && on_path=$(command -v "$name"); then use "$on_path" "$name on PATH"; fi
  [ -x "$folder/$name" ] || build
  use "$folder/$name" "$name $version"
}
