"""Draws a page of an OFD file as SVG, by GB/T 33190 and with nothing of ours: lxml reads the XML, fontTools the glyphs.

draw.py FILE PAGE OUT: pages count from 0. The seals on the page are drawn over it. What it does not know it refuses.
"""

import base64
import sys
import zipfile

from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont
from lxml import etree

OFD = "{http://www.ofdspec.org/2016}"
KNOWN = {
    "TextObject": {"ID", "Boundary", "Font", "Size"},
    "TextCode": {"X", "Y", "DeltaX"},
    "PathObject": {"ID", "Boundary", "LineWidth", "Stroke", "Fill", "Rule"},
}
PARTS = {
    "TextObject": ["FillColor", "CGTransform", "TextCode"],
    "PathObject": ["FillColor", "StrokeColor", "AbbreviatedData"],
}
# GB/T 33190 9.1 against SVG 2: curves are called otherwise, and so is the end of a part.
OPERATORS = {"S": "M", "M": "M", "L": "L", "Q": "Q", "B": "C", "C": "Z"}


def numbers(text):
    return [float(part) for part in text.split()]


def gaps(text, count):
    parts, found = text.split(), []
    while parts:
        part = parts.pop(0)
        if part == "g":
            times, gap = int(parts.pop(0)), float(parts.pop(0))
            found += [gap] * times
        else:
            found.append(float(part))
    assert len(found) == count, (len(found), count)
    return found


def color(element, default):
    if element is None:
        return default
    assert set(element.attrib) <= {"Value", "Alpha"} and not len(element), etree.tostring(element)
    value = "rgb({})".format(",".join(element.get("Value").split()))
    return value, int(element.get("Alpha", "255")) / 255


class Page:
    def __init__(self, package, number):
        self.package = package
        document = self.xml("Doc_0/Document.xml")
        resources = self.xml("Doc_0/" + document.findtext(f".//{OFD}PublicRes"))
        base = "Doc_0/" + resources.get("BaseLoc")
        self.fonts, self.inks = {}, {}
        for font in resources.iter(OFD + "Font"):
            with package.open(f"{base}/{font.findtext(OFD + 'FontFile')}") as file:
                self.fonts[font.get("ID")] = TTFont(file)
        for parameter in resources.iter(OFD + "DrawParam"):
            self.inks[parameter.get("ID")] = color(parameter.find(OFD + "FillColor"), None)
        page = document.findall(f".//{OFD}Page")[number]
        self.id, self.page = page.get("ID"), self.xml("Doc_0/" + page.get("BaseLoc"))
        self.black = "rgb(0,0,0)", 1.0

    def xml(self, path):
        return etree.fromstring(self.package.read(path), etree.XMLParser(resolve_entities=False))

    def draw(self):
        _, _, width, height = numbers(self.page.findtext(f"{OFD}Area/{OFD}PhysicalBox"))
        drawn = []
        for layer in self.page.iter(OFD + "Layer"):
            ink = self.inks.get(layer.get("DrawParam"), self.black)
            for item in layer:
                kind = etree.QName(item).localname
                assert set(item.attrib) <= KNOWN[kind], etree.tostring(item)
                parts = [etree.QName(part).localname for part in item]
                assert parts == [part for part in PARTS[kind] if part in parts], etree.tostring(item)
                x, y, _, _ = numbers(item.get("Boundary"))
                inner = self.text(item, ink) if kind == "TextObject" else self.path(item)
                drawn.append(f'<g transform="translate({x} {y})">{inner}</g>')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm"'
            f' viewBox="0 0 {width} {height}">{"".join(drawn + list(self.seals()))}</svg>'
        )

    def seals(self):
        """The picture of each seal, mixed with what stands under it as ink is."""
        listed = self.xml(self.xml("OFD.xml").findtext(f".//{OFD}Signatures").lstrip("/"))
        for entry in listed.iter(OFD + "Signature"):
            signature = self.xml(entry.get("BaseLoc").lstrip("/"))
            value = self.package.read(signature.findtext(OFD + "SignedValue").lstrip("/"))
            start, end = value.index(b"\x89PNG"), value.index(b"IEND") + 8
            picture = base64.b64encode(value[start:end]).decode()
            for stamp in signature.iter(OFD + "StampAnnot"):
                assert set(stamp.attrib) == {"ID", "PageRef", "Boundary"}, etree.tostring(stamp)
                if stamp.get("PageRef") == self.id:
                    x, y, width, height = numbers(stamp.get("Boundary"))
                    yield (
                        f'<image x="{x}" y="{y}" width="{width}" height="{height}" preserveAspectRatio="none"'
                        f' style="mix-blend-mode:multiply" href="data:image/png;base64,{picture}"/>'
                    )

    def text(self, item, ink):
        code, transform = item.find(OFD + "TextCode"), item.find(OFD + "CGTransform")
        assert set(code.attrib) <= KNOWN["TextCode"], etree.tostring(code)
        glyphs = [int(glyph) for glyph in transform.findtext(OFD + "Glyphs").split()]
        assert transform.get("CodePosition") == "0"
        assert int(transform.get("CodeCount")) == len(code.text) == len(glyphs) == int(transform.get("GlyphCount"))
        font = self.fonts[item.get("Font")]
        shapes, names = font.getGlyphSet(), font.getGlyphOrder()
        scale = float(item.get("Size")) / font["head"].unitsPerEm
        x, y = float(code.get("X")), float(code.get("Y"))
        fill, alpha = color(item.find(OFD + "FillColor"), ink)
        out = []
        for glyph, gap in zip(glyphs, gaps(code.get("DeltaX", ""), len(glyphs) - 1) + [0.0]):
            pen = SVGPathPen(shapes)
            shapes[names[glyph]].draw(pen)
            out.append(f'<path transform="translate({x} {y}) scale({scale} -{scale})" d="{pen.getCommands()}"/>')
            x += gap
        return f'<g fill="{fill}" fill-opacity="{alpha}">{"".join(out)}</g>'

    def path(self, item):
        data = " ".join(OPERATORS.get(part, part) for part in item.findtext(OFD + "AbbreviatedData").split())
        fill, stroke = "none", "none"
        alpha = line = 1.0
        if item.get("Fill") == "true":
            fill, alpha = color(item.find(OFD + "FillColor"), self.black)
        if item.get("Stroke") != "false":
            stroke, line = color(item.find(OFD + "StrokeColor"), self.black)
        rule = "evenodd" if item.get("Rule") == "Even-Odd" else "nonzero"
        return (
            f'<path d="{data}" fill="{fill}" fill-opacity="{alpha}" fill-rule="{rule}" stroke="{stroke}"'
            f' stroke-opacity="{line}" stroke-width="{item.get("LineWidth", "0.353")}"/>'
        )


with zipfile.ZipFile(sys.argv[1]) as package, open(sys.argv[3], "w", encoding="utf-8") as out:
    out.write(Page(package, int(sys.argv[2])).draw())
