"""Fuzzes every parser for some minutes, or shows the input of a seed.

python -m tests.fuzz --minutes 10            every target in turn, with new seeds
python -m tests.fuzz --minutes 2 yaml sops   these alone
python -m tests.fuzz --show yaml 17          the input of a seed, on standard output
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from tests.fuzz.bounded import fuzz
from tests.fuzz.targets import TARGETS, module_of


def main() -> int:
    """Run what the arguments ask for; gives 1 where a fault was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; without any, all of them"
    )
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: 10)")
    parser.add_argument(
        "--show", nargs=2, metavar=("TARGET", "SEED"), help="write the input of a seed to standard output"
    )
    given = parser.parse_args()
    names = [given.show[0]] if given.show else given.targets or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]!r}; there are {', '.join(TARGETS)}")
    if given.show:
        sys.stdout.buffer.write(TARGETS[names[0]].made(given.show[1]))
        return 0
    return _run(names, given.minutes)


def _run(names: list[str], minutes: float) -> int:
    end, inputs, faults = time.monotonic() + minutes * 60, dict.fromkeys(names, 0), 0
    while time.monotonic() < end:
        for name in names:
            count = TARGETS[name].count
            # Seeds that begin with c draw on public files beside the project too, where there are any.
            for fault in fuzz(module_of(name), [f"{name}/c{secrets.token_hex(6)}" for _ in range(count)]):
                faults += 1
                sys.stdout.write(f"{fault}\n\n")
                sys.stdout.flush()
            inputs[name] += count
            if time.monotonic() > end:
                break
    each = ", ".join(f"{name} {count}" for name, count in inputs.items())
    sys.stdout.write(f"{sum(inputs.values())} inputs, {faults} faults: {each}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
