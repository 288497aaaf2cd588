"""The kinds of nodes. One module each; `KINDS` is the closed list: what is not in it does not parse.

The list is here and not in `config.wiring`, because kinds are the grammar of stored graphs, not parts that an installation
chooses: a version that was published must mean the same everywhere.
"""

from collections.abc import Mapping

from parcours.journeys.nodes.attribute import SetAttribute
from parcours.journeys.nodes.base import Node
from parcours.journeys.nodes.branch import Branch
from parcours.journeys.nodes.exit import Exit
from parcours.journeys.nodes.lists import AddToList, RemoveFromList
from parcours.journeys.nodes.send import Send
from parcours.journeys.nodes.wait import Wait

_ALL: tuple[type[Node], ...] = (Send, Wait, Branch, SetAttribute, AddToList, RemoveFromList, Exit)
KINDS: Mapping[str, type[Node]] = {kind.keyword: kind for kind in _ALL}
