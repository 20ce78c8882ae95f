"""A network that others have trained, as a run needs it before its data is read."""

from netwright.api.rows import Tokens
from netwright.core.errors import InputError
from netwright.core.settings import Settings
from netwright.families.bert.hub import opened


def pretrained_for(settings: Settings) -> tuple[Tokens, dict[str, object]]:
    """Its tokenizer, and what the family's settings must say of it.

    Raises InputError where none is named, and for one that can't be used.
    """
    if settings.pretrained is None:
        raise InputError(
            "Which network is to be trained on?",
            got="--family bert without --pretrained",
            wanted="a folder with a network and its tokenizer, or its name on a hub",
            fix="For example --pretrained distilbert-base-uncased; without one, leave --family out.",
        )
    found = opened(settings.pretrained)
    own: dict[str, object] = {"pretrained": found.origin, "architecture": found.architecture}
    return Tokens(tokenizer=found.tokenizer, length=found.length), own
