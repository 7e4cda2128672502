"""Checks a sealed PDF against the clauses of ISO 19005-3 (PDF/A-3b) that sealing could break, and those on embedded
files: judge FILE; prints `clause: what is wrong` for each violation, and `checked N objects` at the end.

It reads with pyHanko's reader, which shares no code with ours. It is not a whole PDF/A validator: what the layout alone
decides (fonts, content streams) is held by the layout's own export, which refuses what PDF/A-3b forbids.
"""

import re
import sys

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader

path = sys.argv[1]
data = open(path, "rb").read()
reader = PdfFileReader(open(path, "rb"))
root = reader.root
wrong = []

FORBIDDEN_ANNOTATIONS = {"/3D", "/Sound", "/Screen", "/Movie", "/RichMedia"}
FORBIDDEN_ACTIONS = {
    "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/Hide", "/SetOCGState", "/Rendition", "/Trans",
    "/GoTo3DView", "/JavaScript",
}  # fmt: skip
BLEND_MODES = {
    "/Normal", "/Compatible", "/Multiply", "/Screen", "/Overlay", "/Darken", "/Lighten", "/ColorDodge", "/ColorBurn",
    "/HardLight", "/SoftLight", "/Difference", "/Exclusion", "/Hue", "/Saturation", "/Color", "/Luminosity",
}  # fmt: skip


def get(value, key, default=None):
    """What a reference leads to, in place of the reference."""
    return value[key] if key in value else default


def items(array):
    return [array[place] for place in range(len(array))]


def check(holds, clause, what):
    if not holds:
        wrong.append(f"{clause}: {what}")


def parts(value):
    """A value and all that stands directly in it; references are followed by the loop over all objects."""
    yield value
    if isinstance(value, generic.DictionaryObject):
        for key in value:
            yield from parts(value.raw_get(key))
    elif isinstance(value, generic.ArrayObject):
        for place in range(len(value)):
            yield from parts(value.raw_get(place))


def annotation(value):
    kind = get(value, "/Subtype")
    check(kind not in FORBIDDEN_ANNOTATIONS, "6.3.1", f"annotation {kind}")
    if kind != "/Popup":
        flags = get(value, "/F")
        check(flags is not None, "6.3.2", f"annotation {kind} without F")
        flags = int(flags or 0)
        check(flags & 0b100 and not flags & 0b100100011, "6.3.2", f"annotation {kind} with flags {flags}")
    left, bottom, right, top = (float(edge) for edge in items(value["/Rect"]))
    if kind not in ("/Popup", "/Link") and (left, bottom) != (right, top):
        appearance = get(value, "/AP")
        check(appearance is not None, "6.3.3", f"annotation {kind} without appearance")
        check(appearance is None or set(appearance) == {"/N"}, "6.3.3", "an appearance other than N")
        if kind == "/Widget" and appearance is not None and get(value, "/FT") != "/Btn":
            check(isinstance(appearance["/N"], generic.StreamObject), "6.3.3", "N is no stream")
    if kind == "/Widget":
        check("/A" not in value and "/AA" not in value, "6.4.1", "a widget with an action")


def dictionary(value):
    kind, subtype = get(value, "/Type"), get(value, "/Subtype")
    if kind == "/Annot":
        annotation(value)
    check(kind != "/Action" or get(value, "/S") not in FORBIDDEN_ACTIONS, "6.5.1", f"action {get(value, '/S')}")
    if kind == "/ExtGState":
        for key in ("/TR", "/HTP", "/HTO"):
            check(key not in value, "6.2.5", f"graphics state with {key}")
        check(get(value, "/TR2", "/Default") == "/Default", "6.2.5", "TR2")
        check(get(value, "/BM", "/Normal") in BLEND_MODES, "6.2.10", f"blend mode {get(value, '/BM')}")
    if subtype == "/Form" and isinstance(value, generic.StreamObject):
        for key in ("/OPI", "/PS", "/Ref"):
            check(key not in value, "6.2.9", f"form with {key}")
        check(get(value, "/Subtype2") != "/PS", "6.2.9", "PostScript form")
    if kind == "/Filespec" or "/EF" in value:
        check("/F" in value and "/UF" in value, "6.8", "a file specification without F and UF")
        relationship = get(value, "/AFRelationship")
        allowed = ("/Source", "/Data", "/Alternative", "/Supplement", "/Unspecified")
        check(relationship in allowed, "6.8", f"AFRelationship {relationship}")
        for name in get(value, "/EF", {}):
            embedded = value["/EF"][name]
            mime = str(get(embedded, "/Subtype", ""))
            check(re.fullmatch(r"/[a-z]+/[a-z0-9.+-]+", mime), "6.8", f"MIME type {mime}")
            check("/ModDate" in get(embedded, "/Params", {}), "6.8", "an embedded file without ModDate")
    if kind == "/SigRef" and get(value, "/TransformMethod") == "/DocMDP":
        for key in ("/DigestLocation", "/DigestMethod", "/DigestValue"):
            check(key not in value, "6.1.12", f"DocMDP with {key}")
    check(not {"/XFA"} & set(value), "6.4.2", "XFA")


