"""The letters of the print: Noto Sans and Noto Serif for simplified Chinese (SIL Open Font License), in the file.

A PDF that only *names* a Chinese font shows what the reader's machine happens to have, or nothing. So the characters
that a report uses are put into it. The fonts come as a wheel with PostScript outlines, which reportlab does not take:
the few hundred characters that are needed are redrawn as TrueType outlines, to within a thousandth of the letter.
"""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from pylopdf_fonts_zh_cn import sans_path, serif_path

Face = Literal["sans", "serif"]
_ALWAYS = "".join(map(chr, range(0x20, 0x7F)))
_ERROR_UNITS = 1.0


def lettered(face: Face, characters: Iterable[str]) -> bytes:
    """A TrueType font that has these characters, and those of ASCII. Characters that the face lacks stay boxes."""
    path: Path = sans_path() if face == "sans" else serif_path()
    font = TTFont(str(path), lazy=True)
    try:
        return _redrawn(_subset(font, {*_ALWAYS, *characters}), face)
    finally:
        font.close()


def _subset(font: TTFont, characters: set[str]) -> TTFont:
    options = Options()
    options.layout_features = []
    options.hinting = False
    options.desubroutinize = True
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(sorted(characters)))
    subsetter.subset(font)
    return font


def _redrawn(font: TTFont, face: Face) -> bytes:
    outlines = font.getGlyphSet()
    glyphs = {}
    for name in font.getGlyphOrder():
        pen = TTGlyphPen(outlines)
        # The two kinds of outlines run in opposite directions.
        outlines[name].draw(Cu2QuPen(pen, _ERROR_UNITS, reverse_direction=True))
        glyphs[name] = pen.glyph()
    builder = FontBuilder(font["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(font.getGlyphOrder())
    builder.setupCharacterMap(font.getBestCmap())
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({name: font["hmtx"][name] for name in font.getGlyphOrder()})
    builder.setupHorizontalHeader(ascent=font["hhea"].ascent, descent=font["hhea"].descent)
    builder.setupNameTable({"familyName": f"Report {face}", "styleName": "Regular", "psName": f"Report-{face}"})
    builder.setupOS2(sTypoAscender=font["OS/2"].sTypoAscender, sTypoDescender=font["OS/2"].sTypoDescender)
    builder.setupPost()
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()
