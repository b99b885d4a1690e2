r"""Read the tensors of a PyTorch file without PyTorch and without running anything the file says.

A `.pt` or `.pth` file is a pickle, and a pickle is a program: loading it with `pickle` or an old
`torch.load` can run any function on the machine. Here a small machine of its own executes the opcodes that
describe plain data, with numpy in the place of torch. It knows three callables by name, looks nothing up,
imports nothing, and refuses everything else. (PyTorch's own `weights_only=True` works the same way. A
subclass of `pickle.Unpickler` with a strict `find_class` would stop code too, but not a pickle made to
exhaust memory or the interpreter's stack.)

Both layouts of the format are read:

* legacy: five pickles one after another (magic number, protocol, sys_info, the object, the storage keys),
  then for each key an int64 count of elements and the elements themselves;
* zip (since PyTorch 1.6): `<name>/data.pkl`, and one uncompressed file `<name>/data/<key>` for each storage.
"""

import io
import math
import pickletools
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from reference.errors import WeightsError

Array = npt.NDArray[np.generic]

MAX_FILE_BYTES: Final = 1 << 30
MAX_ELEMENTS: Final = 1 << 28
MAX_OPCODES: Final = 1_000_000
MAX_DIMENSIONS: Final = 8

_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_START: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_PROTOCOL: Final = 1001
_ZIP_START: Final = b"PK\x03\x04"

# bfloat16 is unknown to numpy: its 16 bits are the upper half of a float32.
_BFLOAT16: Final = "bfloat16"
_STORAGE_TYPES: Final = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
# Under these keys training code keeps the weights beside other things.
_WRAPPERS: Final = ("state_dict", "model_state_dict", "model", "net", "network", "weights", "params")


@dataclass(frozen=True)
class _Global:
    """A name the pickle asked for, one of those allowed."""

    name: str


@dataclass(frozen=True)
class _Storage:
    """A run of numbers elsewhere in the file."""

    key: str
    dtype: str
    numel: int

    @property
    def nbytes(self) -> int:
        return self.numel * (2 if self.dtype == _BFLOAT16 else np.dtype(self.dtype).itemsize)


@dataclass(frozen=True)
class _Tensor:
    """A window on a storage; all counts in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def is_torch_file(start: bytes) -> bool:
    """Whether a file that begins with these bytes (16 are enough) is one of PyTorch's, going by content."""
    return start.startswith((_ZIP_START, _LEGACY_START))