def stream(value):
    for key in ("/F", "/FFilter", "/FDecodeParms"):
        check(key not in value, "6.1.7.1", f"stream with {key}")
    filters = get(value, "/Filter", generic.ArrayObject())
    filters = items(filters) if isinstance(filters, generic.ArrayObject) else [filters]
    for name in filters:
        check(name not in ("/LZWDecode", "/Crypt"), "6.1.7.2", f"filter {name}")


# 6.1.2 and 6.1.3
check(re.match(rb"%PDF-1\.[0-7]\r?\n%[\x80-\xff]{4}", data), "6.1.2", "header")
check(re.search(rb"%%EOF\r?\n?\Z", data), "6.1.3", "bytes after the end")
check("/ID" in reader.trailer, "6.1.3", "no ID")
check("/Encrypt" not in reader.trailer, "6.1.3", "encrypted")

# Every object, as the last revision has it.
objects = 0
for number in range(1, int(reader.trailer["/Size"])):
    try:
        value = reader.get_object(generic.Reference(number, 0, reader))
    except PdfReadError:
        # A number that no object has.
        continue
    objects += 1
    for part in parts(value):
        if isinstance(part, generic.DictionaryObject):
            dictionary(part)
        if isinstance(part, generic.StreamObject):
            stream(part)
        if isinstance(part, (generic.TextStringObject, generic.ByteStringObject)):
            length = len(getattr(part, "original_bytes", part))
            check(length <= 32767, "6.1.13", f"a string of {length} bytes")
        if isinstance(part, generic.NameObject):
            check(len(part) <= 128, "6.1.13", "a name of more than 127 bytes")

# 6.1.9: the objects that stand by themselves in the last revisions, which are sealing's: each on lines of its own.
first_end = data.index(b"%%EOF")
for match in re.finditer(rb"(?<![\r\n\d ])\d+ \d+ obj|\d+ \d+ obj(?![\r\n])|(?<![\r\n])endobj|endobj(?![\r\n])", data):
    check(match.start() < first_end, "6.1.9", f"object at {match.start()}")

# 6.1.12
check(set(get(root, "/Perms", {})) <= {"/UR3", "/DocMDP"}, "6.1.12", "a permission other than UR3 and DocMDP")

# 6.2.3
intents = [intent for intent in items(get(root, "/OutputIntents", [])) if get(intent, "/S") == "/GTS_PDFA1"]
check(len(intents) == 1, "6.2.3", f"{len(intents)} output intents")
for intent in intents:
    profile = intent["/DestOutputProfile"].data
    check(profile[16:20] == b"RGB ", "6.2.4.3", "DeviceRGB is used, and the output intent is not of RGB")

# 6.4
form = get(root, "/AcroForm", {})
check(not get(form, "/NeedAppearances", False), "6.4.1", "NeedAppearances")

# 6.4.3
for signature in reader.embedded_signatures:
    signed = signature.signed_data
    check(len(signed["signer_infos"]) == 1, "6.4.3", "not one SignerInfo")
    check(len(signed["certificates"]) >= 1, "6.4.3", "no certificate")
    zero, before, after, rest = (int(number) for number in signature.byte_range)
    gap = data[before:after]
    check(zero == 0 and gap[:1] == b"<" and gap[-1:] == b">", "6.4.3", "ByteRange")
    check(re.search(rb"%%EOF\r?\n?\Z", data[after : after + rest]), "6.4.3", "ByteRange ends within a revision")

# 6.5.2
check("/AA" not in root, "6.5.2", "additional actions of the document")

# 6.6.2, 6.6.4
metadata = root["/Metadata"]
check("/Filter" not in metadata, "6.6.2.1", "compressed metadata")
text = metadata.data.decode()
check(re.search(r"pdfaid:part(>|=\")3", text), "6.6.4", "part")
check(re.search(r"pdfaid:conformance(>|=\")[ABU]", text), "6.6.4", "conformance")

# 6.8: the embedded file belongs to the document, and is what its name says.
associated = get(root, "/AF", [])
check(len(associated) >= 1, "6.8", "no associated file")
for file in items(associated):
    print(f"attached {file['/UF']} {file['/AFRelationship']} {file['/EF']['/F']['/Subtype']}")

for violation in sorted(set(wrong)):
    print(violation)
print(f"checked {objects} objects")
