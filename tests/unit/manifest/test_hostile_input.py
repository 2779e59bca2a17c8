"""No input takes over a second or 200 MB, and none raises."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

_HEAD = 'spin_manifest_version = 2\n[application]\nname = "a"\n'
_TAIL = '[[trigger.http]]\nroute = "/"\ncomponent = "a"\n[component.a]\nsource = "a"\n'
_V = _HEAD + _TAIL
_CASES: dict[str, str] = {
    "a dotted key of 20 KB": "a." * 10_000 + "b = 1\n",
    "a header of 20 KB": "[" + "a." * 10_000 + "b]\n",
    "a quoted dotted key of 20 KB": '"a".' * 5_000 + "b = 1\n",
    "a dotted key in an inline table": "x = { " + "a." * 10_000 + "b = 1 }\n",
    "79 parts many times": "".join(f"k{n}." + "a." * 77 + "b = 1\n" for n in range(1_500)),
    "brackets": "a = " + "[" * 200_000,
    "closed brackets": _V + "x = " + "[" * 500 + "]" * 500,
    "braces": "a = " + "{a=" * 60_000,
    "closed braces": _V + "x = " + "{a=" * 300 + "1" + "}" * 300,
    "an integer of 5,000 digits": _V + "x = " + "9" * 5_000,
    "an integer of 200,000 digits": _V + "x = " + "9" * 200_000,
    "hexadecimal digits": _V + "x = 0x" + "f" * 200_000,
    "a long float": _V + "x = 1." + "9" * 200_000,
    "a huge exponent": _V + "x = 1e999999999",
    "unknown fields at the top": "\n".join(f"applicatio{n} = 1" for n in range(12_000)) + "\n" + _V,
    "unknown fields in components": _HEAD + "".join(f"[component.a{n}]\nsorce=1\n" for n in range(9_000)),
    "components that name missing ones": _HEAD
    + "".join(f'[[trigger.http]]\nroute="/{n}"\ncomponent="c{n}"\n' for n in range(3_500))
    + "".join(f'[component.d{n}]\nsource="a"\n' for n in range(1_500)),
    "a long list": _V + "files = [" + '"a",' * 60_000 + "]\n",
    "19,000 files": _V + "files = [" + '"a",' * 19_000 + "]\n",
    "19,000 bad hosts": _V + "allowed_outbound_hosts = [" + '"a",' * 19_000 + "]\n",
    "19,000 good hosts": _V + "allowed_outbound_hosts = [" + '"*://*:*",' * 19_000 + "]\n",
    "many dependencies of one package": _V
    + "[component.a.dependencies]\n"
    + "".join(f'"a:b/c{n}" = "1"\n' for n in range(12_000)),
    "a template bomb": _HEAD
    + '[variables]\nv = { default = "'
    + "x" * 60_000
    + '" }\n'
    + _TAIL
    + "allowed_outbound_hosts = ["
    + ('"https://' + "{{v}}" * 30 + '",') * 1_000
    + "]\n",
    "open templates": _V + 'variables = { a = "' + "{{" * 100_000 + '" }\n',
    "stars": _V + 'files = ["' + "*a" * 100_000 + '"]\n',
    "open ranges": _V + 'files = ["' + "[" * 200_000 + '"]\n',
    "a long id": _V.replace('"a"\n[component', '"' + "a-" * 100_000 + '"\n[component'),
    "a long host": _V + 'allowed_outbound_hosts = ["https://' + "a." * 100_000 + '"]\n',
    "a long requirement": _V + 'dependencies = { "a:b" = "' + "1," * 100_000 + '" }\n',
    "a requirement of spaces": _V + 'dependencies = { "a:b" = "' + " " * 200_000 + '" }\n',
    "comments": "#\n" * 120_000 + _V,
    "blanks": " " * 200_000 + "\n" + _V,
    "commas and quotes": _V + "x = '" + ',"' * 100_000 + "'\n",
    "a string of dots": _V + 'description = "' + "a." * 100_000 + '"\n',
    "300 KB": "#" * 300_000,
    "NUL": _V + "\x00",
    "carriage returns": _V + "\r\r\r",
}
_CHILD = """
import resource, sys, time
from reconciler.manifest import parse
parse(b'spin_manifest_version = 2', 'warm.toml')
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF)
parsed = parse(data, 'spin.toml')
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, len(parsed.problems), parsed.application is None)
"""


def _limit() -> None:
    limit = 400 * 1024 * 1024  # address space: 200 MB beyond what the interpreter and its libraries map
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@pytest.mark.parametrize("text", _CASES.values(), ids=_CASES.keys())
def test_hostile_text_costs_less_than_a_second_and_200_mb(text: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=text.encode(),
        capture_output=True,
        check=False,
        preexec_fn=_limit,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr.decode()[-2000:]
    seconds, problems, refused = child.stdout.split()
    assert float(seconds) < 1.0
    assert int(problems) > 0 or refused == b"False"
