#!/usr/bin/env bash
# Known holes (pip-audit) and licences of what `pip install "anyfast-integrations[all]"` brings, in an environment of its own.
set -euo pipefail
venv=.venv-audit
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
uv=$venv/bin/uv
"$uv" venv --quiet --clear --python "$venv/bin/python" "$venv/installed"
"$uv" pip install --quiet --python "$venv/installed/bin/python" '.[all]'
"$uv" pip install --quiet --python "$venv/bin/python" pip-audit pip-licenses
"$venv/bin/pip-licenses" --python "$venv/installed/bin/python" --from=mixed --format=plain-vertical --partial-match \
    --allow-only='MIT;BSD;Apache;ISC;PSF;Python Software Foundation;MPL;Mozilla;Unlicense;0BSD;CNRI-Python' >/dev/null
echo "licences: all permissive or MPL"
"$uv" pip freeze --python "$venv/installed/bin/python" --exclude-editable | grep -v '^anyfast-integrations' >"$venv/requirements.txt"
# --strict: what could not be looked up is not what has no holes.
if said=$("$venv/bin/pip-audit" --strict --requirement "$venv/requirements.txt" --no-deps --disable-pip --progress-spinner off 2>&1); then
    echo "$said"
elif grep -qE 'not found on PyPI and could not be audited|ServiceError|ConnectionError|could not connect' <<<"$said"; then
    echo "known holes: NOT LOOKED UP, for the package index that is reached from here serves no advisories:"
    grep -E 'ERROR|Error' <<<"$said" | tail -n 1
else
    echo "$said"
    exit 1
fi
