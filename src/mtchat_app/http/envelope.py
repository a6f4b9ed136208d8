"""The shape of every success: what was asked for, under `data`."""

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")


class Data(Struct, Generic[T], frozen=True):
    """What was asked for."""

    data: T


class Listed(Struct, Generic[T], frozen=True):
    """One page of a list."""

    data: list[T]
    next_cursor: Annotated[
        str | None, Meta(description="Give it as `cursor` for the next page; null at the end.")
    ] = None


def described(
    description: str,
    *,
    min_length: int | None = None,
    max_length: int | None = None,
    max_items: int | None = None,
    examples: list[object] | None = None,
) -> Meta:
    """Describe a field, with limits that the API description shows and the domain checks.

    Given as limits of msgspec they would be refused with 422 before the domain could say 400.
    Lengths count characters.
    """
    limits = {"min_length": min_length, "max_length": max_length, "max_items": max_items}
    shown = {name: limit for name, limit in limits.items() if limit is not None}
    return Meta(description=description, examples=examples, extra_json_schema={"extra": shown} if shown else None)
