"""Writes src/xdpvs/bpf/layout.py from the BTF of the compiled data plane, so that C declares each type once.

What is generated is what bpf/types.h and bpf/maps.h declare; a type the object's BTF lacks was not anchored and is an
error here. Maps declared elsewhere are private to the program: nobody pins or reads them.
The map definitions are decoded from BTF too: libbpf's `__uint(name, value)` is a pointer to an array of that length.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Type = dict[str, Any]

MAP_TYPES = {1: "HASH", 2: "ARRAY", 6: "PERCPU_ARRAY", 11: "LPM_TRIE", 14: "DEVMAP", 27: "RINGBUF"}
MAP_CLASSES = {
    "HASH": "HashMap[{key}, {value}]",
    "ARRAY": "ArrayMap[{value}]",
    "PERCPU_ARRAY": "PercpuArray[{value}]",
    "LPM_TRIE": "HashMap[{key}, {value}]",
    "DEVMAP": "ArrayMap[{value}]",
    "RINGBUF": "int",
}
INTEGERS = {(1, False): "u1", (2, False): "u2", (4, False): "u4", (8, False): "u8", (4, True): "i4", (8, True): "i8"}
CTYPES = {
    "u1": "ctypes.c_uint8",
    "u2": "ctypes.c_uint16",
    "u4": "ctypes.c_uint32",
    "u8": "ctypes.c_uint64",
    "i4": "ctypes.c_int32",
    "i8": "ctypes.c_int64",
    ">u2": "be16",
    ">u4": "be32",
}
# Tables user space reads with numpy.
NUMPY_STRUCTS = ("conn", "neighbour")
# Counters and ring buffers nobody needs after an upgrade: their shape may change without costing connections.
DISPOSABLE_MAPS = ("drops", "events", "expired_conns")
DISPOSABLE_TYPES = ("drop_reason", "event_kind", "event", "expired_conn", "sweep_args", "neighbour_args")


@dataclass(frozen=True, slots=True)
class Field:
    """One member: form is a numpy letter code, a C structure's name, or either with a count."""

    name: str
    offset: int
    form: str
    count: int  # 0 = not an array
    size: int


@dataclass(frozen=True, slots=True)
class MapDefinition:
    """One map; key and value are "u4", "u8" or C structure names, empty without."""

    name: str
    kind: str
    key: str
    value: str
    key_size: int
    value_size: int
    max_entries: int
    flags: int


