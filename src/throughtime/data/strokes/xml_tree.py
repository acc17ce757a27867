"""XML files as trees of elements that know their lines; declarations of entities are refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from throughtime.data.labelled.tables import read_bytes
from throughtime.errors import UserError


@dataclass
class Element:
    """An XML element.

    Attributes:
        tag: its name without a namespace.
        attributes: by their names without namespaces.
        line: where it begins, from 1.
        text: all characters directly in it.
        children: the elements directly in it.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def walk(self) -> Iterator["Element"]:
        """This element and all below it, in the order of the file."""
        left = [self]
        while left:
            element = left.pop()
            yield element
            left.extend(reversed(element.children))


def read_xml(file: Path) -> Element:
    """The root of an XML file, also of a .gz.

    Nothing outside the file is read, and no entity is expanded beyond the five of XML itself, so that memory grows with
    the file alone.

    Raises:
        UserError: it is no well-formed XML, or declares entities; it names the line.
    """
    content = read_bytes(file)
    if not content.strip():
        raise UserError(f"{file} is empty; leave it out, or give a file with strokes in it")
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    opened: list[Element] = []
    roots: list[Element] = []
    texts: list[list[str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        named = {key.rpartition("}")[2]: value for key, value in attributes.items()}
        element = Element(name.rpartition("}")[2], named, parser.CurrentLineNumber)
        (opened[-1].children if opened else roots).append(element)
        opened.append(element)
        texts.append([])

    def end(name: str) -> None:
        opened.pop().text = "".join(texts.pop())

    def characters(text: str) -> None:
        texts[-1].append(text)

    def entity(*_: object) -> None:
        raise UserError(
            f"{file}, line {parser.CurrentLineNumber}: the file declares an XML entity, and none is expanded; write "
            "the text itself instead"
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = characters, entity
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise UserError(
            f"{file}, line {error.lineno}: this is no well-formed XML ({expat.ErrorString(error.code)})"
        ) from None
    except (LookupError, ValueError) as error:  # an encoding that is not known
        raise UserError(f"{file} is no XML in an encoding that is known ({error})") from None
    return roots[0]
