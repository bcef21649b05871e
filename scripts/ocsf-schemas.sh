#!/bin/sh
# Makes JSON schemas of the OCSF classes that `countersign audit export` writes. The last line on stdout is their folder; what it does is said
# on stderr. In this order: $OCSF_SCHEMAS, .cache/ocsf-schemas/<package>-<schema>/, and else made there by the Python package ocsf-json-schema
# (MIT; the schema in it is of schema.ocsf.io, Apache-2.0), pinned by version and hash. Nothing of it is shipped.
# Environment: OCSF_SCHEMAS, PYTHON (default python3, 3.10 or newer). Exit: 0 made, 1 cannot be had, 2 wrong usage.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
package=1.2.0
schema=1.5.0
classes='6003 4001 6002'
hash=64d819042d20c3c04bc0d024c7c47c41006ebbe0209ce768ba6efa1240106708
# Its name says all that the schemas are made of, so that other ones are made when that changes.
folder=$root/.cache/ocsf-schemas/$package-$schema-$(printf '%s' "$classes" | tr ' ' '-')
python=${PYTHON:-python3}

say() { printf 'ocsf-schemas.sh: %s\n' "$*" >&2; }

fail() {
  say "$1"
  say "install Python 3.10 or newer with pip, or set OCSF_SCHEMAS=/path/to/a/folder with $classes, each .json"
  exit 1
}

use() {
  say "using $2: $1"
  printf '%s\n' "$1"
  exit 0
}

[ $# -eq 0 ] || { say 'usage: scripts/ocsf-schemas.sh'; exit 2; }

if [ -n "${OCSF_SCHEMAS:-}" ]; then
  [ -d "$OCSF_SCHEMAS" ] || fail "OCSF_SCHEMAS=$OCSF_SCHEMAS is not a folder"
  use "$OCSF_SCHEMAS" OCSF_SCHEMAS
fi
[ ! -d "$folder" ] || use "$folder" "OCSF $schema"

"$python" -m pip --version >/dev/null 2>&1 || fail "there is no $python with pip to fetch ocsf-json-schema with"
mkdir -p "$root/.cache/ocsf-schemas" || fail "cannot write to $root/.cache"
work=$(mktemp -d "$root/.cache/ocsf-schemas/.make.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
printf 'ocsf-json-schema==%s --hash=sha256:%s\n' "$package" "$hash" >"$work/requirements.txt"
say "fetching ocsf-json-schema $package with pip (2.4 MB, hash-checked)"
"$python" -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes --only-binary :all: \
  --dest "$work" --requirement "$work/requirements.txt" >&2 ||
  fail "pip could not fetch ocsf-json-schema $package"
mkdir "$work/schemas"
# shellcheck disable=SC2086
"$python" -B - "$work" "$schema" $classes <<'PYTHON' || fail 'the schemas could not be made'
import glob, json, sys, zipfile
work, version, *classes = sys.argv[1:]
(wheel,) = glob.glob(work + "/*.whl")
zipfile.ZipFile(wheel).extractall(work + "/package")
sys.path.insert(0, work + "/package")
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema


def in_full(node):
    """An alternative that only requires a member asks for it by name, which zod, the reader of the tests, would pass over."""
    if isinstance(node, list):
        return [in_full(each) for each in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"required"} and isinstance(node["required"], list):
        return {"type": "object", "properties": {name: {} for name in node["required"]}, **node}
    return {name: in_full(value) for name, value in node.items()}


source = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
for uid in map(int, classes):
    made = in_full(source.get_class_schema(source.lookup_class_name_from_uid(uid)))
    with open(f"{work}/schemas/{uid}.json", "w", encoding="utf-8") as target:
        json.dump(made, target)
PYTHON
# They move into their place whole: two that make them at once do not disturb each other.
[ -d "$folder" ] || mv "$work/schemas" "$folder" || fail "cannot write to $folder"
use "$folder" "OCSF $schema"
