"""How the log grows: from its unfilled edge and new leaves to the tiles to write. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from quanyu.evidence import merkle
from quanyu.evidence.tiles import (
    ENTRIES,
    TILE_BYTES,
    WIDTH,
    hashes_at,
    tile_levels,
    tile_path,
)


@dataclass(frozen=True, slots=True)
class Edge:
    """All that an append needs of what went before: the unfilled tile of each level, and bundle."""

    size: int
    tiles: tuple[bytes, ...]
    bundle: bytes

    def root(self) -> bytes:
        """Root hash of the whole tree."""
        levels = [tile_levels(tile) for tile in self.tiles]

        def node(level: int, index: int) -> bytes:
            tile_level, inner = divmod(level, 8)
            at = ((index << inner) % WIDTH >> inner) * merkle.HASH_BYTES
            return levels[tile_level][inner][at : at + merkle.HASH_BYTES]

        return merkle.subtree_root(0, self.size, node)


EMPTY = Edge(0, (), b"")


def grow(edge: Edge, leaves: Sequence[bytes]) -> tuple[dict[str, bytes], Edge]:
    """Tiles and bundles that appending ``leaves`` makes, by path, and the edge after it."""
    files, bundle = _bundles(edge, leaves)
    tiles: list[bytes] = []
    hashes = b"".join([merkle.leaf_hash(leaf) for leaf in leaves])
    while hashes or len(tiles) < len(edge.tiles):
        level = len(tiles)
        row = (edge.tiles[level] if level < len(edge.tiles) else b"") + hashes
        number = hashes_at(level, edge.size) // WIDTH
        roots: list[bytes] = []
        full = len(row) // TILE_BYTES * TILE_BYTES
        for at in range(0, full, TILE_BYTES):
            tile = row[at : at + TILE_BYTES]
            files[tile_path(level, number)] = tile
            roots.append(tile_levels(tile)[-1])
            number += 1
        rest = row[full:]
        if hashes and rest:
            files[tile_path(level, number, len(rest) // merkle.HASH_BYTES)] = rest
        tiles.append(rest)
        hashes = b"".join(roots)
    return files, Edge(edge.size + len(leaves), tuple(tiles), bundle)


def _bundles(edge: Edge, leaves: Sequence[bytes]) -> tuple[dict[str, bytes], bytes]:
    files: dict[str, bytes] = {}
    number, width = divmod(edge.size, WIDTH)
    bundle, at = edge.bundle, 0
    while at < len(leaves):
        part = leaves[at : at + WIDTH - width]
        bundle += b"".join([len(leaf).to_bytes(2, "big") + leaf for leaf in part])
        at += len(part)
        width += len(part)
        files[tile_path(ENTRIES, number, width)] = bundle
        if width == WIDTH:
            number, width, bundle = number + 1, 0, b""
    return files, bundle
