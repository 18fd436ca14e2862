"""XMP with IPTC's digital source type, the form in which sites and programs read that a picture is no photograph.

https://cv.iptc.org/newscodes/digitalsourcetype/ lists the terms. It says nothing that whoever wants to can't remove.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from pathlib import Path
from xml.sax.saxutils import escape

PNG_KEYWORD = "XML:com.adobe.xmp"
"""Of the iTXt chunk that holds XMP in a PNG."""
MP4_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""Of the box that holds XMP in an mp4."""

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<Iptc4xmpExt:DigitalSourceType>{source}</Iptc4xmpExt:DigitalSourceType>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{note}</rdf:li></rdf:Alt></dc:description>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


class SourceType(StrEnum):
    """IPTC's terms that this project's files need."""

    TRAINED = "trainedAlgorithmicMedia"
    """What trained networks made."""
    PASTED = "compositeWithTrainedAlgorithmicMedia"
    """A photograph with what trained networks made in it or beside it."""
    RENDERED = "algorithmicMedia"
    """What a program made that isn't trained on samples: SynthFace."""
    SHEET = "compositeSynthetic"
    """Several pictures, some of them synthetic."""


def packet(source: SourceType, note: str) -> bytes:
    """The XMP packet, UTF-8."""
    return _PACKET.format(source=_TERMS + source, note=escape(note)).encode()


def add_to_mp4(path: Path, source: SourceType, note: str) -> None:
    """Add XMP to the finished mp4 file `path`, as a box behind all others."""
    content = MP4_UUID + packet(source, note)
    with open(path, "ab") as file:
        file.write(struct.pack(">I4s", 8 + len(content), b"uuid") + content)