class Btf:
    """Looks things up in bpftool's raw JSON dump."""

    def __init__(self, types: list[Type]) -> None:
        self.by_id = {int(t["id"]): t for t in types}

    def named(self, kind: str, name: str) -> Type:
        """A type by kind and name; absence means that C did not anchor it."""
        for candidate in self.by_id.values():
            if candidate["kind"] == kind and candidate["name"] == name:
                return candidate
        raise SystemExit(f"gen_layout: {kind.lower()} {name} is not in the object's BTF: anchor it")

    def resolve(self, type_id: int) -> tuple[Type, bool]:
        """The type behind typedefs and qualifiers, and whether a typedef on the way was big-endian."""
        big_endian = False
        found = self.by_id[type_id]
        while found["kind"] in ("TYPEDEF", "CONST", "VOLATILE"):
            big_endian |= found["name"] in ("__be16", "__be32")
            found = self.by_id[int(found["type_id"])]
        return found, big_endian

    def form(self, type_id: int) -> tuple[str, int, int]:
        """(form, count, size) of a member or of a map's key or value."""
        found, big_endian = self.resolve(type_id)
        if found["kind"] == "ARRAY":
            form, count, size = self.form(int(found["type_id"]))
            if count:
                raise SystemExit("gen_layout: arrays of arrays are not supported")
            return form, int(found["nr_elems"]), size * int(found["nr_elems"])
        size = int(found["size"])
        if found["kind"] == "STRUCT":
            return str(found["name"]), 0, size
        if found["kind"] == "ENUM":
            return INTEGERS[(size, False)], 0, size
        if found["kind"] != "INT":
            raise SystemExit(f"gen_layout: cannot describe {found}")
        form = INTEGERS[(size, found["encoding"] == "SIGNED")]
        return (">" + form if big_endian else form), 0, size

    def fields(self, name: str) -> list[Field]:
        """Members of a structure, padding the compiler inserted as members of their own."""
        struct = self.named("STRUCT", name)
        found, position = [], 0
        for member in struct["members"]:
            form, count, size = self.form(int(member["type_id"]))
            offset = int(member["bits_offset"]) // 8
            if offset != position:
                found.append(Field(f"padding{position}", position, "u1", offset - position, offset - position))
            found.append(Field(str(member["name"]), offset, form, count, size))
            position = offset + size
        if (rest := int(struct["size"]) - position) != 0:
            found.append(Field(f"padding{position}", position, "u1", rest, rest))
        return found

    def maps(self, names: list[str]) -> list[MapDefinition]:
        """The maps named, in that order: BTF has them in order of first use, which changes with any line of C."""
        found = [self.by_id[int(var["type_id"])] for var in self.named("DATASEC", ".maps")["vars"]]
        by_name = {str(var["name"]): var for var in found}
        return [self._map(by_name[name]) for name in names]

    def _map(self, var: Type) -> MapDefinition:
        definition, _ = self.resolve(int(var["type_id"]))
        numbers = {"map_flags": 0, "max_entries": 0, "type": 0}
        forms = {"key": ("", 0), "value": ("", 0)}
        for member in definition["members"]:
            pointer, _ = self.resolve(int(member["type_id"]))
            target = int(pointer["type_id"])
            if member["name"] in forms:
                form, _, size = self.form(target)
                forms[str(member["name"])] = (form, size)
            else:
                numbers[str(member["name"])] = int(self.by_id[target]["nr_elems"])
        (key, key_size), (value, value_size) = forms["key"], forms["value"]
        kind = MAP_TYPES[numbers["type"]]
        return MapDefinition(
            str(var["name"]), kind, key, value, key_size, value_size, numbers["max_entries"], numbers["map_flags"]
        )


