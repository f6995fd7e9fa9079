"""The picture that verify uploads is a picture, and never the same one twice."""

from __future__ import annotations

import struct
import zlib

from provision.verify.photo import picture


def test_picture_is_a_whole_png() -> None:
    data = picture()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds = 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        kinds.append(kind)
        at += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    assert picture() != data
