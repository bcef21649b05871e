#!/bin/sh
# Collects the definitions of custom resources (CRDs) of the projects that our manifests speak to, for the API server of
# test/cluster. The last line on stdout is their folder: cert-manager/, envoy-gateway/, gateway-api/, istio/ and
# prometheus-operator/ with YAML files each; what it does is said on stderr.
# In this order: $MESH_CRDS, .cache/mesh-crds/<checksum of this script>/, and else taken there out of those projects' Go
# modules (checked by Go's checksum database).
# Exit: 0 found, 1 cannot be had (the remedy is on stderr), 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
name=mesh-crds
variable=MESH_CRDS
how_else='install Go, or make the folder elsewhere (scripts/mesh-crds.sh says what is in it)'
# shellcheck source=scripts/lib/go-tool.sh
. "$root/scripts/lib/go-tool.sh"

[ $# -eq 0 ] || { say 'usage: scripts/mesh-crds.sh'; exit 2; }

# unpack MODULE@VERSION: fetches it, and sets `sources` to its folder.
unpack() {
  say "fetching $1"
  answer=$(cd "$work" && GOTOOLCHAIN=local GOFLAGS=-mod=mod go mod download -json "$1") || fail "Go could not fetch $1"
  sources=$(printf '%s\n' "$answer" | sed -n 's/^.*"Dir": "\(.*\)",*$/\1/p')
}

# take PROJECT FILE...: the files below `sources` become that project's.
take() {
  mkdir -p "$work/crds/$1"
  project=$1
  shift
  for file; do install -m 644 "$sources"/$file "$work/crds/$project/" || fail "there is no $file in $sources"; done
}

if [ -n "${MESH_CRDS:-}" ]; then
  [ -d "$MESH_CRDS" ] || fail "MESH_CRDS=$MESH_CRDS is not a folder"
  use "$MESH_CRDS" MESH_CRDS
fi
folder=$root/.cache/$name/$(cksum < "$0" | cut -d ' ' -f 1)
[ ! -d "$folder" ] || use "$folder" 'the collected CRDs'

command -v go >/dev/null 2>&1 || fail 'there is no Go to fetch them with'
mkdir -p "$root/.cache/$name"
work=$(mktemp -d "$root/.cache/$name/.make.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

unpack github.com/cert-manager/cert-manager@v1.21.2
take cert-manager 'deploy/crds/*.yaml'
# The version of scripts/egctl.sh.
unpack github.com/envoyproxy/gateway@v1.9.1
take gateway-api charts/gateway-helm/charts/crds/crds/gatewayapi-crds.yaml
take envoy-gateway 'charts/gateway-helm/charts/crds/crds/generated/*.yaml'
# The version of scripts/istioctl.sh.
unpack istio.io/istio@v0.0.0-20260827124520-eed52ebb66ad
take istio manifests/charts/base/files/crd-all.gen.yaml
unpack github.com/prometheus-operator/prometheus-operator@v0.85.0
take prometheus-operator 'example/prometheus-operator-crd/*.yaml'
[ -d "$folder" ] || mv "$work/crds" "$folder"
use "$folder" 'the collected CRDs'
