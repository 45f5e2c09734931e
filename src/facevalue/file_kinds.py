"""What a file really is, told by its first bytes, whatever its name says."""

from __future__ import annotations

from collections.abc import Sequence

HEAD = 64
"""How many bytes of a file `content_kind` needs."""

SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG image"),
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"GIF8", "GIF image"),
    (b"BM", "BMP image"),
    (b"II*\0", "TIFF image"),
    (b"MM\0*", "TIFF image"),
    (b"8BPS", "Photoshop image"),
    (b"\xff\x0a", "JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "JPEG XL image"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 image"),
    (b"%PDF", "PDF document"),
    (b"PK\3\4", "zip archive"),
    (b"\x1f\x8b", "gzip archive"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (b"0&\xb2u\x8ef\xcf\x11", "WMV video"),
    (b"<svg", "SVG drawing"),
    (b"<!doctype html", "web page"),
    (b"<html", "web page"),
)
"""The first bytes of files, in lower case where letters of both cases are allowed."""

BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF image"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "HEIC image"),
    b"crx ": "raw photo",
    b"qt  ": "QuickTime video",
}
"""The kinds of files in the container of MP4, by their brands."""


def content_kind(head: bytes) -> str:
    """Return what a file is, such as "HEIC image", or "" if that is unknown.

    Args:
        head: its first `HEAD` bytes or more.

    >>> content_kind(b"GIF89a...."), content_kind(b"some text")
    ('GIF image', '')
    """
    if head[4:8] == b"ftyp":
        # the main brand comes first, then a number, then the others
        brands = [head[8:12], *(head[k : k + 4] for k in range(16, HEAD, 4))]
        if brands[0] in (b"mif1", b"msf1") and b"avif" in brands:
            return BRANDS[b"avif"]
        if brands[0].startswith(b"3g"):
            return "3GP video"
        return BRANDS.get(brands[0], "MP4 video")
    if head[:4] == b"RIFF":
        return {b"WEBP": "WebP image", b"AVI ": "AVI video"}.get(head[8:12], "")
    start = head[:HEAD].lstrip().lower() if head.lstrip()[:1] == b"<" else head
    return next((kind for signature, kind in SIGNATURES if start.startswith(signature)), "")


def in_words(parts: Sequence[str], word: str = "and") -> str:
    """Return one or more parts as a list in a sentence.

    >>> in_words(["PNG"]), in_words(["PNG", "GIF"]), in_words(["PNG", "GIF", "TIFF"], "or")
    ('PNG', 'PNG and GIF', 'PNG, GIF or TIFF')
    """
    *first, last = parts
    return f"{', '.join(first)} {word} {last}" if first else last


def with_article(kind: str) -> str:
    """Return a kind of file with "a" or "an".

    >>> with_article("AVIF image"), with_article("JPEG image")
    ('an AVIF image', 'a JPEG image')
    """
    return f"{'an' if kind[0] in 'AESM' and kind.split()[0].isupper() else 'a'} {kind}"