def read_torch_file(path: Path) -> dict[str, Array]:
    """Read the state dict of a `.pt` or `.pth` file: parameter name -> array, as stored.

    A state dict inside another dict, such as `{"state_dict": ...}`, is found.

    Raises:
        WeightsError: damaged, truncated, too large, no tensors in it, or not plain data ("holds code").
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise WeightsError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB, refused")
    try:
        return parse_torch_bytes(path.read_bytes())
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def parse_torch_bytes(data: bytes) -> dict[str, Array]:
    """Do what `read_torch_file` does, on the content of a file."""
    try:
        with warnings.catch_warnings():
            # A damaged name can look like a wrong escape sequence; the error that follows says enough.
            warnings.simplefilter("ignore", DeprecationWarning)
            return _parse_zip(data) if data.startswith(_ZIP_START) else _parse_legacy(data)
    except (
        # What damaged bytes cause in the machine below, in zipfile, in struct and in numpy. It is never the
        # file's own code that raises: no opcode leads to a function other than the three.
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        struct.error,
        zipfile.BadZipFile,
    ) as error:
        raise WeightsError(f"not a readable PyTorch file, damaged or truncated ({error})") from None


def _parse_legacy(data: bytes) -> dict[str, Array]:
    stream = io.BytesIO(data)
    if not data.startswith(_LEGACY_START) or _unpickle(stream) != _LEGACY_MAGIC:
        raise WeightsError("not a PyTorch file")
    if _unpickle(stream) != _LEGACY_PROTOCOL:
        raise WeightsError("an unknown version of PyTorch's format")
    if not _unpickle(stream)["little_endian"]:
        raise WeightsError("written on a big-endian machine, refused")
    storages: dict[str, _Storage] = {}
    tensors = _state_dict(_unpickle(stream, storages))
    keys = _unpickle(stream)

    raw: dict[str, memoryview] = {}
    view = memoryview(data)
    at = stream.tell()
    for key in keys:
        (numel,) = struct.unpack_from("<q", data, at)
        at += 8
        storage = storages[key]
        if storage.numel != numel:
            raise WeightsError(f"storage {key!r} has {numel} elements where {storage.numel} were announced")
        raw[key] = view[at : at + storage.nbytes]
        at += storage.nbytes
    return _arrays(tensors, raw)


def _parse_zip(data: bytes) -> dict[str, Array]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: info for info in archive.infolist()}
        pickles = [name for name in members if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise WeightsError("not a PyTorch file: a zip without its data.pkl")
        root = pickles[0].removesuffix("data.pkl")

        def member(name: str) -> bytes:
            info = members[root + name]
            # PyTorch never compresses, so that what is read is never larger than the file.
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > len(data):
                raise WeightsError(f"{name} is compressed or larger than the file, refused")
            return archive.read(info)

        if root + "byteorder" in members and member("byteorder") != b"little":
            raise WeightsError("written on a big-endian machine, refused")
        tensors = _state_dict(_unpickle(io.BytesIO(member("data.pkl"))))
        keys = {tensor.storage.key for tensor in tensors.values()}
        return _arrays(tensors, {key: memoryview(member(f"data/{key}")) for key in keys})


def _state_dict(loaded: object, depth: int = 3) -> dict[str, _Tensor]:
    if isinstance(loaded, dict):
        if tensors := {key: value for key, value in loaded.items() if isinstance(value, _Tensor)}:
            return tensors
        for key in _WRAPPERS:
            if depth and key in loaded:
                return _state_dict(loaded[key], depth - 1)
    raise WeightsError("holds no tensors under names (a whole pickled model? save its state_dict())")


def _arrays(tensors: Mapping[str, _Tensor], raw: Mapping[str, memoryview]) -> dict[str, Array]:
    if sum(math.prod(tensor.shape) for tensor in tensors.values()) > MAX_ELEMENTS:
        raise WeightsError(f"more than {MAX_ELEMENTS} numbers, refused")
    return {name: _array(tensor, raw[tensor.storage.key]) for name, tensor in tensors.items()}


def _array(tensor: _Tensor, raw: memoryview) -> Array:
    storage = tensor.storage
    if len(raw) != storage.nbytes:
        raise WeightsError(f"storage {storage.key!r} is cut short: {len(raw)} of {storage.nbytes} bytes")
    if storage.dtype == _BFLOAT16:
        flat: Array = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    elif storage.dtype == "?":
        flat = np.frombuffer(raw, "u1") != 0
    else:
        flat = np.frombuffer(raw, storage.dtype)

    if len(tensor.shape) != len(tensor.strides) or len(tensor.shape) > MAX_DIMENSIONS:
        raise WeightsError(f"a tensor of shape {tensor.shape} with strides {tensor.strides}")
    if min((tensor.offset, *tensor.shape, *tensor.strides)) < 0:
        raise WeightsError("a tensor with a negative offset, size or stride")
    if 0 in tensor.shape:
        return np.empty(tensor.shape, flat.dtype)
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if last >= storage.numel:
        raise WeightsError(f"a tensor reaches beyond its storage ({last} of {storage.numel})")
    # The bounds were checked in the lines above: as_strided itself does not.
    window = np.lib.stride_tricks.as_strided(
        flat[tensor.offset :], tensor.shape, [step * flat.itemsize for step in tensor.strides]
    )
    return window.copy()


# -- the machine --------------------------------------------------------------------------------------------


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or not all(type(n) is int for n in numbers):
        raise WeightsError("a tensor is not described by a storage and whole numbers")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(data: _Tensor, *_: object) -> _Tensor:
    if not isinstance(data, _Tensor):
        raise WeightsError("a parameter without its tensor")
    return data


def _ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for key, value in pairs:
        _set(result, key, value)
    return result


_CALLABLES: Final[Mapping[str, Callable[..., Any]]] = {
    "collections OrderedDict": _ordered_dict,
    "torch._utils _rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils _rebuild_parameter": _rebuild_parameter,
}


def _find_global(name: str) -> _Global:
    module, _, attribute = name.partition(" ")
    if name in _CALLABLES or (module == "torch" and attribute in _STORAGE_TYPES):
        return _Global(name)
    raise WeightsError(f"holds code; refused (it asks for {name.replace(' ', '.')[:80]!r})")


def _persistent(reference: tuple[Any, ...]) -> _Storage:
    kind, storage_type, key, _location, numel, *view = reference
    if kind != "storage" or not isinstance(storage_type, _Global) or not isinstance(key, str):
        raise WeightsError("an unknown kind of reference")
    if type(numel) is not int or numel < 0 or any(part is not None for part in view):
        raise WeightsError(f"storage {key!r} is described in a way this reader does not know")
    return _Storage(key, _STORAGE_TYPES[storage_type.name.removeprefix("torch ")], numel)


def _set(target: Any, key: object, value: object) -> None:
    # Only plain keys: hashing a tuple nested a million deep would overflow the interpreter's own stack.
    if type(target) is not dict or not isinstance(key, (str, int)):
        raise WeightsError("a dict with keys that are not names")
    target[key] = value


def _unpickle(stream: io.BytesIO, storages: dict[str, _Storage] | None = None) -> Any:
    """Execute one pickle, of opcodes for plain data only, and leave the stream behind it.

    The storages it refers to are entered in `storages`, also those that belong to no weight: they take up
    room in the file.
    """
    machine = _Machine({} if storages is None else storages)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count > MAX_OPCODES:
            raise WeightsError(f"more than {MAX_OPCODES} pickle opcodes, refused")
        if opcode.name == "STOP":
            return machine.stack.pop()
        machine.execute(opcode.name, argument)
    raise WeightsError("a pickle without an end")


class _Machine:
    """The state of one pickle's execution.

    Args:
        storages: the storages that were referred to, by key.
    """

    def __init__(self, storages: dict[str, _Storage]) -> None:
        self.stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._storages = storages

    def execute(self, opcode: str, argument: Any) -> None:
        """Do what one opcode says, or refuse it."""
        if opcode in _CONSTANTS:
            self.stack.append(argument)
        elif opcode in _EMPTY:
            self.stack.append(_EMPTY[opcode]())
        elif opcode in _METHODS:
            _METHODS[opcode](self, argument)
        elif opcode not in _NOTHING_TO_DO:
            raise WeightsError(f"holds code; refused (pickle opcode {opcode})")

    def mark(self, _: object) -> None:
        """Remember where the items of a container begin."""
        self._marks.append(len(self.stack))

    def since_mark(self) -> list[Any]:
        """Take the items since the last mark off the stack."""
        return self._taken(len(self.stack) - self._marks.pop())

    def make_tuple(self, size: int | None = None) -> None:
        """Make a tuple of the last items, or of those since the mark."""
        self.stack.append(tuple(self.since_mark() if size is None else self._taken(size)))

    def append(self, items: Sequence[Any]) -> None:
        """Add items to the list on top of the stack."""
        if type(self.stack[-1]) is not list:
            raise WeightsError("an append to something that is not a list")
        self.stack[-1].extend(items)

    def set_items(self, items: Sequence[Any]) -> None:
        """Enter keys and values, by turns in `items`, in the dict on top of the stack."""
        for key, value in zip(items[::2], items[1::2], strict=True):
            _set(self.stack[-1], key, value)

    def memoize(self, place: int | None) -> None:
        """Keep what is on top of the stack, by default under the next number."""
        self._memo[len(self._memo) if place is None else place] = self.stack[-1]

    def recall(self, place: int) -> None:
        """Put something kept on the stack."""
        self.stack.append(self._memo[place])

    def refer(self, _: object) -> None:
        """Replace a persistent reference by the storage that it names."""
        storage = _persistent(self.stack.pop())
        if self._storages.setdefault(storage.key, storage) != storage:
            raise WeightsError(f"storage {storage.key!r} is described in two ways")
        self.stack.append(storage)

    def reduce(self, _: object) -> None:
        """Call one of the functions that are known."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Global) or function.name not in _CALLABLES:
            raise WeightsError("holds code; refused (a call of something that is not a function)")
        self.stack.append(_CALLABLES[function.name](*arguments))

    def find_global(self, name: str | None) -> None:
        """Put a function's name on the stack, given or taken from there."""
        if name is None:
            attribute, module = self.stack.pop(), self.stack.pop()
            name = f"{module} {attribute}"
        self.stack.append(_find_global(name))

    def pair(self) -> list[Any]:
        """Take a key and its value off the stack."""
        value, key = self.stack.pop(), self.stack.pop()
        return [key, value]

    def discard(self) -> None:
        """Forget what is on top of the stack."""
        self.stack.pop()

    def _taken(self, size: int) -> list[Any]:
        at = len(self.stack) - size
        items = self.stack[at:]
        del self.stack[at:]
        return items


