#!/bin/sh
# Makes JSON schemas of Kubernetes' kinds, strict ones, for kubeconform. The last line on stdout is their folder.
# In this order: $KUBERNETES_SCHEMAS, .cache/kubernetes-schemas/<version>/, and else made there from the OpenAPI
# document in the Go module k8s.io/kubernetes (19 MB, checked by Go's checksum database).
# Exit: 0 made, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=kubernetes-schemas
variable=KUBERNETES_SCHEMAS
module=k8s.io/kubernetes
version=v1.36.3
how_else='install Go, or make the folder of schemas elsewhere (scripts/kubernetes-schemas.mjs)'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/kubernetes-schemas.sh'; exit 2; }

if [ -n "${KUBERNETES_SCHEMAS:-}" ]; then
  [ -d "$KUBERNETES_SCHEMAS" ] || fail "KUBERNETES_SCHEMAS=$KUBERNETES_SCHEMAS is not a folder"
  use "$KUBERNETES_SCHEMAS" KUBERNETES_SCHEMAS
fi
folder=$root/.cache/$name/$version
[ ! -d "$folder" ] || use "$folder" "Kubernetes $version"

command -v go >/dev/null 2>&1 || fail 'there is no Go to fetch the OpenAPI document of Kubernetes with'
mkdir -p "$root/.cache/$name"
work=$(mktemp -d "$root/.cache/$name/.make.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
say "fetching $module@$version"
answer=$(cd "$work" && GOTOOLCHAIN=local GOFLAGS=-mod=mod go mod download -json "$module@$version") ||
  fail "Go could not fetch $module@$version"
sources=$(printf '%s\n' "$answer" | sed -n 's/^.*"Dir": "\(.*\)",*$/\1/p')
node "$root/scripts/kubernetes-schemas.mjs" "$sources/api/openapi-spec/swagger.json" "$work/schemas" >&2 ||
  fail 'the schemas could not be made'
mv "$work/schemas" "$folder"
use "$folder" "Kubernetes $version"
