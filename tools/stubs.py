"""Generates gen/ from protos/: Python stubs, their types, and one descriptor set with every comment.

``gen/aljibe.binpb`` is a FileDescriptorSet of our protos and all they import, with source information: the
OpenAPI document, the documentation page and `buf` read it.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import google.api
import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GEN = ROOT / "gen"
DESCRIPTORS = "aljibe.binpb"


def includes(protos: Path) -> list[Path]:
    """Folders in which protoc looks for imports: ours, google/api and google/rpc, google/protobuf."""
    common = Path(next(iter(google.api.__path__))).parent.parent
    builtin = Path(next(iter(grpc_tools.__path__))) / "_proto"
    return [protos, common, builtin]


def describe(protos: Path, out: Path) -> bool:
    """Write the descriptors of every proto below ``protos``, with its imports and comments, to ``out``."""
    files = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
    arguments = ["protoc", *(f"--proto_path={folder}" for folder in includes(protos))]
    arguments += [f"--descriptor_set_out={out}", "--include_imports", "--include_source_info"]
    return int(protoc.main([*arguments, *files])) == 0


def generate(out: Path, files: list[str]) -> bool:
    """Write stubs and types of ``files`` (paths below protos/) and the descriptors into ``out``."""
    arguments = ["protoc", *(f"--proto_path={folder}" for folder in includes(PROTOS))]
    arguments += [f"--python_out={out}", f"--grpc_python_out={out}"]
    typed = shutil.which("protoc-gen-mypy", path=str(Path(sys.executable).parent))
    if typed:
        grpc_typed = typed.replace("protoc-gen-mypy", "protoc-gen-mypy_grpc")
        arguments += [f"--plugin=protoc-gen-mypy={typed}", f"--mypy_out=quiet:{out}"]
        arguments += [f"--plugin=protoc-gen-mypy_grpc={grpc_typed}", f"--mypy_grpc_out=quiet:{out}"]
    return int(protoc.main([*arguments, *files])) == 0 and describe(PROTOS, out / DESCRIPTORS)


def main() -> int:
    """Replace gen/ as a whole, so that nothing of a deleted proto stays behind."""
    started = time.monotonic()
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    fresh = ROOT / "gen.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    if files and not generate(fresh, files):
        print("stubs: protoc refused the protos; gen/ is as it was", file=sys.stderr)
        shutil.rmtree(fresh)
        return 1
    shutil.rmtree(GEN, ignore_errors=True)
    fresh.rename(GEN)
    print(f"stubs: {len(files)} protos in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