def camel(name: str) -> str:
    """conn_key → ConnKey."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def stripped(names: list[str]) -> list[str]:
    """Members without the prefix they share, up to an underscore; a lone member loses its first word."""
    prefix = names[0][: names[0].index("_") + 1]
    while all(name.startswith(prefix) for name in names):
        rest = [name[len(prefix) :] for name in names]
        parts = {name.split("_")[0] for name in rest}
        if len(names) > 1 and len(parts) == 1 and all("_" in name for name in rest):
            prefix += parts.pop() + "_"
            continue
        return rest if all(name.isidentifier() for name in rest) else names
    return names


def enum_source(enum: Type) -> str:
    """An IntEnum, an IntFlag for *_flags, or plain constants for `limits` (whose equal values would be aliases)."""
    values = [(str(v["name"]), int(v["val"])) for v in enum["values"]]
    if enum["name"] == "limits":
        return "\n".join(f"{name}: Final = {value}" for name, value in values) + "\n"
    base = "enum.IntFlag" if enum["name"].endswith("_flags") else "enum.IntEnum"
    names = stripped([name for name, _ in values])
    lines = [f"class {camel(enum['name'])}({base}):", f'    """C: enum {enum["name"]}."""', ""]
    lines += [f"    {name} = {value}" for name, (_, value) in zip(names, values, strict=True)]
    return "\n".join(lines) + "\n"


def field_source(field: Field) -> tuple[str, str]:
    """(entry of _fields_, attribute declaration) of a member."""
    if field.count and field.form == "u1":
        return f'("_{field.name}", ctypes.c_uint8 * {field.count})', f"{field.name} = ByteArray({field.count})"
    ctype = CTYPES.get(field.form) or camel(field.form)
    if field.count:
        annotation = f"ctypes.Array[{ctype}]"
        return f'("{field.name}", {ctype} * {field.count})', f"{field.name}: {annotation}"
    return f'("{field.name}", {ctype})', f"{field.name}: {'int' if field.form in CTYPES else ctype}"


def struct_source(name: str, fields: list[Field]) -> str:
    """A ctypes.Structure."""
    entries, attributes = zip(*(field_source(field) for field in fields), strict=True)
    lines = [f"class {camel(name)}(Struct):", f'    """C: struct {name}, {sum(f.size for f in fields)} bytes."""', ""]
    lines += ["    _fields_ = ("] + [f"        {entry}," for entry in entries] + ["    )"]
    lines += [f"    {attribute}" for attribute in attributes]
    return "\n".join(lines) + "\n"


def dtype_source(name: str, btf: Btf) -> str:
    """Arguments of numpy.dtype, nested structures flattened to key_saddr and so on."""
    rows: list[tuple[str, str, int]] = []

    def flatten(struct: str, prefix: str, base: int) -> None:
        for field in btf.fields(struct):
            if field.form not in CTYPES:
                flatten(field.form, f"{prefix}{field.name}_", base + field.offset)
            elif not field.name.startswith("pad"):
                form = f"({field.count},){field.form}" if field.count else field.form
                rows.append((prefix + field.name, form, base + field.offset))

    flatten(name, "", 0)
    lines = [f"{name.upper()}_DTYPE: Final = {{"]
    for key, column in (("names", 0), ("formats", 1), ("offsets", 2)):
        lines.append(f'    "{key}": [')
        lines += [f"        {json.dumps(row[column])}," for row in rows]
        lines.append("    ],")
    lines.append(f'    "itemsize": {sum(f.size for f in btf.fields(name))},')
    return "\n".join([*lines, "}"]) + "\n"


def python_type(form: str) -> str:
    """What a map's key or value is in Python."""
    return "int" if form in ("", "u4", "u8") else camel(form)


def codec(form: str) -> str:
    """The codec expression of a key or value."""
    return {"u4": "U32", "u8": "U64"}.get(form) or f"codec_of({camel(form)})"


def maps_source(maps: list[MapDefinition]) -> str:
    """MAPS, and the class Maps that opens them all with their types."""
    lines = ["MAPS: Final = ("]
    for m in maps:
        sizes = f"{m.key_size}, {m.value_size}, {m.max_entries}, {m.flags}"
        lines.append(f'    MapSpec("{m.name}", MapType.{m.kind}, {sizes}),')
    disposable = ", ".join(f'"{m.name}"' for m in maps if m.name in DISPOSABLE_MAPS)
    lines += [
        ")",
        f"DISPOSABLE_MAPS: Final = frozenset(({disposable},))",
        "",
        "",
        "@dataclass(frozen=True, slots=True)",
        "class Maps:",
    ]
    lines += ['    """Every map of the data plane, typed; events is the ring buffer\'s descriptor."""', ""]
    for m in maps:
        annotation = MAP_CLASSES[m.kind].format(key=python_type(m.key), value=python_type(m.value))
        lines.append(f"    {m.name}: {annotation}")
    lines += ["", "    @classmethod", "    def of(cls, fd_of: Callable[[str], int]) -> Maps:"]
    lines += ['        """Maps over the descriptors fd_of returns by name; whoever owns those keeps them open."""']
    lines += ["        return cls("]
    for m in maps:
        fd = f'fd_of("{m.name}")'
        if m.kind == "RINGBUF":
            lines.append(f"            {fd},")
        elif m.kind in ("HASH", "LPM_TRIE"):
            lines.append(f"            HashMap({fd}, {codec(m.key)}, {codec(m.value)}),")
        else:
            name = "PercpuArray" if m.kind == "PERCPU_ARRAY" else "ArrayMap"
            lines.append(f"            {name}({fd}, {codec(m.value)}),")
    return "\n".join([*lines, "        )"]) + "\n"


