"""Who may discover and join a dialog: three levels of labels, matched exactly."""

from collections.abc import Iterable

from attrs import field, frozen

from mtchat_core.domain import text
from mtchat_core.domain.errors import ChatError, InvalidInput, Kind

Level = frozenset[str]
"""Labels of one level, compared exactly and without order."""

MAX_SCOPES = 100
MAX_VALUES = 100
MAX_VALUE_LENGTH = 255


class ScopeMismatch(ChatError):
    """The caller neither takes part in the dialog nor holds a scope that matches it."""

    code, kind = "SCOPE_MISMATCH", Kind.DENIED
    says = "Forbidden: none of your scopes matches this dialog."


def _levels(levels: Iterable[Iterable[str]]) -> tuple[Level, Level, Level]:
    first, second, third = (frozenset(level) for level in levels)
    return first, second, third


@frozen
class UserScope:
    """What a person holds on each of the three levels. An empty level holds nothing."""

    levels: tuple[Level, Level, Level] = field(converter=_levels)


@frozen
class AccessScope:
    """Who may discover a dialog: three levels, and an empty level welcomes anyone."""

    levels: tuple[Level, Level, Level] = field(converter=_levels)
    tenant_uid: str | None = field(default=None, eq=False)
    """Set when the host named a tenant instead of level 0; answers then repeat it."""

    def admits(self, user: UserScope) -> bool:
        """Tell whether every level is empty or shares a label with the person's."""
        pairs = zip(self.levels, user.levels, strict=True)
        return all(not asked or asked & held for asked, held in pairs)


def access_scope(*levels: Iterable[str], tenant_uid: str | None = None) -> AccessScope:
    """Build a scope from labels a host sent.

    Raises:
        InvalidInput: more than 100 labels on a level, or a label over 255 characters.
    """
    checked: list[frozenset[str]] = []
    for number, labels in enumerate(levels):
        level = frozenset(
            text.bounded(f"scope_level{number}", label, at_most=MAX_VALUE_LENGTH) for label in labels
        )
        if len(level) > MAX_VALUES:
            raise InvalidInput(f"scope_level{number} holds too many values: at most {MAX_VALUES}.")
        checked.append(level)
    return AccessScope(checked, tenant_uid)


def access_scopes(scopes: Iterable[AccessScope]) -> tuple[AccessScope, ...]:
    """Return the scopes of one dialog.

    Raises:
        InvalidInput: more than 100 of them.
    """
    kept = tuple(scopes)
    if len(kept) > MAX_SCOPES:
        raise InvalidInput(f"access_scopes holds too many entries: at most {MAX_SCOPES}.")
    return kept


def any_admits(scopes: Iterable[AccessScope], user: UserScope | None) -> bool:
    """Tell whether at least one scope admits the person; without scopes, nobody is."""
    return user is not None and any(scope.admits(user) for scope in scopes)


def hides_from_lists(scopes: tuple[AccessScope, ...], user: UserScope | None) -> bool:
    """Tell whether a participant's own lists leave the dialog out.

    Scopes narrow the lists of participants too, but only when the caller presents scopes and
    the dialog has any.
    """
    return user is not None and bool(scopes) and not any_admits(scopes, user)


def same_set(one: Iterable[AccessScope], other: Iterable[AccessScope]) -> bool:
    """Tell whether two scope lists say the same: as many entries, each contained in the other."""
    ours, theirs = tuple(one), tuple(other)
    return len(ours) == len(theirs) and set(ours) == set(theirs)
