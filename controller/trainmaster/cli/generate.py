"""`python -m trainmaster.cli.generate`: writes every file that is made from the models, or checks that none differs.

Lives here: which texts become which files. Never here: the texts.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trainmaster.api.crd import crd_yaml
from trainmaster.api.reference import reference_markdown
from trainmaster.cli.settings_page import settings_markdown

FILES: Mapping[str, Callable[[], str]] = {
    "crds/trainingjobs.yaml": crd_yaml,
    "charts/trainmaster/crds/trainingjobs.yaml": crd_yaml,
    "docs/reference/trainingjob.md": reference_markdown,
    "docs/reference/settings.md": settings_markdown,
}
"""path below the root of the repository -> what makes its text"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files below --root, or with --check print what would change; the exit code is 1 if anything would."""
    parser = argparse.ArgumentParser(prog="python -m trainmaster.cli.generate", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="root of the repository (default: here)")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file differs")
    chosen = parser.parse_args(arguments)
    return check(chosen.root) if chosen.check else write(chosen.root)


def write(root: Path) -> int:
    """Write every file that differs."""
    for name, make in FILES.items():
        path, text = root / name, make()
        if _text_of(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}")
    return 0


def check(root: Path) -> int:
    """Print the difference of every file that differs; 1 if one does."""
    different = False
    for name, make in FILES.items():
        old, new = _text_of(root / name).splitlines(), make().splitlines()
        lines = list(difflib.unified_diff(old, new, name, f"{name} as api/ has it", lineterm=""))
        different = different or bool(lines)
        print("\n".join(lines), end="\n" if lines else "")
    return int(different)


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