def refuse_padding(key: str, structs: dict[str, list[Field]]) -> None:
    """Keys are compared as bytes, so padding must have a name in C, where it is zeroed."""
    for field in structs.get(key, []):
        if field.name.startswith("padding"):
            raise SystemExit(f"gen_layout: struct {key} is a key and has {field.size} unnamed bytes at {field.offset}")


def layout_hash(enums: list[Type], structs: dict[str, list[Field]], maps: list[MapDefinition]) -> str:
    """Changes with anything that makes old pinned connections unreadable, not with mere counters and events."""
    facts = [
        [[e["name"], [[v["name"], v["val"]] for v in e["values"]]] for e in enums if e["name"] not in DISPOSABLE_TYPES],
        [
            [n, [[f.name, f.offset, f.form, f.count] for f in fs]]
            for n, fs in structs.items()
            if n not in DISPOSABLE_TYPES
        ],
        [
            [m.name, m.kind, m.key, m.value, m.key_size, m.value_size, m.max_entries, m.flags]
            for m in maps
            if m.name not in DISPOSABLE_MAPS
        ],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


HEADER = '''"""Types, enums and maps of the data plane, written by tools/gen_layout.py (make generate)."""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from xdpvs.bpf.maps import ArrayMap, HashMap, MapSpec, MapType, PercpuArray
from xdpvs.bpf.structure import U32, U64, ByteArray, Struct, be16, be32, codec_of
'''


def pruned_header(body: str) -> str:
    """The imports the body needs and no others, as ruff wants them."""
    lines = []
    for line in HEADER.splitlines():
        head, found, names = line.partition(" import ")
        if found and head.startswith("from xdpvs"):
            used = [name for name in names.split(", ") if re.search(rf"\b{name}\b", body)]
            line = f"{head} import {', '.join(used)}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def source(btf: Btf, declarations: list[tuple[str, str]], map_names: list[str]) -> str:
    """The whole module."""
    enums = [btf.named("ENUM", name) for kind, name in declarations if kind == "enum"]
    structs = {name: btf.fields(name) for kind, name in declarations if kind == "struct"}
    maps = btf.maps(map_names)
    for m in maps:
        refuse_padding(m.key, structs)
    parts = [enum_source(enum) for enum in enums]
    parts += [struct_source(name, fields) for name, fields in structs.items()]
    parts += [dtype_source(name, btf) for name in NUMPY_STRUCTS]
    parts += [maps_source(maps)]
    body = "\n\n".join(parts)
    tail = f'LAYOUT_HASH: Final = "{layout_hash(enums, structs, maps)}"\n'
    return f"{pruned_header(body)}\n\n{body}\n\n{tail}"


def main() -> int:
    """Writes the module, or with --check compares and tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("object", type=Path)
    parser.add_argument("--headers", type=Path, default=ROOT / "bpf", help="directory of types.h and maps.h")
    parser.add_argument("--output", type=Path, default=ROOT / "src/xdpvs/bpf/layout.py")
    parser.add_argument("--check", action="store_true", help="compare with the committed file instead of writing it")
    args = parser.parse_args()
    dump = subprocess.run(
        ["bpftool", "btf", "dump", "file", str(args.object), "format", "raw", "-j"], check=True, capture_output=True
    )
    declarations = re.findall(r"^(enum|struct) (\w+) \{", (args.headers / "types.h").read_text(), re.MULTILINE)
    map_names = re.findall(r"^\} (\w+) SEC\(\"\.maps\"\)", (args.headers / "maps.h").read_text(), re.MULTILINE)
    text = source(Btf(json.loads(dump.stdout)["types"]), declarations, map_names)
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--quiet", "--stdin-filename", str(args.output), "-"],
        input=text,
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    if args.check:
        if args.output.read_text() == formatted:
            return 0
        print(f"gen_layout: {args.output} does not match {args.object}: run make generate", file=sys.stderr)
        return 1
    args.output.write_text(formatted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
