"""The verifiable log of a node: append-only, tiled, signed. One process appends, any may read.

An append is one step that a crash undoes wholly or not at all: tiles are made durable first, then
the checkpoint under a second name (from here on it counts), then it takes the name that readers
see. So no crash and no power cut takes back a checkpoint that somebody has seen.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from quanyu.evidence import merkle
from quanyu.evidence.edge import EMPTY, Edge, grow
from quanyu.evidence.index import LeafIndex, leaf_id
from quanyu.evidence.note import (
    Checkpoint,
    NoteError,
    VerifierKey,
    open_note,
    parse_checkpoint,
    sign_note,
)
from quanyu.evidence.tiles import (
    ENTRIES,
    LARGEST_LEAF,
    WIDTH,
    hashes_at,
    read_tile,
    split_bundle,
    sync_folder,
    tile_levels,
    tile_path,
    width_at,
    write_durably,
)
from quanyu.kernel import Conflict, Invalid, NotFound, Signer, Unavailable

_CACHED_TILES = 1024  # 16 KiB each with its inner levels


@dataclass(frozen=True, slots=True)
class _Seen:
    """A checkpoint as read from disk, and the identity of the file it came from."""

    identity: tuple[int, int]
    note: bytes
    checkpoint: Checkpoint


class Log:
    """The log in ``folder``, whose origin and key name is ``origin``, signed by ``signers``.

    The first signer must be Ed25519 where anybody outside shall read the log (C2SP tlog-tiles).
    """

    def __init__(self, folder: Path, origin: str, signers: Sequence[Signer]) -> None:
        self.folder = folder
        self.origin = origin
        self.keys = tuple(VerifierKey(origin, each.algorithm, each.public) for each in signers)
        self.index = LeafIndex(folder / "index.sqlite")
        self._signers = tuple(signers)
        self._seen: _Seen | None = None
        self._lock: int | None = None
        self._edge: Edge | None = None
        self._levels = lru_cache(_CACHED_TILES)(self._read_levels)

    # reading

    @property
    def size(self) -> int:
        """How many leaves the log has."""
        seen = self._look()
        return seen.checkpoint.size if seen else 0

    def checkpoint(self) -> bytes:
        """The newest checkpoint, a signed note; :class:`NotFound` before the log has begun."""
        seen = self._look()
        if seen is None:
            raise NotFound("the log has not begun")
        return seen.note

    def tile(self, level: int, index: int, width: int = WIDTH) -> bytes:
        """``width`` hashes of 32 bytes; :class:`NotFound` where the log does not reach yet."""
        if level < 0:
            raise Invalid("a level is not negative", field="level")
        return self._committed(level, index, width)

    def entries(self, index: int, width: int = WIDTH) -> bytes:
        """A bundle of ``width`` leaves, each after its length in two bytes."""
        return self._committed(ENTRIES, index, width)

    def leaf(self, position: int) -> bytes:
        """The bytes of one leaf; :class:`NotFound` when the log is not that long."""
        size = self.size
        if not 0 <= position < size:
            raise NotFound("the log has no leaf {position}", position=position)
        number, at = divmod(position, WIDTH)
        bundle = read_tile(self.folder, ENTRIES, number, width_at(ENTRIES, number, size))
        return split_bundle(bundle)[at]

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Leaves from ``start`` up to ``end`` (default: all there are now), in order."""
        size = self.size if end is None else min(end, self.size)
        for number in range(start // WIDTH, -(-size // WIDTH)):
            bundle = split_bundle(
                read_tile(self.folder, ENTRIES, number, width_at(ENTRIES, number, size))
            )
            yield from bundle[max(0, start - number * WIDTH) :]

    def root(self, size: int) -> bytes:
        """Root hash of the tree of the first ``size`` leaves."""
        self._reaches(size)
        return self._subtree(0, size, size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Proof that leaf ``index`` is in the tree of ``size`` leaves (RFC 6962 2.1.1).

        Raises :class:`Invalid` for a leaf outside of the tree or a tree beyond the log.
        """
        self._reaches(size)
        try:
            path = merkle.inclusion_path(index, size)
        except IndexError as error:
            raise Invalid(
                "a tree of {size} leaves has no leaf {index}", size=size, index=index, field="index"
            ) from error
        return [self._subtree(start, end, size) for start, end in path]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that the tree of ``old`` leaves begins that of ``new`` (RFC 6962 2.1.2)."""
        self._reaches(new)
        try:
            path = merkle.consistency_path(old, new)
        except IndexError as error:
            raise Invalid(
                "a tree of {new} leaves has no beginning of {old}", new=new, old=old, field="old"
            ) from error
        return [self._subtree(start, end, new) for start, end in path]

    # appending

    def acquire(self) -> bool:
        """Become the one process that appends; ``False`` while another is.

        Finishes what a crash interrupted. Raises :class:`Unavailable` when the folder holds another
        log, or one that is damaged or shorter than it was.
        """
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            self._lock = lock
        if self._edge is None:
            try:
                self._edge = self._recover()
            except BaseException:
                self.release()
                raise
        return True

    def release(self) -> None:
        """Let another process append."""
        if self._lock is not None:
            os.close(self._lock)
        self._lock = self._edge = None

    def close(self) -> None:
        """Release the log and its index."""
        self.release()
        self.index.close()

    def append(self, leaves: Sequence[bytes], names: Sequence[str | None] | None = None) -> int:
        """Add leaves and sign the new checkpoint; returns the position of the first.

        ``names`` are their ids where the caller knows them, else they are read from the leaves.
        All or none of them are in the log when this returns or raises, also by a crash. Raises
        :class:`Invalid` for a leaf over 65,535 bytes, :class:`Conflict` while another process
        appends, ``OSError`` when the disk refuses.
        """
        if any(len(leaf) > LARGEST_LEAF for leaf in leaves):
            raise Invalid("a leaf has at most {most} bytes", most=LARGEST_LEAF, field="leaf")
        if not self.acquire() or self._edge is None:
            raise Conflict("another process appends to this log")
        edge = self._edge
        if not leaves:
            return edge.size
        self._edge = None  # until all is done: after a failure the disk is asked what holds
        files, grown = grow(edge, leaves)
        write_durably({self.folder / name: data for name, data in files.items()})
        self._commit(grown)
        self.index.add(edge.size, names or [leaf_id(leaf) for leaf in leaves])
        self._sweep(edge.size, grown.size)
        self._edge = grown
        return edge.size

    def _commit(self, edge: Edge) -> None:
        root = edge.root()
        note = sign_note(str(Checkpoint(self.origin, edge.size, root)), self.origin, self._signers)
        pending = self.folder / "checkpoint.next"
        write_durably({pending: note})
        pending.replace(self.folder / "checkpoint")

    def _recover(self) -> Edge:
        """Finish or forget what a crash interrupted, and make sure that this log may go on."""
        pending = self.folder / "checkpoint.next"
        if pending.exists():
            pending.replace(self.folder / "checkpoint")
        sync_folder(self.folder)
        self._seen = None
        seen = self._look()
        if seen is None:
            if (self.folder / "tile").exists():  # to begin anew would be to fork it
                raise self._damaged("it has lost its checkpoint")
            self._commit(EMPTY)
            return EMPTY
        if seen.checkpoint.origin != self.origin:
            raise self._damaged(f"it is the log of {seen.checkpoint.origin}")
        try:
            open_note(seen.note, self.keys)
        except NoteError as error:
            raise self._damaged(f"its checkpoint is not of this node: {error}") from error
        try:
            edge = self._read_edge(seen.checkpoint.size)
        except NotFound as error:
            raise self._damaged(str(error)) from error
        if edge.root() != seen.checkpoint.root:
            raise self._damaged("its tiles do not lead to its checkpoint")
        if self.index.size > edge.size:
            raise self._damaged(f"it had {self.index.size} leaves once, and has {edge.size} now")
        self._catch_up(edge.size)
        return edge

    def _damaged(self, why: str) -> Unavailable:
        return Unavailable(
            "nothing is added to the log in {folder}: {why}",
            mend="bring back its newest files; to go on from others would be to fork the log",
            folder=str(self.folder),
            why=why,
        )

    def _read_edge(self, size: int) -> Edge:
        def unfilled(level: int) -> bytes:
            number, width = divmod(hashes_at(level, size), WIDTH)
            return read_tile(self.folder, level, number, width) if width else b""

        tiles: list[bytes] = []
        while hashes_at(len(tiles), size):
            tiles.append(unfilled(len(tiles)))
        return Edge(size, tuple(tiles), unfilled(ENTRIES))

    def _catch_up(self, size: int) -> None:
        step = 64 * WIDTH
        for start in range(self.index.size, size, step):
            end = min(size, start + step)
            self.index.add(start, [leaf_id(leaf) for leaf in self.leaves(start, end)])

    def _sweep(self, old: int, new: int) -> None:
        """Remove partial tiles that a wider form has replaced; a crash may leave some."""
        for level in range(ENTRIES, len(_levels_of(old))):
            number, width = divmod(hashes_at(level, old), WIDTH)
            wider = width_at(level, number, new)
            if not width or wider == width:
                continue
            path = self.folder / tile_path(level, number, width)
            path.unlink(missing_ok=True)
            if wider == WIDTH:
                for left in path.parent.iterdir():
                    left.unlink()
                path.parent.rmdir()

    # nodes of the tree

    def _look(self) -> _Seen | None:
        path = self.folder / "checkpoint"
        seen = self._seen
        try:
            with path.open("rb") as file:
                stat = os.fstat(file.fileno())
                identity = (stat.st_ino, stat.st_mtime_ns)
                if seen is not None and seen.identity == identity:
                    return seen
                note = file.read()
        except FileNotFoundError:
            return None
        text = note.decode().rpartition("\n\n")[0] + "\n"
        self._seen = _Seen(identity, note, parse_checkpoint(text))
        return self._seen

    def _committed(self, level: int, index: int, width: int) -> bytes:
        if index < 0 or not 1 <= width <= width_at(level, index, self.size):
            raise NotFound("there is no tile {path}", path=tile_path(level, abs(index), width))
        return read_tile(self.folder, level, index, width)

    def _reaches(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise Invalid("the log has no tree of {size} leaves", size=size, field="size")

    def _subtree(self, start: int, end: int, size: int) -> bytes:
        def node(level: int, index: int) -> bytes:
            tile_level, inner = divmod(level, 8)
            number, at = divmod(index << inner, WIDTH)
            levels = self._levels(tile_level, number, width_at(tile_level, number, size))
            at = (at >> inner) * merkle.HASH_BYTES
            return levels[inner][at : at + merkle.HASH_BYTES]

        return merkle.subtree_root(start, end, node)

    def _read_levels(self, level: int, index: int, width: int) -> list[bytes]:
        return tile_levels(read_tile(self.folder, level, index, width))


def _levels_of(size: int) -> range:
    """Tile levels that a tree of ``size`` leaves has."""
    count = 0
    while hashes_at(count, size):
        count += 1
    return range(count)