_NOTHING_TO_DO: Final = frozenset({"PROTO", "FRAME"})
_CONSTANTS: Final = frozenset(
    {
        *("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "FLOAT"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    }
)
_EMPTY: Final[Mapping[str, Callable[[], object]]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_METHODS: Final[Mapping[str, Callable[[_Machine, Any], None]]] = {
    "MARK": _Machine.mark,
    "TUPLE": lambda machine, _: machine.make_tuple(),
    "TUPLE1": lambda machine, _: machine.make_tuple(1),
    "TUPLE2": lambda machine, _: machine.make_tuple(2),
    "TUPLE3": lambda machine, _: machine.make_tuple(3),
    "APPEND": lambda machine, _: machine.append([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.since_mark()),
    "SETITEM": lambda machine, _: machine.set_items(machine.pair()),
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    "PUT": _Machine.memoize,
    "BINPUT": _Machine.memoize,
    "LONG_BINPUT": _Machine.memoize,
    "MEMOIZE": _Machine.memoize,
    "GET": _Machine.recall,
    "BINGET": _Machine.recall,
    "LONG_BINGET": _Machine.recall,
    "GLOBAL": _Machine.find_global,
    "STACK_GLOBAL": _Machine.find_global,
    "BINPERSID": _Machine.refer,
    "REDUCE": _Machine.reduce,
    # A state dict carries its `_metadata` as an attribute; nothing in it is a weight.
    "BUILD": lambda machine, _: machine.discard(),
}
